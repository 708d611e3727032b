"""Triton's model repository: MODEL/VERSION/file, with MODEL/config.pbtxt beside the versions."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from endpoints.domain.errors import Invalid

CONFIG = "config.pbtxt"
_NAMED = re.compile(r'^\s*name\s*:\s*"([^"]*)"', re.MULTILINE)
_MODEL = re.compile(r"[A-Za-z0-9._-]+")
_LAYOUT = "A Triton repository is MODEL/VERSION/file with a number as VERSION, and MODEL/config.pbtxt beside it."


def repository(paths: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """(the folder that is the repository, its models in order). A repository may stand in one folder of its own.

    `paths` are of files, relative, with slashes. Raises Invalid.
    """
    files = [path.split("/") for path in paths]
    try:
        return "", _models(files)
    except Invalid as problem:
        tops = {parts[0] for parts in files}
        if len(tops) != 1 or any(len(parts) < 3 for parts in files):
            raise
        try:
            return tops.pop(), _models([parts[1:] for parts in files])
        except Invalid:
            raise problem from None


def looks_like_one(paths: Sequence[str]) -> bool:
    """Folders with numbers in them are many things; with a configuration beside the numbers it is meant."""
    try:
        repository(paths)
    except Invalid:
        return False
    return any(path.rpartition("/")[2] == CONFIG for path in paths)


def _models(files: list[list[str]]) -> tuple[str, ...]:
    found: dict[str, bool] = defaultdict(bool)
    for parts in files:
        if len(parts) == 1:
            raise Invalid({"files": f"“{parts[0]}” stands beside the models. {_LAYOUT}"})
        found[parts[0]] |= len(parts) > 2 and parts[1].isascii() and parts[1].isdigit() and parts[1][0] != "0"
    for name, versioned in found.items():
        if not _MODEL.fullmatch(name):
            raise Invalid({"files": f"“{name}”: the name of a model has letters, digits, dots, dashes, underscores."})
        if not versioned:
            raise Invalid({"files": f"“{name}” has no version such as {name}/1/ with files in it. {_LAYOUT}"})
    if not found:
        raise Invalid({"files": _LAYOUT})
    return tuple(sorted(found))


def check_config(model: str, text: str) -> None:
    """Triton refuses a model whose config names another. Raises Invalid."""
    named = _NAMED.search(text)
    if named and named[1] and named[1] != model:
        raise Invalid({"files": f"{model}/{CONFIG} names the model “{named[1]}”; it must be “{model}”, as its folder."})
