"""The software bill of materials: what is installed in the studio's own environment, as CycloneDX has it."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageMetadata, distributions

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

STUDIO = "endpoint-studio"
LONGEST_LICENSE = 100  # some packages put the whole text there


@cache
def installed() -> tuple[tuple[str, str], ...]:
    """(name, version) of every library, by name."""
    return tuple((found.metadata["Name"], found.version) for found in _installed())


@cache
def _installed() -> tuple[Distribution, ...]:
    """The first of a name is the one that is imported. What runs was imported from what was there when first asked."""
    found: dict[str, Distribution] = {}
    for each in distributions():
        if name := each.metadata["Name"]:
            found.setdefault(canonicalize_name(name), each)
    return tuple(found[name] for name in sorted(found) if name != STUDIO)


def bill_of_materials(version: str) -> str:
    """JSON, of CycloneDX 1.6."""
    bom = Bom(components=map(_component, _installed()))
    bom.metadata.component = studio = Component(name=STUDIO, version=version, type=ComponentType.APPLICATION)
    bom.register_dependency(studio, bom.components)
    made: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return made


def _component(found: Distribution) -> Component:
    name, metadata = canonicalize_name(found.metadata["Name"]), found.metadata
    return Component(
        name=name,
        version=found.version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, name, found.version),
        bom_ref=f"pkg:pypi/{name}@{found.version}",
        description=metadata["Summary"],
        licenses=_licenses(metadata),
    )


def _licenses(metadata: PackageMetadata) -> Iterable[License]:
    """An SPDX expression where the package has one, else what it calls its licence."""
    expression, words = metadata["License-Expression"], (metadata["License"] or "").strip()
    if expression:
        return [LicenseFactory().make_from_string(expression)]
    classified = [text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier") or () if "License ::" in text]
    name = classified[0] if classified else words.partition("\n")[0][:LONGEST_LICENSE]
    return [LicenseFactory().make_with_name(name)] if name else []
