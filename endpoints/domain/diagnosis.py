"""Why a deployment failed: causes, the likeliest first, each with the line that shows it and where to mend it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LAST_LINES = 400  # of each log that are looked at
LINE_LENGTH = 1000  # characters of each line that are
MOST_CAUSES = 10
QUOTED = 120  # of what a pattern caught


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    title: str
    advice: str
    evidence: str  # a line of a log, or the failure's own message
    source: str  # "inference-server", "storage-initializer" or "studio"
    field: str  # of the specification
    likelihood: int  # 0..100: by it causes are ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    pattern: re.Pattern[str]
    title: str  # {0}, {1}: what the pattern caught
    advice: str
    field: str
    likelihood: int


def _rule(pattern: str, title: str, advice: str, field: str, likelihood: int) -> Rule:
    return Rule(pattern=re.compile(pattern), title=title, advice=advice, field=field, likelihood=likelihood)


RULES = (
    _rule(
        r"ModuleNotFoundError: No module named '([\w.]+)'",
        "The environment has no module {0}",
        "Add the package that brings it to the requirements of the environment.",
        "environment",
        95,
    ),
    _rule(
        r"ImportError: cannot import name '(\w+)' from '([\w.]+)'",
        "{1} has no {0} in the version that is installed",
        "Pin the version of the package that the script was written for.",
        "environment",
        90,
    ),
    _rule(
        r"OutOfMemory: (.+)|MemoryError|std::bad_alloc|Cannot allocate memory",
        "It needs more memory than its instance type has",
        "Choose a larger instance type, or load less: WORKER_COUNT copies of the model are in memory.",
        "instance_type",
        95,
    ),
    _rule(
        r"SyntaxError: (.+)",
        "A file is not valid Python: {0}",
        "Mend the line that the log names, and register the code again.",
        "code",
        92,
    ),
    _rule(
        r"UserScriptFunctionNotFound: ?(.*)",
        "The scoring script lacks a function",
        "Define init() and run(data) in it.",
        "scoring_script",
        90,
    ),
    _rule(
        r"FileNotFoundError: .{0,200}'([^']+)'",
        "{0} is not there",
        "Build paths from os.environ['AZUREML_MODEL_DIR'], below which the model's files stand as registered.",
        "model",
        85,
    ),
    _rule(
        r"InconsistentVersionWarning: .{0,200}unpickle estimator \w+ from version ([\w.]+) when using version ([\w.]+)",
        "The model was saved with scikit-learn {0} and is loaded with {1}",
        "Pin scikit-learn to the version that saved the model.",
        "environment",
        70,
    ),
    _rule(
        r"(?:_pickle\.)?UnpicklingError: (.+)|AttributeError: Can't get attribute '(\w+)' on <module",
        "The model's pickle cannot be read here",
        "Install the versions that saved it, and ship the classes that it was made of with the code.",
        "model",
        80,
    ),
    _rule(
        r"Temporary failure in name resolution|Network is unreachable|Name or service not known|Failed to resolve",
        "It tried to reach the network, and could not",
        "Open the outbound network, or bring what it loads with the model or the code.",
        "egress_public_network_access",
        75,
    ),
    _rule(
        r"OSError: \[Errno 30\] Read-only file system: '([^']+)'",
        "It writes to {0}, which is read-only",
        "Write to a temporary folder (tempfile, or $HOME): model, code and environment are read-only.",
        "code",
        80,
    ),
    _rule(
        r"KeyError: '([A-Z][A-Z0-9_]+)'",
        "The environment variable {0} is not set",
        "Add it to the deployment's environment variables.",
        "environment_variables",
        80,
    ),
    _rule(
        r"CUDA (?:error|driver)|no CUDA-capable device|Torch not compiled with CUDA",
        "It wants a GPU that its instance type does not have",
        "Choose an instance type with a GPU, or load the model for the CPU (map_location='cpu').",
        "instance_type",
        85,
    ),
    _rule(
        r"Exec format error|cannot open shared object file: ?(.*)|wrong ELF class",
        "A binary was built for another machine, or misses a library",
        "Use packages built for this machine, or an image that holds the library.",
        "environment",
        75,
    ),
    _rule(
        r"Address already in use",
        "Its port is taken",
        "Listen on the port that the server is given, not on a fixed one.",
        "inference_config",
        75,
    ),
    _rule(
        r"No solution found when resolving dependencies|Because (.+)",
        "The requirements contradict each other or name what does not exist",
        "Loosen or correct the versions that the log names.",
        "environment",
        90,
    ),
    _rule(
        r"(?:Connection refused|timed out|dns error|error sending request).{0,200}(?:simple|wheel|pypi|index)",
        "The package index could not be reached",
        "Check this machine's network and its index settings, then retry.",
        "environment",
        80,
    ),
    _rule(
        r"No interpreter found for Python ([\d.]+)|On this machine there is: (.+)",
        "This machine has no such Python",
        "Choose a Python version that it has.",
        "environment",
        88,
    ),
    _rule(
        r"UserScriptInitFailed: ?(.*)",
        "init() failed: {0}",
        "See the traceback in the log; init() must load the model and return.",
        "code",
        60,
    ),
    _rule(
        r"UserScriptImportError: ?(.*)",
        "The scoring script could not be imported: {0}",
        "See the traceback in the log.",
        "code",
        55,
    ),
    _rule(
        r"(?:ReadinessProbeFailed|Not ready after \d+ s)",
        "It did not become ready in the time that the readiness probe allows",
        "If init() takes long, raise failure_threshold or period of the readiness probe.",
        "readiness_probe",
        50,
    ),
    _rule(
        r"(?:LivenessProbeFailed|Not alive after \d+ s)",
        "It stopped answering its liveness probe",
        "Look for what blocks the server; raise the probe's timeout if it is only busy.",
        "liveness_probe",
        50,
    ),
    _rule(
        r"ended with exit code (-?\d+)",
        "The server ended by itself with exit code {0}",
        "The last lines of its log say what it was doing.",
        "code",
        30,
    ),
)


def diagnose(*, message: str, server_log: Sequence[str], build_log: Sequence[str]) -> list[Cause]:
    """At most one cause of each kind: the last line that shows it. Nothing known is an empty list."""
    sources = (("studio", [message]), ("inference-server", server_log), ("storage-initializer", build_log))
    found: dict[str, Cause] = {}
    for source, lines in sources:
        for cause in _causes(source, lines[-LAST_LINES:]):
            present = found.get(cause.field + cause.title)
            if present is None or source != "studio":
                found[cause.field + cause.title] = cause
    return sorted(found.values(), key=lambda cause: -cause.likelihood)[:MOST_CAUSES]


def _causes(source: str, lines: Iterable[str]) -> Iterator[Cause]:
    for line in (each[:LINE_LENGTH] for each in lines):
        for rule in RULES:
            caught = rule.pattern.search(line)
            if caught is None:
                continue
            words = [(group or "")[:QUOTED] for group in caught.groups()] or [""]
            yield Cause(
                title=rule.title.format(*words).rstrip(": "),
                advice=rule.advice,
                evidence=line.strip()[:500],
                source=source,
                field=rule.field,
                likelihood=rule.likelihood,
            )
