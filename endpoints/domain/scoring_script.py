"""What can be told of a scoring script by reading it: nothing of it is run."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

NEEDED = ("init", "run")
# What is imported under another name than it is installed.
DISTRIBUTION_OF = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "google": "protobuf",
    "inference_schema": "inference-schema",
    "mlflow": "mlflow-skinny",
}
PROVIDED = frozenset({"azureml"})  # by the inference servers themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFacts:
    error: str = ""  # why it is no Python, with the line
    missing: tuple[str, ...] = ()  # of init and run, those that it can nowhere define
    imports: tuple[str, ...] = ()  # modules that it imports as it is loaded


def read_script(source: str, *, filename: str, python_version: str = "") -> ScriptFacts:
    """Syntax that a newer Python than ours may have is no error: we cannot tell."""
    try:
        tree = ast.parse(source, filename)
    except (SyntaxError, ValueError) as error:
        return ScriptFacts(error="" if _is_newer(python_version) else _told(error, filename))
    except (RecursionError, MemoryError):
        return ScriptFacts(error=f"{filename} is nested too deeply to be read.")
    defined = set(_defined(tree))
    missing = () if "*" in defined else tuple(name for name in NEEDED if name not in defined)
    return ScriptFacts(missing=missing, imports=tuple(sorted(set(_imported(tree.body)))))


def _is_newer(python_version: str) -> bool:
    major, _, minor = python_version.partition(".")
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) > sys.version_info[:2]


def _told(error: SyntaxError | ValueError, filename: str) -> str:
    line = getattr(error, "lineno", None)
    where = f"{filename}, line {line}" if line else filename
    return f"{where}: {getattr(error, 'msg', None) or error}."


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that the module may hold: a function or an assignment anywhere outside of functions and classes."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("exec", "globals"):
            yield "*"
        pending.extend(ast.iter_child_nodes(node))


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """Without what stands in a try or an if: that may be missing."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def not_installed(imports: tuple[str, ...], *, requirements: tuple[str, ...], own: frozenset[str]) -> list[str]:
    """Modules that nothing listed brings. Only names are compared, so a dependency of a listed package counts too
    little: this is a hint, not a fault. `own`: modules beside the script."""
    listed = {_name_of(line) for line in requirements}
    known = {*sys.stdlib_module_names, *PROVIDED, *own}
    return [name for name in imports if name not in known and not listed & _distributions(name)]


def _distributions(module: str) -> set[str]:
    return {str(canonicalize_name(module)), DISTRIBUTION_OF.get(module, "")}


def _name_of(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""
