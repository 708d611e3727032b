"""`manage.py backup` and `restore` as processes, on data folders of their own: SQLite, and PostgreSQL."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.once import migrated
from tests.postgresql import find_programs, postgresql

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
FILL = """
from pathlib import Path; import tempfile
from endpoints.domain.actor import SYSTEM
from endpoints.models import SigningKey
from endpoints.services import assets, endpoints, signing, workspaces
workspace = workspaces.create_workspace(actor=SYSTEM, name="research")
folder = Path(tempfile.mkdtemp()); (folder / "weights.txt").write_text("weights of a model")
model = assets.register_model(actor=SYSTEM, workspace=workspace, name="prices", type="custom_model", folder=folder)
endpoints.create_endpoint(actor=SYSTEM, workspace=workspace, name="prices")
signing.ensure_key()
from endpoints.reconcile.auditing import audit; audit()
"""
SHOW = """
import json
from endpoints import wiring
from endpoints.models import *
model = ModelVersion.objects.get(name="prices")
print(json.dumps({
    "keys": sorted(key.value for key in Credential.objects.all()),
    "signing": SigningKey.objects.get().private_key[:27],
    "weights": (wiring.store().path(model.artifact_id) / "weights.txt").read_text(),
    "verbs": list(Event.objects.order_by("id").values_list("verb", flat=True)),
    "revision": GatewayState.objects.get().desired_revision,
    "records": list(BackupRecord.objects.order_by("id").values_list("kind", "error")),
}))
"""


@dataclass
class Folder:
    """A studio that is down."""

    path: Path
    more: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        passed_on = {key: value for key, value in os.environ.items() if not key.startswith(("STUDIO_", "DJANGO_"))}
        return subprocess.run(
            [sys.executable, str(MANAGE), *arguments],
            env={**passed_on, "STUDIO_DATA_DIR": str(self.path), **self.more, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *arguments: str, **variables: str) -> str:
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str, **variables: str) -> str:
        done = self.run(*arguments, **variables)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    def shown(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.manage("shell", "--no-imports", "-c", SHOW).splitlines()[-1])
        return found


@pytest.fixture
def scratch() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="es-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def studio(scratch: Path) -> Folder:
    made = Folder(scratch / "a")
    made.path.mkdir()
    shutil.copy(migrated(), made.path)
    made.manage("shell", "--no-imports", "-c", FILL)
    return made


def test_a_studio_comes_back_whole_in_another_folder(studio: Folder, scratch: Path) -> None:
    file = scratch / "out.backup"
    said = studio.manage("backup", str(file))
    assert "1 artifacts" in said
    assert "not encrypted" in said
    assert file.stat().st_mode & 0o777 == 0o600
    before = studio.shown()
    other = Folder(scratch / "b")
    assert "Good" in other.manage("restore", str(file), "--check")
    assert not (other.path / "studio.sqlite3").exists()
    other.manage("restore", str(file))
    after = other.shown()
    for name in ("keys", "signing", "weights"):
        assert after[name] == before[name], name
    assert after["revision"] > before["revision"]  # type: ignore[operator]
    assert after["records"] == [["restore", ""]]
    assert "site.restored" in after["verbs"]  # type: ignore[operator]
    assert "Verified to event" in other.manage("verify_audit")
    assert not list(other.path.glob("restore-*"))
    assert not list(other.path.glob("before-restore-*"))


def test_a_restore_writes_over_nothing_unless_it_is_forced(studio: Folder, scratch: Path) -> None:
    passphrase = scratch / "passphrase"
    passphrase.write_text("correct horse battery\n")
    sealed = ("--passphrase-file", str(passphrase))
    studio.manage("backup", str(scratch), *sealed)
    (file,) = scratch.glob("studio-*.backup")
    assert "is there already" in studio.refused("backup", str(file))
    studio.manage("shell", "--no-imports", "-c", "from endpoints.models import *; Credential.objects.all().delete()")
    assert "passphrase" in studio.refused("restore", str(file), "--check")
    assert "--force" in studio.refused("restore", str(file), *sealed)
    assert studio.shown()["keys"] == []
    said = studio.manage("restore", str(file), "--force", *sealed)
    aside = next(studio.path.glob("before-restore-*"))
    assert str(aside) in said
    assert (aside / "studio.sqlite3").exists()
    assert len(studio.shown()["keys"]) == 2  # type: ignore[arg-type]
    assert "Good" in studio.manage("restore", str(file), "--check", *sealed)
    assert studio.shown()["records"] == [["restore", ""], ["trial", ""]]


def test_what_is_wrong_is_said_before_anything_changes(studio: Folder, scratch: Path) -> None:
    file = scratch / "out.backup"
    studio.manage("backup", str(file))
    other = Folder(scratch / "b")
    assert "STUDIO_SECRET_KEY" in other.refused("restore", str(file), STUDIO_SECRET_KEY="something else of 50 letters")
    assert "There is no file" in other.refused("restore", str(scratch / "none"))
    cannot = other.refused("restore", str(file), DATABASE_URL="postgres://nobody@127.0.0.1:9/none")
    assert "of sqlite" in cannot
    with sqlite3.connect(studio.path / "studio.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('endpoints', '9999_x', '2030-01-01')"
        )
    newer = scratch / "newer.backup"
    studio.manage("backup", str(newer))
    assert "newer studio, which has endpoints.9999_x" in other.refused("restore", str(newer))
    assert not (other.path / "studio.sqlite3").exists()
    shutil.rmtree(studio.path / "artifacts")
    assert "the store does not" in studio.refused("backup", str(scratch / "lost.backup"))
    assert not (scratch / "lost.backup").exists()
    assert not list(scratch.glob(".lost*"))


@pytest.mark.postgres
def test_postgresql_comes_back_whole(scratch: Path) -> None:
    tools = {"PATH": f"{find_programs()}:{os.environ['PATH']}"}
    with postgresql() as first, postgresql() as second:
        studio = Folder(scratch / "a", {"DATABASE_URL": first, **tools})
        studio.manage("migrate", "--verbosity", "0")
        studio.manage("shell", "--no-imports", "-c", FILL)
        file = scratch / "out.backup"
        without = studio.refused("backup", str(file), PATH="/nowhere")
        assert "no pg_dump here" in without
        studio.manage("backup", str(file))
        before = studio.shown()
        other = Folder(scratch / "b", {"DATABASE_URL": second, **tools})
        other.manage("restore", str(file))
        after = other.shown()
        assert (after["keys"], after["signing"]) == (before["keys"], before["signing"])
        assert "Verified to event" in other.manage("verify_audit")
        assert "--force" in other.refused("restore", str(file))
        other.manage("restore", str(file), "--force")
        assert (next(other.path.glob("before-restore-*")) / "database.pgdump").exists()
        assert other.shown()["keys"] == before["keys"]
        changed = "from django.db import connection; connection.cursor().execute('DELETE FROM endpoints_event')"
        assert "only ever added to" in other.run("shell", "--no-imports", "-c", changed).stderr
