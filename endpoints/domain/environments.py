"""The specification of a deployment's Python environment."""

import hashlib
import json
from dataclasses import asdict, dataclass


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
