"""What must be true before anything is started; each complaint is one line that says what to change."""

import fcntl
import shutil
import socket
import ssl
from pathlib import Path
from typing import IO

from endpoints.compute.local.sandbox import Tools, tools_for
from studio.env import Env

MIN_FREE_BYTES = 500 * 1024**2


class CannotStart(SystemExit):
    """Ends `up` with one line."""


def check_disk(env: Env) -> None:
    free = shutil.disk_usage(env.data_dir).free
    if free < MIN_FREE_BYTES:
        raise CannotStart(
            f"Only {free // 2**20} MiB are free under {env.data_dir}; at least {MIN_FREE_BYTES // 2**20} are needed. "
            "Free some, or set STUDIO_DATA_DIR to another disk."
        )


def check_ports(env: Env) -> None:
    if env.port == env.gateway_port:
        raise CannotStart(f"STUDIO_PORT and STUDIO_GATEWAY_PORT are both {env.port}. Set one of them to another port.")
    _check_port(env.host, env.port, "STUDIO_PORT")
    _check_port(env.gateway_host, env.gateway_port, "STUDIO_GATEWAY_PORT")
    if env.gateway.tls_certificate:
        if env.gateway.tls_port in (env.port, env.gateway_port):
            raise CannotStart(f"Port {env.gateway.tls_port} is taken twice. Set STUDIO_GATEWAY_TLS_PORT to another.")
        _check_port(env.gateway_host, env.gateway.tls_port, "STUDIO_GATEWAY_TLS_PORT")


def check_certificate(env: Env) -> None:
    """One that does not work would leave the port open and every connection failing."""
    given = env.gateway
    if not given.tls_certificate:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(given.tls_certificate, given.tls_key, password="")
    except (ssl.SSLError, OSError) as error:
        raise CannotStart(
            f"STUDIO_TLS_CERT and STUDIO_TLS_KEY do not work together ({error}). "
            "Use PEM files: the certificate with its chain, and its key without a passphrase."
        ) from None


def check_sandbox(env: Env) -> Tools:
    """How replicas are kept apart here. Where that must be, and cannot wholly, nothing starts."""
    found = tools_for(env.sandbox)
    why = found.reason or found.network_reason
    if env.sandbox == "require" and why:
        raise CannotStart(
            f"Replicas cannot be boxed in, and STUDIO_SANDBOX=require asks for it: {why} "
            "See docs/isolation.md, or set STUDIO_SANDBOX=auto to run them without."
        )
    return found


def _check_port(host: str, port: int, variable: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop what uses it, or set {variable} to another port."
            ) from None


def lock(env: Env) -> IO[str]:
    """Held while the studio is up: two on one data folder would fight."""
    file = (env.data_dir / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotStart(f"A studio is up on {env.data_dir} already. Set STUDIO_DATA_DIR to start another.") from None
    return file


def check_writable(folder: Path) -> None:
    probe = folder / ".writable"
    try:
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"{folder} cannot be written to ({error.strerror}). Set STUDIO_DATA_DIR to another."
        ) from None
