"""Models, scoring code and environments: uploaded, listed by their newest version, archived."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import CodeVersion, Deployment, Endpoint, EnvironmentVersion, ModelVersion, Workspace
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import CodeVersionFactory, EnvironmentVersionFactory, ModelVersionFactory, WorkspaceFactory, member
from tests.people import People
from tests.world import SCORE, World

pytestmark = pytest.mark.django_db
MODELS, CODE, ENVIRONMENTS = "/api/v1/models/", "/api/v1/code/", "/api/v1/environments/"
KINDS = [(MODELS, ModelVersionFactory), (CODE, CodeVersionFactory), (ENVIRONMENTS, EnvironmentVersionFactory)]


def file(name: str, content: str | bytes = "weights") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def archive(files: dict[str, str]) -> SimpleUploadedFile:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for path, text in files.items():
            zipped.writestr(path, text)
    return file("upload.zip", packed.getvalue())


def upload(client: APIClient, url: str, *files: SimpleUploadedFile, **body: Any) -> Any:
    kind = {"type": "custom_model"} if url.startswith(MODELS) else {}
    sent = {"name": "churn", "files": list(files), **kind, **body}
    return client.post(url, {key: value for key, value in sent.items() if value is not None}, format="multipart")


@pytest.fixture
def nothing_is_left_behind(settings: Any, tmp_path: Path) -> Any:
    settings.STUDIO_DATA_DIR = tmp_path
    yield
    assert [path for path in (tmp_path / "staging").glob("user-*/*") if path.is_dir()] == []


@pytest.mark.usefixtures("adapters", "nothing_is_left_behind")
class TestUpload:
    def test_files_keep_their_paths(self, owner: APIClient, workspace: Workspace) -> None:
        paths = ["a/weights.txt", "b/weights.txt"]
        tags = json.dumps({"team": "risk"})
        response = upload(owner, MODELS, file("weights.txt"), file("weights.txt"), paths=paths, tags=tags)
        assert response.status_code == 201, response.content
        made = response.json()
        assert (made["id"], made["type"], made["file_count"], made["tags"]) == (
            "azureml:churn:1",
            "custom_model",
            2,
            {"team": "risk"},
        )
        assert (made["created_by"], made["scan_status"], made["in_use"]) == ("owner@example.com", "clean", 0)
        listed = owner.get(f"{MODELS}churn/versions/1/files/").json()["value"]
        assert [(item["path"], item["size_bytes"]) for item in listed] == [(path, 7) for path in paths]

    def test_one_archive_is_unpacked(self, owner: APIClient, workspace: Workspace) -> None:
        upload(owner, CODE, archive({"score.py": SCORE, "lib/prices.py": "RATE = 2\n"}))
        listed = owner.get(f"{CODE}churn/versions/latest/files/").json()["value"]
        assert [item["path"] for item in listed] == ["lib/prices.py", "score.py"]

    def test_the_next_upload_is_the_next_version(self, owner: APIClient, workspace: Workspace) -> None:
        upload(owner, MODELS, file("weights.txt", "one"))
        assert upload(owner, MODELS, file("weights.txt", "two")).json()["version"] == 2
        upload(owner, CODE, file("score.py", SCORE))
        assert upload(owner, CODE, file("score.py", SCORE)).json()["version"] == 1

    def test_an_mlflow_model_is_read(self, owner: APIClient, workspace: Workspace) -> None:
        mlmodel = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.11.9\n"
        sent = archive({"MLmodel": mlmodel, "requirements.txt": "scikit-learn==1.7.2\n"})
        made = upload(owner, MODELS, sent, type="mlflow_model").json()
        assert made["mlflow"]["requirements"] == ["scikit-learn==1.7.2"]

    @pytest.mark.parametrize(
        ("files", "body", "field"),
        [
            ([], {}, "files"),
            ([archive({"../evil.txt": "x"})], {}, "files"),
            ([file("broken.zip", "no zip")], {}, "files"),
            ([file("a")], {"paths": ["/etc/passwd"]}, "files"),
            ([file("a")], {"paths": ["a", "b"]}, "paths"),
            ([file("a")], {"name": "-"}, "name"),
            ([file("a")], {"name": None}, "name"),
            ([file("a")], {"type": "triton_model"}, "files"),
            ([file("a")], {"type": "mlflow_model"}, "files"),
            ([file("a")], {"type": "picture"}, "type"),
            ([file("a")], {"tags": "team"}, "tags"),
            ([file("a")], {"tags": "[" * 100_000}, "tags"),
            ([file("a")], {"tags": '{"team": 5}'}, "tags"),
            *(([file("a")], {"tags": text}, "tags") for text in ("5", "0", "null", '["team"]', '"team"')),
            ([file("a")], {"version": "7"}, "version"),
            ([file("a")], {"colour": "red"}, "colour"),
        ],
        ids=str,
    )
    def test_what_cannot_be_a_model_is_refused(
        self,
        files: list[SimpleUploadedFile],
        body: dict[str, Any],
        field: str,
        owner: APIClient,
        workspace: Workspace,
    ) -> None:
        for sent in files:
            sent.seek(0)
        assert list(fields(upload(owner, MODELS, *files, **body))) == [field]
        assert not ModelVersion.objects.exists()

    def test_code_without_python_is_refused(self, owner: APIClient, workspace: Workspace) -> None:
        assert list(fields(upload(owner, CODE, file("README.md")))) == ["files"]
        assert list(fields(upload(owner, CODE, file("score.py"), tags="{}"))) == ["tags"]

    def test_files_come_as_a_form(self, owner: APIClient, workspace: Workspace) -> None:
        problem(owner.post(MODELS, {"name": "churn", "type": "custom_model"}), 415, "unsupported_media_type")

    def test_too_many_files_are_too_large(self, owner: APIClient, workspace: Workspace, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
        response = upload(owner, MODELS, *(file(f"f{number}") for number in range(3)))
        assert problem(response, 413, "too_large")["detail"].startswith("At most 2 files")

    def test_a_session_uploads_too(self, caller: Caller, people: People) -> None:
        client = caller(None)
        client.force_login(people.owner)
        assert upload(client, MODELS, file("weights.txt")).status_code == 201

    @pytest.mark.parametrize("url", [MODELS, CODE])
    def test_a_reader_may_not(self, url: str, reader: APIClient, stranger: APIClient) -> None:
        problem(upload(reader, url, file("score.py", SCORE)), 403)
        problem(upload(stranger, url, file("score.py", SCORE)), 404)
        assert not ModelVersion.objects.exists()
        assert not CodeVersion.objects.exists()


class TestEnvironments:
    def test_requirements(self, owner: APIClient, world: World) -> None:
        text = "# ours\nscikit-learn==1.7.2\n"
        body = {"name": "sklearn", "requirements": text, "python_version": "3.12", "description": "For prices"}
        made = owner.post(ENVIRONMENTS, body).json()
        assert (made["id"], made["requirements"], made["conda_file"]) == ("azureml:sklearn:1", text, None)
        assert (made["packages"], made["python_version"], made["build"]) == (["scikit-learn==1.7.2"], "3.12", None)
        assert owner.post(ENVIRONMENTS, body).json()["version"] == 1

    @pytest.mark.parametrize(
        "conda",
        [
            {"dependencies": ["python=3.12", {"pip": ["numpy==2.3.4"]}]},
            "dependencies:\n- python=3.12\n- pip:\n  - numpy==2.3.4\n",
        ],
        ids=["object", "text"],
    )
    def test_a_conda_file(self, conda: Any, owner: APIClient, world: World) -> None:
        made = owner.post(ENVIRONMENTS, {"name": "numpy", "conda_file": conda, "os_type": "linux"}).json()
        assert (made["packages"], made["python_version"], made["requirements"]) == (["numpy==2.3.4"], "3.12", None)
        assert "numpy==2.3.4" in made["conda_file"]

    def test_its_build_is_shown_once_there_is_one(self, reader: APIClient, world: World, prices: Endpoint) -> None:
        world.deployment(prices, "blue")
        shown = reader.get(f"{ENVIRONMENTS}python/versions/1/").json()
        assert (shown["build"]["state"], shown["in_use"]) == ("Succeeded", 1)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"requirements": "numpy=="}, "requirements"),
            ({"requirements": None}, "requirements"),
            ({"conda_file": "dependencies: []"}, "conda_file"),
            ({"requirements": "numpy", "python_version": "2.7"}, "requirements"),
            ({"image": "python:3.11"}, "image"),
            ({"build": {"path": "."}}, "build"),
            ({"os_type": "windows"}, "os_type"),
            ({"name": ""}, "name"),
            ({"version": 3}, "version"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_refused(
        self, change: dict[str, Any], field: str, owner: APIClient, workspace: Workspace
    ) -> None:
        found = fields(owner.post(ENVIRONMENTS, {"name": "numpy", "requirements": "numpy", **change}))
        assert list(found) == [field]
        assert not EnvironmentVersion.objects.exists()

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient) -> None:
        problem(reader.post(ENVIRONMENTS, {}), 403)
        problem(stranger.post(ENVIRONMENTS, {}), 404)


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize(("url", "factory"), KINDS, ids=["models", "code", "environments"])
class TestEveryKind:
    def test_the_list_has_the_newest_version_of_each(
        self, url: str, factory: Any, reader: APIClient, stranger: APIClient, workspace: Workspace
    ) -> None:
        for name, version in (("churn", 1), ("churn", 2), ("prices", 1)):
            factory(workspace=workspace, name=name, version=version)
        factory(name="theirs")
        listed = reader.get(url).json()["value"]
        assert [(item["name"], item["version"]) for item in listed] == [("churn", 2), ("prices", 1)]
        assert [item["name"] for item in reader.get(f"{url}?search=PRI").json()["value"]] == ["prices"]
        assert [item["name"] for item in reader.get(f"{url}?limit=1").json()["value"]] == ["churn"]
        assert [item["version"] for item in reader.get(f"{url}churn/versions/").json()["value"]] == [2, 1]
        assert stranger.get(url).json()["value"] == []
        for there in (f"{url}churn/versions/", f"{url}churn/versions/1/", f"{url}theirs/versions/1/"):
            problem(stranger.get(there), 404)

    def test_one_is_named_by_its_version_or_as_the_latest(
        self, url: str, factory: Any, reader: APIClient, workspace: Workspace
    ) -> None:
        for version in (1, 2):
            factory(workspace=workspace, name="churn", version=version)
        assert reader.get(f"{url}churn/versions/1/").json()["id"] == "azureml:churn:1"
        assert reader.get(f"{url}churn/versions/latest/").json()["version"] == 2
        for missing in ("churn/versions/3/", "churn/versions/x/", "other/versions/1/", f"churn/versions/{10**30}/"):
            problem(reader.get(f"{url}{missing}"), 404)
        problem(reader.get(f"{url}other/versions/"), 404)

    def test_where_two_workspaces_have_the_name_one_is_chosen(
        self, url: str, factory: Any, caller: Caller, workspace: Workspace
    ) -> None:
        other = WorkspaceFactory(name="other")
        person = member(other, "reader")  # type: ignore[arg-type]
        workspace.role_assignments.create(user=person, role="reader")
        for where in (workspace, other):
            factory(workspace=where, name="churn")
        client = caller(person)
        assert list(fields(client.get(f"{url}churn/versions/1/"))) == ["workspace"]
        assert client.get(f"{url}churn/versions/1/?workspace=other").json()["workspace"] == "other"

    def test_one_that_is_used_stays_else_it_is_archived(
        self, url: str, factory: Any, owner: APIClient, reader: APIClient, workspace: Workspace
    ) -> None:
        factory(workspace=workspace, name="churn")
        problem(reader.delete(f"{url}churn/versions/1/"), 403)
        assert owner.delete(f"{url}churn/versions/1/").status_code == 204
        problem(owner.get(f"{url}churn/versions/1/"), 404)
        assert owner.get(url).json()["value"] == []

    @pytest.mark.parametrize("rows", [1, 3])
    def test_the_lists_queries_are_constant(
        self,
        url: str,
        factory: Any,
        rows: int,
        reader: APIClient,
        workspace: Workspace,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(rows):
            factory(workspace=workspace)
        reader.get("/api/v1/me/")
        with django_assert_num_queries(2):  # token, assets
            assert len(reader.get(url).json()["value"]) == rows


def test_one_that_a_deployment_uses_is_not_archived(owner: APIClient, blue: Deployment) -> None:
    for url, asset in ((MODELS, blue.model), (CODE, blue.code), (ENVIRONMENTS, blue.environment)):
        assert asset is not None
        response = owner.delete(f"{url}{asset.name}/versions/{asset.version}/")
        assert "prices/blue" in problem(response, 409, "conflict")["detail"]
