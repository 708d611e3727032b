from dataclasses import replace

import pytest

from endpoints.domain.servers import AzureMLServer, ServerInput, StudioServer, server_for

GIVEN = ServerInput(
    python="/env/bin/python",
    runtime="/app/runtime",
    socket="/run/r-1.sock",
    model_dir="/store/model",
    code_dir="/store/code",
    scoring_script="src/score.py",
    scratch_dir="/scratch/r-1",
    environment_variables={"LEVEL": "debug"},
    request_timeout_ms=7000,
    max_request_bytes=2048,
    drain_seconds=20,
)


def test_scoring_script() -> None:
    plan = StudioServer().plan(GIVEN)
    assert plan.command == (
        *("/env/bin/python", "/app/runtime"),
        *("--socket", "/run/r-1.sock"),
        *("--workers", "1"),
        *("--request-timeout-ms", "7000"),
        *("--max-request-bytes", "2048"),
        *("--max-concurrent", "1"),
        *("--drain-seconds", "20"),
        *("--model-dir", "/store/model"),
        *("--entry-script", "/store/code/src/score.py"),
    )
    assert plan.working_directory == "/store/code"
    assert (plan.liveness_path, plan.readiness_path, plan.scoring_path) == ("/live", "/ready", "/score")


def test_mlflow_model_without_code() -> None:
    plan = StudioServer().plan(replace(GIVEN, code_dir="", scoring_script=""))
    assert plan.command[-3:] == ("--model-dir", "/store/model", "--mlflow")
    assert plan.working_directory == "/scratch/r-1"


def test_code_without_a_model() -> None:
    plan = StudioServer().plan(replace(GIVEN, model_dir=""))
    assert "--model-dir" not in plan.command
    assert "AZUREML_MODEL_DIR" not in plan.environment


def test_environment_is_complete_and_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_SECRET_KEY", "hush")
    environment = StudioServer().plan(GIVEN).environment
    assert environment == {
        "PATH": "/env/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/scratch/r-1",
        "TMPDIR": "/scratch/r-1",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LEVEL": "debug",
        "AZUREML_MODEL_DIR": "/store/model",
    }


def test_the_model_folder_cannot_be_taken_over() -> None:
    given = replace(GIVEN, environment_variables={"AZUREML_MODEL_DIR": "/etc"})
    assert StudioServer().plan(given).environment["AZUREML_MODEL_DIR"] == "/store/model"


@pytest.mark.parametrize(
    ("variables", "concurrent", "vcpu", "workers"),
    [
        ({}, 1, 4, "1"),
        ({}, 8, 4, "4"),
        ({}, 8, 0.5, "1"),
        ({}, 2, 4, "2"),
        ({"WORKER_COUNT": "3"}, 1, 1, "3"),
    ],
)
def test_workers(variables: dict[str, str], concurrent: int, vcpu: float, workers: str) -> None:
    given = replace(GIVEN, environment_variables=variables, max_concurrent_requests=concurrent, vcpu=vcpu)
    command = StudioServer().plan(given).command
    assert command[command.index("--workers") + 1] == workers


def test_azureml_is_its_application_in_our_workers() -> None:
    plan = server_for("azureml").plan(replace(GIVEN, service_name="flats"))
    assert plan.command[-3:] == ("--azureml", "--entry-script", "/store/code/src/score.py")
    assert plan.command[:2] == ("/env/bin/python", "/app/runtime")
    added = {"AML_APP_ROOT": "/store/code", "AML_APP_INSIGHTS_ENABLED": "false"}
    service = {"SERVICE_NAME": "flats", "SERVICE_PATH_PREFIX": "flats"}
    assert {**StudioServer().plan(GIVEN).environment, **added, **service} == plan.environment
    assert (plan.liveness_path, plan.readiness_path, plan.scoring_path) == ("/live", "/ready", "/score")


def test_every_kind_has_its_own_server() -> None:
    assert isinstance(server_for("studio"), StudioServer)
    assert isinstance(server_for("azureml"), AzureMLServer)
    with pytest.raises(KeyError):
        server_for("gunicorn")
