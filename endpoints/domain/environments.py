"""The specification of a deployment's Python environment, read from what people write."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from endpoints.domain.mlflow import MLflowModel

DEFAULT_PYTHON = "3.11"
MAX_LINE = 500
_PYTHON = re.compile(r"3\.\d{1,2}")
# Conda's name: PyPI's. Everything else that conda lists is refused by name: we would guess.
CONDA_TO_PYPI = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "torchvision": "torchvision",
    "tensorflow-gpu": "tensorflow",
    "py-xgboost": "xgboost",
    "opencv": "opencv-python-headless",
    "msgpack-python": "msgpack",
    **{
        name: name
        for name in (
            "numpy scipy pandas scikit-learn joblib mlflow mlflow-skinny xgboost lightgbm catboost statsmodels "
            "matplotlib-base matplotlib pyarrow requests pydantic fastapi cloudpickle dill nltk spacy transformers "
            "tokenizers tensorflow keras onnx onnxruntime pillow pyyaml h5py numba networkx tqdm".split()
        )
    },
    "matplotlib-base": "matplotlib",
}
_CONDA_KEYS = frozenset({"name", "channels", "dependencies", "prefix"})
_CONDA_OWN = frozenset({"python", "pip", "setuptools", "wheel", "blas", "mkl", "openssl", "ca-certificates"})
# Flavors that load with mlflow-skinny and the library itself.
_NEEDS_FULL_MLFLOW = frozenset({"langchain", "llama_index", "dspy", "spark", "promptflow", "openai"})


class EnvironmentSpecError(ValueError):
    """The specification cannot be honoured; the message names the line and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """Normalised: the same requirements in another order give the same hash."""

    python_version: str  # "3.11"
    requirements: tuple[str, ...]  # PEP 508 lines, sorted

    @property
    def hash(self) -> str:
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def parse_requirements(text: str, python_version: str = DEFAULT_PYTHON) -> EnvironmentSpec:
    """A requirements.txt. Raises EnvironmentSpecError."""
    lines = [
        _requirement(line, where=f"Line {number}")
        for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1)
        if (line := _uncommented(raw))
    ]
    return _spec(python_version, lines)


def parse_conda(text: str) -> EnvironmentSpec:
    """A conda environment file: its Python, its pip part, and those packages that PyPI has under a name we know."""
    document = _conda_document(text)
    python_version, lines = DEFAULT_PYTHON, []
    for part in document["dependencies"]:
        if isinstance(part, dict):
            lines += [_requirement(line, where="pip") for line in _conda_pip(part)]
            continue
        name, pins = _conda_parts(str(part))
        if name == "python":
            python_version = _conda_python(pins) or DEFAULT_PYTHON
        elif name not in _CONDA_OWN:
            lines.append(_from_conda(name, pins))
    return _spec(python_version, lines)


def for_mlflow(model: MLflowModel) -> EnvironmentSpec:
    """What the model itself asks for. `mlflow` becomes the ten times smaller `mlflow-skinny` where that loads it."""
    version = ".".join(model.python_version.split(".")[:2]) or DEFAULT_PYTHON
    lines = [_requirement(line, where="The model's requirements.txt") for line in map(_uncommented, model.requirements)]
    if not _NEEDS_FULL_MLFLOW & set(model.flavors):
        lines = [_skinny(line) for line in lines]
    names = {_name(line) for line in lines}
    if not names & {"mlflow", "mlflow-skinny"}:
        pin = f"=={model.mlflow_version}" if model.mlflow_version else ""
        lines.append(f"mlflow-skinny{pin}")
    # A pyfunc takes data frames; mlflow-skinny does not bring them.
    lines += [name for name in ("pandas",) if name not in names]
    return _spec(version, lines)


def with_runtime(spec: EnvironmentSpec, runtime_requirements: Iterable[str]) -> EnvironmentSpec:
    """And what the inference server needs, unless the specification names it: then its own word counts."""
    names = {_name(line) for line in spec.requirements}
    extra = [line for line in map(_normal, runtime_requirements) if _name(line) not in names]
    return _spec(spec.python_version, [*spec.requirements, *extra])


def _spec(python_version: str, lines: Iterable[str]) -> EnvironmentSpec:
    if not _PYTHON.fullmatch(python_version):
        raise EnvironmentSpecError(f"Python {python_version!r}: write a version such as 3.11.")
    return EnvironmentSpec(python_version=python_version, requirements=tuple(sorted(set(lines))))


def _requirement(line: str, *, where: str) -> str:
    if len(line) > MAX_LINE:
        raise EnvironmentSpecError(f"{where}: it is longer than {MAX_LINE} characters.")
    if line.startswith("-"):
        raise EnvironmentSpecError(f"{where}: “{line[:80]}” is a pip option; only packages may be listed.")
    if line.startswith((".", "/", "~")) or "://" in line:
        raise EnvironmentSpecError(f"{where}: “{line[:80]}” is a path or URL; only packages by name may be listed.")
    try:
        if Requirement(line).url:
            raise EnvironmentSpecError(
                f"{where}: “{line[:80]}” names a path or URL; only packages by name may be listed."
            )
        return _normal(line)
    except InvalidRequirement as error:
        raise EnvironmentSpecError(
            f"{where}: “{line[:80]}” is no requirement ({str(error).splitlines()[0]}). Write name or name==1.2.3."
        ) from error


def _uncommented(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()


def _normal(line: str) -> str:
    requirement = Requirement(line)
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def _skinny(line: str) -> str:
    requirement = Requirement(line)
    if canonicalize_name(requirement.name) != "mlflow":
        return line
    requirement.name, requirement.extras = "mlflow-skinny", set()
    return str(requirement)


def _conda_document(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise EnvironmentSpecError(f"This is no YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        raise EnvironmentSpecError("A conda file has a list named dependencies.")
    unknown = [str(key) for key in document if key not in _CONDA_KEYS]
    if unknown:
        raise EnvironmentSpecError(f"“{unknown[0]}” in a conda file is not honoured here; leave it out.")
    return document


def _conda_pip(part: dict[str, Any]) -> list[str]:
    """The lines of `- pip: [...]`."""
    lines = part.get("pip")
    if set(part) != {"pip"} or not isinstance(lines, list | None):
        raise EnvironmentSpecError(f"“{str(part)[:80]}”: of the dependencies only pip may have a list of its own.")
    return [text for line in lines or [] if (text := _uncommented(str(line)))]


def _conda_parts(part: str) -> tuple[str, str]:
    """`channel::name=1.2=build`, `name>=1.2`, `name 1.2`: the name, and the rest."""
    match = re.fullmatch(r"(?:[\w.-]+::)?([\w.-]+?)\s*([=<>!~ ].*)?", part.strip())
    if match is None:
        raise EnvironmentSpecError(f"“{part[:80]}” is no conda dependency. Write name or name=1.2.")
    return match.group(1).lower(), (match.group(2) or "").strip()


def _conda_python(pins: str) -> str | None:
    """`=3.10`, `3.10.*`, `>=3.9,<3.12`; None where any 3 will do. A range that has our default gives that."""
    named = re.findall(r"3\.\d{1,2}", pins)
    if pins[:1] in tuple("<>!~"):
        named = [version for version in (DEFAULT_PYTHON, *named) if _allows(pins, version)]
    if not named and pins.strip("=<>~ ") not in ("", "3", "3.*"):
        raise EnvironmentSpecError(f"Python “{pins[:40]}”: write a version such as python=3.11.")
    return named[0] if named else None


def _allows(pins: str, version: str) -> bool:
    try:
        return SpecifierSet(pins).contains(version)
    except InvalidSpecifier:
        return False


def _from_conda(name: str, pins: str) -> str:
    pypi = CONDA_TO_PYPI.get(name)
    if pypi is None:
        raise EnvironmentSpecError(
            f"“{name}” is listed as a conda package, and it is not known under which name PyPI has it. "
            "Move it to the pip part, or leave it out."
        )
    return _requirement(pypi + _pip_pins(pins), where=name)


def _pip_pins(pins: str) -> str:
    """`=1.2` and `=1.2=build` are conda's fuzzy pins; `==1.2` and comparisons are pip's too."""
    if not pins or pins[0] in "<>!~" or pins.startswith("=="):
        return pins
    version = pins.lstrip("= ").split("=")[0].strip()
    return f"=={version}" if "*" in version else f"=={version}.*"
