"""How Envoy is started. It needs nothing but the files: neither the studio nor a first publication."""

from pathlib import Path

from endpoints.domain.routing import RouteTable
from endpoints.gateway.envoy.binary import envoy_binary
from endpoints.gateway.envoy.bootstrap import MAX_CONNECTIONS, bootstrap
from endpoints.gateway.envoy.documents import discovery_document, encode
from endpoints.gateway.envoy.files import exclusive, write_private
from endpoints.gateway.envoy.listener import Doors, listeners
from endpoints.gateway.envoy.resources import Layout, render
from endpoints.gateway.envoy.tls import secrets_document


def envoy_command(config_dir: Path, *, concurrency: int | None = None, log_level: str = "warning") -> tuple[str, ...]:
    """The program and its arguments. `concurrency` is the number of worker threads; None: one per core.

    Call `prepare` first. The access log is flushed every second; after it was renamed, `Admin.reopen_logs`
    makes Envoy open it anew.
    """
    workers = () if concurrency is None else ("--concurrency", str(concurrency))
    return (
        envoy_binary(),
        *("--config-path", str(Layout(config_dir.absolute()).bootstrap)),
        *("--log-level", log_level),
        # Its complaints quote the refused document, and so its keys. Publishing tells them without.
        *("--component-log-level", "config:critical"),
        *("--file-flush-interval-msec", "1000"),
        "--disable-hot-restart",
        *workers,
    )


def prepare(
    config_dir: Path,
    doors: Doors,
    *,
    admin_socket: Path,
    access_log: Path | None = None,
    max_connections: int = MAX_CONNECTIONS,
) -> None:
    """Write what Envoy reads at its start. What was published stays; before that, every request is a 404."""
    layout = Layout(config_dir.absolute())
    with exclusive(layout.folder):
        write_private(layout.listeners, discovery_document(listeners(layout, doors, log=access_log)).content)
        if doors.tls:
            write_private(layout.secrets, secrets_document(doors.tls).content)
        start = bootstrap(
            listeners=layout.listeners,
            clusters=layout.clusters,
            admin_socket=admin_socket.absolute(),
            max_connections=max_connections,
            tracing=doors.tracing,
        )
        write_private(layout.bootstrap, encode(start))
        write_missing(layout)


def write_missing(layout: Layout) -> None:
    nothing = render(RouteTable(endpoints=()))
    files = {
        layout.routes: nothing.routes_document,
        layout.clusters: nothing.clusters_document,
        layout.tokens: nothing.tokens_document,
        layout.limits: nothing.limits_document,
    }
    for path, document in files.items():
        if not path.exists():
            write_private(path, document.content)
