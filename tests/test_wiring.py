"""Which adapter stands behind each port."""

from pathlib import Path

import pytest
from django.conf import settings

from endpoints import wiring
from endpoints.artifacts.store import LocalArtifactStore
from endpoints.compute.local.adapter import LocalCompute
from endpoints.domain.environments import parse_requirements
from endpoints.environments.builder import UvEnvironmentBuilder
from endpoints.gateway.envoy import EnvoyGateway
from tests.services.test_specification import MLMODEL


def test_on_one_machine() -> None:
    """As the settings have it: nothing is started or reached by that alone."""
    kinds = [type(adapter) for adapter in (wiring.compute(), wiring.gateway(), wiring.store(), wiring.builder())]
    assert kinds == [LocalCompute, EnvoyGateway, LocalArtifactStore, UvEnvironmentBuilder]
    assert wiring.compute() is wiring.compute()
    assert wiring.gateway().observe().live is False
    with pytest.raises(KeyError):
        wiring.store().path("0" * 64)
    assert Path(settings.STUDIO_DATA_DIR).name.startswith("es-")


def test_others_for_as_long_as_a_test_runs(adapters: wiring.Adapters) -> None:
    assert wiring.compute() is adapters.compute
    assert wiring.gateway_statistics() is adapters.gateway_statistics
    assert wiring.process_statistics() is adapters.process_statistics
    assert wiring.server_statistics() is adapters.server_statistics


def test_what_our_server_needs_is_a_requirements_file() -> None:
    needs = wiring.runtime_requirements()
    assert any(line.startswith("uvicorn") for line in needs)
    assert len(parse_requirements("\n".join(needs)).requirements) == len(needs)


def test_facts_of_a_model_are_json(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(MLMODEL)
    facts = wiring.mlflow_facts(tmp_path)
    assert sorted(facts) == ["flavors", "mlflow_version", "python_version", "requirements", "sample", "signature"]
    assert facts["signature"]["params"] == []
