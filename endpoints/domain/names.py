"""Names of endpoints, deployments, assets and workspaces (AML/how-to-manage-quotas)."""

import re

from endpoints.domain.errors import Invalid

_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,30}[A-Za-z0-9]")
_ASSET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_])?")
MAX_VARIABLE_BYTES = 100 * 1024  # Linux takes 128 KiB, with the name
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# First segments that the gateway or the studio keeps for itself.
RESERVED = frozenset({"api", "static", "healthz", "admin", "accounts", "new", "create"})
NAME_RULE = "3 to 32 letters, digits and single dashes; starts with a letter, ends with a letter or digit"


def checked_name(name: str, *, field: str = "name") -> str:
    """The name, or Invalid that says what is allowed."""
    if not _NAME.fullmatch(name):
        raise Invalid({field: f"“{name[:40]}” is not a valid name. Use {NAME_RULE}."})
    if name.lower() in RESERVED:
        raise Invalid({field: f"“{name}” is reserved. Choose another name."})
    return name


def checked_asset_name(name: str, *, field: str = "name") -> str:
    if not _ASSET.fullmatch(name):
        raise Invalid(
            {field: "Use 1 to 100 letters, digits, dots, dashes and underscores; start with a letter or digit."}
        )
    return name


def checked_tags(tags: object, *, field: str = "tags") -> dict[str, str]:
    """At most 50 pairs of short strings."""
    if not isinstance(tags, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in tags.items()):
        raise Invalid({field: "Tags are pairs of text, such as team: research."})
    if len(tags) > 50 or any(not 0 < len(k) <= 100 or len(v) > 256 for k, v in tags.items()):
        raise Invalid({field: "At most 50 tags; a key has 1 to 100 characters, a value at most 256."})
    return tags


def checked_variables(variables: object, *, field: str = "environment_variables") -> dict[str, str]:
    """Names that a process environment can hold, and text values."""
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        raise Invalid({field: "Environment variables are pairs of NAME and text value."})
    for name, value in variables.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or "\0" in value:
            raise Invalid({field: f"“{name}” is not a valid variable: letters, digits and underscores only."})
        if len(value.encode()) > MAX_VARIABLE_BYTES:
            raise Invalid(
                {field: f"“{name}” is larger than {MAX_VARIABLE_BYTES // 1024} KiB; put it into a file of the code."}
            )
    return variables
