"""The environment, read once and here only. Every variable has a default; a bad value is told in one line."""

import contextlib
import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from studio.env_values import (
    BadEnvironment,
    read_domain,
    read_file,
    read_flag,
    read_forward,
    read_headers,
    read_long_secret,
    read_networks,
    read_number,
    read_one_of,
    read_port,
    read_ports,
    read_url,
    split_url,
)

ROOT = Path(__file__).resolve().parent.parent
LONGEST_RUN_DIR = 60  # a unix socket's path has at most 107 bytes; the names of ours take up to 40
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEnv:
    """How callers reach the endpoints, and the site's limits. 0 is no limit."""

    tls_certificate: Path | None
    tls_key: Path | None
    tls_port: int
    https_only: bool  # the plain port redirects
    domain: str  # <endpoint>.<domain> is the endpoint too; empty: by path alone
    requests_per_second: int  # of an endpoint that has no limit of its own
    kilobytes_per_second: int
    max_connections: int  # at all ports together
    connections_per_second: int  # new ones at each port


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpEnv:
    """Where metrics, traces and logs are sent by OTLP over HTTP; an empty endpoint: nowhere."""

    endpoint: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    trace_percent: int
    interval_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    data_dir: Path
    run_dir: Path
    host: str
    port: int
    gateway_host: str
    gateway_port: int
    public_url: str
    gateway_url: str
    gateway: GatewayEnv
    admin_email: str
    admin_password: str = field(repr=False)
    demo: bool
    debug: bool
    allowed_hosts: list[str]
    secret_key: str = field(repr=False)
    databases: dict[str, Any] = field(repr=False)
    broker_url: str = field(repr=False)
    own_broker: bool  # no BROKER_URL: `up` runs a Valkey of its own
    collector_interval_seconds: int
    sample_days: dict[int, int]  # how long samples are kept, by their length in seconds
    sandbox: str  # of replicas: auto, require (no start without) or off
    replica_ports: tuple[int, int]  # of this machine's loopback, both included: for servers that listen on ports
    container_socket: str  # of Docker or Podman; empty: where they usually are
    triton: Path | None  # the program `tritonserver`; None: on the PATH, if at all
    token_minutes: int  # how long a token is good that the studio signs
    signing_key_days: int  # after how many days a new key signs them
    autoscale_interval_seconds: int
    mail: dict[str, Any] = field(repr=False)  # as endpoints.notifying.mail.MailServer has it; empty: none
    notify_networks: list[str]  # not public, and may be sent notifications all the same
    audit_forward: list[str]  # where the history is sent, beside the database
    audit_forward_token: str = field(repr=False)
    metrics_token: str = field(repr=False)  # opens /metrics; empty: only IT's own tokens do
    otlp: OtlpEnv
    traffic_log_days: int
    alert_days: int
    traffic_log_megabytes: int  # in the database; the oldest goes first
    second_factor: str  # of who signs in by password: optional or required


def read(variables: Mapping[str, str]) -> Env:
    """Raises BadEnvironment. Makes the data and run folders, and the secret key on first use."""
    data_dir = _data_dir(variables.get("STUDIO_DATA_DIR", ""))
    _make_private(data_dir)
    run_dir = _run_dir(data_dir)
    host, port = variables.get("STUDIO_HOST") or "127.0.0.1", read_port(variables, "STUDIO_PORT", 8000)
    gateway_host = variables.get("STUDIO_GATEWAY_HOST") or "127.0.0.1"
    gateway_port = read_port(variables, "STUDIO_GATEWAY_PORT", 8080)
    gateway = _gateway(variables)
    https = ("https", gateway.tls_port) if gateway.tls_certificate else ("http", gateway_port)
    return Env(
        data_dir=data_dir,
        run_dir=run_dir,
        host=host,
        port=port,
        gateway_host=gateway_host,
        gateway_port=gateway_port,
        public_url=read_url(variables, "STUDIO_PUBLIC_URL", host, port),
        gateway_url=read_url(variables, "STUDIO_GATEWAY_URL", gateway_host, https[1], scheme=https[0]),
        gateway=gateway,
        admin_email=variables.get("STUDIO_ADMIN_EMAIL", "").strip().lower(),
        admin_password=variables.get("STUDIO_ADMIN_PASSWORD", ""),
        demo=read_flag(variables, "STUDIO_DEMO", default=True),
        debug=read_flag(variables, "STUDIO_DEBUG", default=False),
        allowed_hosts=_hosts(variables, host),
        secret_key=variables.get("STUDIO_SECRET_KEY") or _kept_secret(data_dir / "secret-key"),
        databases=_database(variables.get("DATABASE_URL", ""), data_dir),
        broker_url=_broker(variables.get("BROKER_URL", "")) or f"redis+socket://{run_dir}/valkey.sock",
        own_broker=not variables.get("BROKER_URL"),
        collector_interval_seconds=read_number(variables, "STUDIO_COLLECTOR_INTERVAL_SECONDS", 10, 1, 60),
        sample_days=_sample_days(variables),
        sandbox=read_one_of(variables, "STUDIO_SANDBOX", ("auto", "require", "off")),
        replica_ports=read_ports(variables, "STUDIO_REPLICA_PORTS", "20000-29999"),
        container_socket=variables.get("STUDIO_CONTAINER_SOCKET", "").removeprefix("unix://"),
        triton=read_file(variables, "STUDIO_TRITON"),
        token_minutes=read_number(variables, "STUDIO_TOKEN_MINUTES", 60, 5, 1440),
        signing_key_days=read_number(variables, "STUDIO_SIGNING_KEY_DAYS", 90, 1, 3650),
        autoscale_interval_seconds=read_number(variables, "STUDIO_AUTOSCALE_INTERVAL_SECONDS", 30, 1, 60),
        mail=_mail(variables),
        notify_networks=read_networks(variables, "STUDIO_NOTIFY_NETWORKS"),
        audit_forward=read_forward(variables, "STUDIO_AUDIT_FORWARD"),
        audit_forward_token=variables.get("STUDIO_AUDIT_FORWARD_TOKEN", ""),
        metrics_token=read_long_secret(variables, "STUDIO_METRICS_TOKEN"),
        otlp=_otlp(variables),
        traffic_log_days=read_number(variables, "STUDIO_TRAFFIC_LOG_DAYS", 30, 1, 3650),
        alert_days=read_number(variables, "STUDIO_ALERT_DAYS", 400, 1, 3650),
        traffic_log_megabytes=read_number(variables, "STUDIO_TRAFFIC_LOG_MEGABYTES", 1024, 1, 10_000_000),
        second_factor=read_one_of(variables, "STUDIO_SECOND_FACTOR", ("optional", "required")),
    )


def _sample_days(variables: Mapping[str, str]) -> dict[int, int]:
    """By resolution in seconds."""
    return {
        10: read_number(variables, "STUDIO_SAMPLES_10S_DAYS", 1, 1, 30),
        60: read_number(variables, "STUDIO_SAMPLES_1MIN_DAYS", 15, 2, 400),
        3600: read_number(variables, "STUDIO_SAMPLES_1H_DAYS", 400, 31, 4000),
    }


def _gateway(variables: Mapping[str, str]) -> GatewayEnv:
    certificate, key = (read_file(variables, name) for name in ("STUDIO_TLS_CERT", "STUDIO_TLS_KEY"))
    if bool(certificate) != bool(key):
        missing = "STUDIO_TLS_KEY" if certificate else "STUDIO_TLS_CERT"
        raise BadEnvironment(missing, "", "a certificate and its key are set together, or neither is.")
    https_only = read_flag(variables, "STUDIO_GATEWAY_HTTPS_ONLY", default=False)
    if https_only and not certificate:
        raise BadEnvironment("STUDIO_GATEWAY_HTTPS_ONLY", "1", "it needs STUDIO_TLS_CERT and STUDIO_TLS_KEY.")
    return GatewayEnv(
        tls_certificate=certificate,
        tls_key=key,
        tls_port=read_port(variables, "STUDIO_GATEWAY_TLS_PORT", 8443),
        https_only=https_only,
        domain=read_domain(variables, "STUDIO_GATEWAY_DOMAIN"),
        requests_per_second=read_number(variables, "STUDIO_ENDPOINT_REQUESTS_PER_SECOND", 500, 0, 2**31 - 1),
        kilobytes_per_second=read_number(variables, "STUDIO_ENDPOINT_KILOBYTES_PER_SECOND", 0, 0, 2**31 - 1),
        max_connections=read_number(variables, "STUDIO_GATEWAY_MAX_CONNECTIONS", 20_000, 1, 10_000_000),
        connections_per_second=read_number(variables, "STUDIO_GATEWAY_CONNECTIONS_PER_SECOND", 5_000, 0, 10_000_000),
    )


def _otlp(variables: Mapping[str, str]) -> OtlpEnv:
    name = "STUDIO_OTLP_ENDPOINT"
    endpoint = variables.get(name, "").strip().rstrip("/")
    parts = split_url(endpoint)
    if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc):
        raise BadEnvironment(name, parts.scheme, "use a URL such as http://collector.example.org:4318.")
    return OtlpEnv(
        endpoint=endpoint,
        headers=read_headers(variables, "STUDIO_OTLP_HEADERS"),
        trace_percent=read_number(variables, "STUDIO_OTLP_TRACE_PERCENT", 1, 0, 100),
        interval_seconds=read_number(variables, "STUDIO_OTLP_INTERVAL_SECONDS", 15, 1, 3600),
    )


def _data_dir(text: str) -> Path:
    try:
        folder = Path(text or ROOT / "var").expanduser().absolute()
    except RuntimeError as error:
        raise BadEnvironment("STUDIO_DATA_DIR", text, f"{error}") from None
    if re.search(r"\s[;#]|[\x00-\x1f]|[*?\[]|%\(", str(folder)):
        raise BadEnvironment(
            "STUDIO_DATA_DIR", text, "use a path without *, ?, [, %(, and without a blank before ; or #."
        )
    return folder


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadEnvironment("STUDIO_DATA_DIR", str(folder), f"the folder cannot be made ({error.strerror}).") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadEnvironment("STUDIO_DATA_DIR", str(folder), "the folder cannot be written to.")


def _run_dir(data_dir: Path) -> Path:
    """Where the unix sockets live: under the data folder if their paths are short enough there."""
    name = f"studio-{os.getuid()}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    folders = (data_dir / "run", Path(tempfile.gettempdir()) / name, Path("/tmp") / name)  # noqa: S108 - made 0700, below
    folder = next(each for each in folders if len(os.fsencode(each)) <= LONGEST_RUN_DIR)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.lstat()
        if seen.st_uid != os.getuid() or not stat.S_ISDIR(seen.st_mode):
            raise SystemExit(f"{folder} belongs to somebody else. Choose a shorter STUDIO_DATA_DIR.")
        folder.chmod(0o700)
    except OSError as error:
        raise SystemExit(f"{folder}, the folder for sockets, cannot be made ({error.strerror}).") from None
    return folder


def _mail(variables: Mapping[str, str]) -> dict[str, Any]:
    """smtp://user:password@host:port with STARTTLS, smtps:// with TLS from the start, or smtp+plain:// without any."""
    url, sender = variables.get("STUDIO_SMTP_URL", ""), variables.get("STUDIO_MAIL_FROM", "")
    if not url:
        return {}
    parts, tls = split_url(url), {"smtp": ("starttls", 587), "smtps": ("implicit", 465), "smtp+plain": ("", 25)}
    if parts.scheme not in tls or not parts.hostname:
        raise BadEnvironment(
            "STUDIO_SMTP_URL", parts.scheme, "use smtp://user:password@host:port, smtps or smtp+plain."
        )
    if "@" not in sender or not sender.isprintable():
        raise BadEnvironment("STUDIO_MAIL_FROM", sender, "use the address that mail comes from, studio@example.org.")
    return {
        "host": parts.hostname,
        "port": parts.port or tls[parts.scheme][1],
        "sender": sender,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "tls": tls[parts.scheme][0],
    }


def _broker(url: str) -> str:
    if url and split_url(url).scheme not in ("redis", "rediss", "redis+socket", "sentinel"):
        raise BadEnvironment(
            "BROKER_URL", split_url(url).scheme, "use redis://host:port/number, rediss:// or redis+socket://."
        )
    return url


def _hosts(variables: Mapping[str, str], host: str) -> list[str]:
    given = [name.strip() for name in variables.get("STUDIO_ALLOWED_HOSTS", "").split(",") if name.strip()]
    public = urlsplit(variables.get("STUDIO_PUBLIC_URL", "")).hostname
    return given or ["127.0.0.1", "localhost", "[::1]", host, *([public] if public else [])]


def _kept_secret(path: Path) -> str:
    """Made on the first start, and the same ever after: sessions and stored keys depend on it."""
    if path.exists():
        return _written(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was quicker
            os.link(temporary, path)
    except OSError as error:
        raise SystemExit(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        temporary.unlink(missing_ok=True)
    return _written(path)


def _written(path: Path) -> str:
    text = path.read_text()
    if not text:
        raise SystemExit(f"{path} is empty: its making was cut off. Remove it on a new installation; else restore it.")
    return text


def _database(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's DATABASES["default"]. postgres://user:password@host:port/name?option=value, or SQLite."""
    if not url:
        path = data_dir / "studio.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": SQLITE_OPTIONS}
    parts = split_url(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise BadEnvironment("DATABASE_URL", parts.scheme, "use postgres://user:password@host:port/name.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


env = read(os.environ)
