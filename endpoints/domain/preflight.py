"""What is checked of a deployment before any capacity is used, as answers that people and programs read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str  # "script", "requirements", "model_versions", "wheels", ...
    outcome: Outcome
    message: str  # what was found, and for all but OK what to do
    field: str = ""  # of the specification, where it is to be mended


def version_conflicts(saved_with: Mapping[str, str], requirements: Iterable[str]) -> list[str]:
    """A model keeps the versions of the libraries that wrote it; those that the environment would replace."""
    wanted = dict(_pins(requirements))
    return [
        f"The model was saved with {name} {version}; the environment has {name}{wanted[name]}."
        for name, version in sorted(saved_with.items())
        if name in wanted and not _allows(wanted[name], version)
    ]


def _pins(requirements: Iterable[str]) -> Iterable[tuple[str, SpecifierSet]]:
    for line in requirements:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.specifier:
            yield canonicalize_name(requirement.name), requirement.specifier


def _allows(specifiers: SpecifierSet, version: str) -> bool:
    try:
        return specifiers.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def foreign_wheels(paths: Iterable[str], *, python_version: str, platforms: list[str]) -> list[str]:
    """Wheels among the files that this machine's Python of that version cannot install."""
    major, _, minor = python_version.partition(".")
    version = (int(major), int(minor))
    fitting = {*cpython_tags(version, platforms=platforms), *compatible_tags(version, platforms=platforms)}
    found = []
    for path in paths:
        name = path.rpartition("/")[2]
        if not name.endswith(".whl"):
            continue
        try:
            tags = parse_wheel_filename(name)[3]
        except InvalidWheelFilename:
            found.append(f"{path} is no wheel's name.")
            continue
        if not tags & fitting:
            found.append(f"{path} is not for Python {python_version} on this machine.")
    return found
