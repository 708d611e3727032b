"""From log lines to causes."""

import pytest

from endpoints.domain.diagnosis import MOST_CAUSES, RULES, diagnose


def titles(*lines: str, message: str = "", build: tuple[str, ...] = ()) -> list[str]:
    return [cause.title for cause in diagnose(message=message, server_log=lines, build_log=build)]


@pytest.mark.parametrize(
    ("line", "title", "field"),
    [
        ("ModuleNotFoundError: No module named 'pandas'", "The environment has no module pandas", "environment"),
        ("FileNotFoundError: [Errno 2] No such file: '/m/model.pkl'", "/m/model.pkl is not there", "model"),
        ("OutOfMemory: It used 900 MiB; its instance type has 512 MiB.", "It needs more memory", "instance_type"),
        ("KeyError: 'DB_HOST'", "The environment variable DB_HOST is not set", "environment_variables"),
        ("OSError: [Errno 30] Read-only file system: '/x/y'", "It writes to /x/y", "code"),
        ("gaierror: [Errno -3] Temporary failure in name resolution", "It tried to reach", "egress_public_network"),
        ("ImportError: cannot import name 'a' from 'b.c' (/x)", "b.c has no a", "environment"),
        ("RuntimeError: CUDA error: no kernel", "It wants a GPU", "instance_type"),
        ("Not ready after 30 s: GET /ready answered 503.", "It did not become ready", "readiness_probe"),
        ("UserScriptInitFailed: ValueError: no", "init() failed: ValueError: no", "code"),
    ],
)
def test_a_line_names_its_cause(line: str, title: str, field: str) -> None:
    cause = diagnose(message="", server_log=[f"2026-01-01T00:00:00.000Z {line}"], build_log=[])[0]
    assert cause.title.startswith(title)
    assert cause.field.startswith(field)
    assert line in cause.evidence
    assert cause.source == "inference-server"


def test_the_likeliest_comes_first_and_each_kind_once() -> None:
    lines = ("Not ready after 9 s: x", "ModuleNotFoundError: No module named 'pandas'") * 3
    found = diagnose(message="UserScriptImportError: No module named 'pandas'", server_log=lines, build_log=[])
    assert [cause.likelihood for cause in found] == sorted((cause.likelihood for cause in found), reverse=True)
    assert len({cause.title for cause in found}) == len(found) == 3


def test_a_build_speaks_too() -> None:
    build = ("  × No solution found when resolving dependencies:", "  ╰─▶ Because foo==9 was not found")
    cause = diagnose(message="", server_log=[], build_log=build)[0]
    assert (cause.source, cause.field) == ("storage-initializer", "environment")


def test_what_nobody_knows_has_no_cause() -> None:
    assert titles("all is well", message="") == []


def test_rules_can_be_told() -> None:
    """A pattern with fewer groups than its words name would fail when it is needed."""
    for rule in RULES:
        assert rule.title.format(*[""] * max(1, rule.pattern.groups)) is not None


def test_a_hostile_log_takes_no_time_and_no_room() -> None:
    """Each of these would have a pattern look at the rest of the line again and again."""
    bits = ("FileNotFoundError: ", "InconsistentVersionWarning: ", "timed out ", "SyntaxError: ", "'", "unpickle ")
    lines = [bit * (64_000 // len(bit)) for bit in bits] * 70
    assert all(len(cause.title) < 400 for cause in diagnose(message="", server_log=lines, build_log=lines))
    many = [f"ModuleNotFoundError: No module named 'm{number}'" for number in range(400)]
    assert len(diagnose(message="", server_log=many, build_log=[])) == MOST_CAUSES
