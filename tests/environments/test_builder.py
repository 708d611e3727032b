"""Real builds by uv under a real supervisord."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uv

from endpoints.domain.environments import EnvironmentSpec, parse_requirements
from endpoints.enums import BuildState
from endpoints.environments.build import RUNTIME, _what_matters
from endpoints.environments.builder import UvEnvironmentBuilder
from endpoints.environments.port import BuildObservation
from tests.compute.running import RunningSupervisor, eventually

SLOW = "#!/bin/sh\necho $$ > {folder}/uv.pid\nexec sleep 600\n"


@pytest.fixture(scope="module")
def supervisor() -> Iterator[RunningSupervisor]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningSupervisor(folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def builder(supervisor: RunningSupervisor, tmp_path: Path) -> UvEnvironmentBuilder:
    return UvEnvironmentBuilder(programs=supervisor.programs, root=tmp_path / "environments", uv=Path(uv.find_uv_bin()))


@pytest.fixture
def slow(supervisor: RunningSupervisor, tmp_path: Path) -> UvEnvironmentBuilder:
    """Its uv takes ten minutes."""
    script = tmp_path / "uv"
    script.write_text(SLOW.format(folder=tmp_path))
    script.chmod(0o755)
    return UvEnvironmentBuilder(programs=supervisor.programs, root=tmp_path / "environments", uv=script)


def finished(builder: UvEnvironmentBuilder, spec: EnvironmentSpec) -> BuildObservation:
    over = (BuildState.SUCCEEDED, BuildState.FAILED)
    eventually(lambda: builder.observe(spec.hash).state in over, lambda: builder.read_log(spec.hash).text)
    return builder.observe(spec.hash)


def unique(tmp_path: Path, *lines: str) -> EnvironmentSpec:
    """The supervisord is shared, and programs are named by the hash: each test has its own."""
    number = abs(hash(tmp_path)) % 10**9
    return parse_requirements("\n".join((*lines, f"iniconfig!=99.{number}")))


def test_an_environment_is_built_once(builder: UvEnvironmentBuilder, tmp_path: Path) -> None:
    spec = unique(tmp_path, "six==1.16.0")
    assert builder.observe(spec.hash) == BuildObservation(hash=spec.hash, state=BuildState.PENDING)
    builder.start(spec)
    assert builder.observe(spec.hash).state == BuildState.BUILDING
    first = finished(builder, spec)
    assert first.state == BuildState.SUCCEEDED, first.error
    assert first.python is not None
    assert first.started_at is not None
    assert first.finished_at is not None
    assert first.started_at <= first.finished_at
    assert first.size_bytes
    done = subprocess.run([first.python, "-c", "import six; print(six.__version__)"], capture_output=True, check=True)
    assert done.stdout == b"1.16.0\n"
    log = builder.read_log(spec.hash)
    assert "six==1.16.0" in log.text
    builder.start(spec)
    assert builder.observe(spec.hash) == first
    assert builder.read_log(spec.hash) == log
    assert builder.read_log(spec.hash, start=log.end).text == ""
    assert log.text.startswith(builder.read_log(spec.hash, start=0, limit=200).text)
    shutil.rmtree(first.python.parent)
    assert builder.observe(spec.hash).state == BuildState.PENDING  # somebody tidied up: it is built again
    builder.start(spec)
    assert finished(builder, spec).state == BuildState.SUCCEEDED
    builder.remove(spec.hash)
    assert builder.observe(spec.hash).state == BuildState.PENDING


def test_builders_at_once_build_once(supervisor: RunningSupervisor, tmp_path: Path) -> None:
    uv_bin, root = Path(uv.find_uv_bin()), tmp_path / "environments"
    builders = [UvEnvironmentBuilder(programs=supervisor.programs, root=root, uv=uv_bin) for _ in range(4)]
    spec = unique(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: each.start(spec), builders * 2))
    assert finished(builders[0], spec).state == BuildState.SUCCEEDED
    assert builders[0].read_log(spec.hash).text.count("Python 3.11, ") == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("es-no-such-package-at-all",), "es-no-such-package-at-all was not found"),
        (("six==99.9",), "six==99.9"),
        (("six==1.16.0", "six==1.15.0"), "six==1.15.0"),
    ],
)
def test_the_line_that_matters(
    builder: UvEnvironmentBuilder, tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    spec = unique(tmp_path, *lines)
    builder.start(spec)
    seen = finished(builder, spec)
    assert seen.state == BuildState.FAILED
    assert said in seen.error
    assert f"Failed: {seen.error}" in builder.read_log(spec.hash).text
    assert seen.python is None
    builder.start(spec)
    assert builder.observe(spec.hash).state in (BuildState.BUILDING, BuildState.FAILED)
    eventually(lambda: builder.read_log(spec.hash).text.count("Failed: ") == 2)


def test_a_python_that_is_not_here(builder: UvEnvironmentBuilder, tmp_path: Path) -> None:
    spec = EnvironmentSpec(python_version="3.4", requirements=unique(tmp_path).requirements)
    builder.start(spec)
    seen = finished(builder, spec)
    assert seen.state == BuildState.FAILED
    assert "3.4" in seen.error
    here = ".".join(map(str, sys.version_info[:2]))
    assert here in seen.error.partition("On this machine there is: ")[2]


def test_a_build_that_is_cancelled_ends(slow: UvEnvironmentBuilder, tmp_path: Path) -> None:
    spec = unique(tmp_path)
    slow.start(spec)
    pid = uv_pid(tmp_path)
    slow.cancel(spec.hash)
    seen = finished(slow, spec)
    assert (seen.state, seen.error) == (BuildState.FAILED, "The build was ended before it was done.")
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    slow.cancel(spec.hash)


def test_a_killed_build_is_seen_takes_its_uv_along_and_can_be_built_again(
    slow: UvEnvironmentBuilder, builder: UvEnvironmentBuilder, tmp_path: Path
) -> None:
    spec = unique(tmp_path)
    slow.start(spec)
    pid = uv_pid(tmp_path)
    status = json.loads((tmp_path / "environments" / spec.hash / "status.json").read_text())
    os.kill(status["pid"], signal.SIGKILL)
    seen = finished(slow, spec)
    assert (seen.state, seen.error) == (BuildState.FAILED, "The build was ended before it was done.")
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    builder.start(spec)
    assert finished(builder, spec).state == BuildState.SUCCEEDED


def test_a_supervisord_that_starts_again_does_not_build_again(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningSupervisor(folder)
    running.start()
    try:
        script = tmp_path / "uv"
        script.write_text("#!/bin/sh\necho error: no luck\nexit 2\n")
        script.chmod(0o755)
        builder = UvEnvironmentBuilder(programs=running.programs, root=tmp_path / "environments", uv=script)
        spec = unique(tmp_path)
        builder.start(spec)
        seen = finished(builder, spec)
        assert seen.error.startswith("no luck")
        running.kill()
        running.start()
        assert builder.observe(spec.hash) == seen
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_what_the_build_is_given(supervisor: RunningSupervisor, tmp_path: Path) -> None:
    script = tmp_path / "uv"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\nexit 1\n")
    script.chmod(0o755)
    machine = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/x",
        "PIP_INDEX_URL": "https://user:hush@example.org/simple",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "/certificates",
        "STUDIO_SECRET_KEY": "s",
        "STUDIO_ADMIN_PASSWORD": "s",
        "DATABASE_URL": "d",
        "BROKER_URL": "b",
        "AWS_SECRET_ACCESS_KEY": "a",
    }
    builder = UvEnvironmentBuilder(programs=supervisor.programs, root=tmp_path / "e", uv=script, machine=machine)
    spec = unique(tmp_path)
    builder.start(spec)
    assert finished(builder, spec).state == BuildState.FAILED
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    for passed in ("PIP_INDEX_URL", "UV_CACHE_DIR", "https_proxy", "SSL_CERT_FILE", "HOME"):
        assert seen[passed] == machine[passed]
    assert seen["UV_DEFAULT_INDEX"] == machine["PIP_INDEX_URL"]
    assert not [name for name in seen if name.startswith(("STUDIO_", "DATABASE", "BROKER", "AWS_"))]
    files = [path for path in (tmp_path / "e").rglob("*") if path.is_file()]
    assert not [path for path in files if b"hush" in path.read_bytes()]


@pytest.mark.parametrize("name", ["../x", "", "a/b"])
def test_a_hash_is_no_path(builder: UvEnvironmentBuilder, name: str) -> None:
    with pytest.raises(ValueError, match="is no hash"):
        builder.observe(name)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (["Resolved 3 packages", "error: No luck", "  Caused by: time"], "No luck Caused by: time"),
        (["  × No solution:", "  ╰─▶ Because a", "      is b.", "", "hint: x"], "No solution: Because a is b."),
        (["Using Python", "Killed"], "Killed"),
    ],
)  # fmt: skip
def test_uvs_complaints(lines: list[str], said: str) -> None:
    assert _what_matters(lines) == said


def uv_pid(tmp_path: Path) -> int:
    path = tmp_path / "uv.pid"
    eventually(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def checked(builder: UvEnvironmentBuilder, spec: EnvironmentSpec) -> BuildObservation:
    eventually(lambda: builder.check(spec).state != BuildState.BUILDING)
    return builder.check(spec)


def test_requirements_are_resolved_without_building(
    supervisor: RunningSupervisor, builder: UvEnvironmentBuilder, tmp_path: Path
) -> None:
    spec = unique(tmp_path, "six==1.16.0")
    assert builder.check(spec).state == BuildState.BUILDING
    assert checked(builder, spec).state == BuildState.SUCCEEDED
    assert builder.observe(spec.hash).state == BuildState.PENDING
    assert not list((tmp_path / "environments").glob("*/env"))
    bad = unique(tmp_path, "six==1.16.0", "six==1.17.0")
    seen = checked(builder, bad)
    assert seen.state == BuildState.FAILED
    assert "six" in seen.error
    left = [f"check-{each.hash}" for each in (spec, bad)]
    eventually(lambda: not set(left) & supervisor.programs.states().keys())


def test_checks_at_once_check_once(slow: UvEnvironmentBuilder, tmp_path: Path) -> None:
    spec = unique(tmp_path, "six==1.16.0")
    slow.check(spec)
    eventually((tmp_path / "uv.pid").exists)
    eventually(lambda: (tmp_path / "uv.pid").read_text().strip())
    first = (tmp_path / "uv.pid").read_text()
    with ThreadPoolExecutor(8) as pool:
        assert {seen.state for seen in pool.map(lambda _: slow.check(spec), range(8))} == {BuildState.BUILDING}
    assert (tmp_path / "uv.pid").read_text() == first
    slow.remove(spec.hash)


def test_what_is_compiled_afterwards_is_no_part_of_the_build(builder: UvEnvironmentBuilder, tmp_path: Path) -> None:
    """The environment, and the server that runs in it: a replica may write to neither."""
    ours = RUNTIME / "__pycache__" / f"starting.{sys.implementation.cache_tag}.pyc"
    ours.unlink(missing_ok=True)
    spec = unique(tmp_path, "six==1.16.0")
    builder.start(spec)
    python = finished(builder, spec).python
    assert python is not None
    eventually(lambda: "Compiled in" in builder.read_log(spec.hash).text)
    assert list(python.parent.parent.rglob("six.*.pyc"))
    assert ours.exists()
