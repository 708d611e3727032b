"""What one variable may be, and what it says. Nothing here reads the environment: studio.env does."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

STREAMS = ("tcp", "tcp+tls", "syslog", "syslog+tls")  # to which the history can be sent
SHORTEST_TOKEN = 16


class BadEnvironment(SystemExit):
    """Ends the program with one line that names the variable and what it may be."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {allowed}")


def read_number(variables: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = variables.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise BadEnvironment(name, text, f"use a whole number from {low} to {high}.")
    return int(text)


def read_port(variables: Mapping[str, str], name: str, default: int) -> int:
    return read_number(variables, name, default, 1, 65535)


def read_ports(variables: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    text = variables.get(name) or default
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 1024 <= int(low) <= int(high) <= 65535):
        raise BadEnvironment(name, text, "use a range of ports such as 20000-29999, from 1024 on.")
    return int(low), int(high)


def read_flag(variables: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = (variables.get(name) or str(int(default))).lower()
    if text not in ("0", "1", "true", "false", "yes", "no"):
        raise BadEnvironment(name, text, "use 1 or 0.")
    return text in ("1", "true", "yes")


def read_one_of(variables: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """The first is the default."""
    text = (variables.get(name) or allowed[0]).lower()
    if text not in allowed:
        raise BadEnvironment(name, text, f"use {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return text


def read_file(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    if not text:
        return None
    path = Path(text).absolute()
    if not os.access(path, os.R_OK) or not path.is_file():
        raise BadEnvironment(name, text, "there is no such file that can be read.")
    return path


def read_long_secret(variables: Mapping[str, str], name: str) -> str:
    text = variables.get(name, "").strip()
    if text and len(text) < SHORTEST_TOKEN:
        raise BadEnvironment(name, "…", f"use at least {SHORTEST_TOKEN} characters that nobody can guess.")
    return text


def read_domain(variables: Mapping[str, str], name: str) -> str:
    text = variables.get(name, "").strip().lower()
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if text and not re.fullmatch(rf"{label}(\.{label})*", text):
        raise BadEnvironment(name, text, "use a domain such as scoring.example.org, without a port.")
    return text


def read_headers(variables: Mapping[str, str], name: str) -> tuple[tuple[str, str], ...]:
    """`name=value` by comma; the values are secrets, and never quoted."""
    pairs = [pair.partition("=") for pair in variables.get(name, "").split(",") if pair.strip()]
    for key, equals, value in pairs:
        if not equals or not re.fullmatch(r"[A-Za-z0-9-]+", key.strip()) or not re.fullmatch(r"[ -~]+", value.strip()):
            raise BadEnvironment(name, "…", "use name=value, more of them by comma.")
    return tuple((key.strip().lower(), value.strip()) for key, _, value in pairs)


def read_networks(variables: Mapping[str, str], name: str) -> list[str]:
    found = [text.strip() for text in variables.get(name, "").split(",") if text.strip()]
    for text in found:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise BadEnvironment(name, text, "use networks such as 10.1.0.0/16, by comma.") from None
    return found


def read_url(variables: Mapping[str, str], name: str, host: str, port: int, *, scheme: str = "http") -> str:
    text = variables.get(name)
    if not text:
        return f"{scheme}://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
    if split_url(text).scheme not in ("http", "https") or not split_url(text).hostname:
        raise BadEnvironment(name, text, "use a URL such as https://studio.example.org.")
    return text.rstrip("/")


def read_forward(variables: Mapping[str, str], name: str) -> list[str]:
    """Addresses by comma. What authorises stands in a variable of its own: an address is shown on a page."""
    given = [text.strip() for text in variables.get(name, "").split(",") if text.strip()]
    for text in given:
        parts = split_url(text)
        to_file = parts.scheme == "file" and not parts.netloc and len(parts.path) > 1
        to_http = parts.scheme in ("http", "https") and parts.hostname
        to_port = parts.scheme in STREAMS and parts.hostname and parts.port
        if not (to_file or to_http or to_port) or "@" in parts.netloc or len(text) > 300:
            raise BadEnvironment(
                name, parts.scheme, f"use file:///path, https://host/path, or {', '.join(STREAMS)} with //host:port."
            )
    return given


def split_url(text: str) -> SplitResult:
    """Without a scheme where it is no URL at all, such as one with half an IPv6 address or a port that is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts
