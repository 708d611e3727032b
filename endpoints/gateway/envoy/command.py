"""How Envoy is started. It needs nothing but the files: neither the studio nor a first publication."""

from pathlib import Path

from endpoints.domain.routing import RouteTable
from endpoints.gateway.envoy.binary import envoy_binary
from endpoints.gateway.envoy.bootstrap import bootstrap
from endpoints.gateway.envoy.documents import discovery_document, encode
from endpoints.gateway.envoy.files import exclusive, write_private
from endpoints.gateway.envoy.listener import listener
from endpoints.gateway.envoy.resources import Layout, render


def envoy_command(config_dir: Path, *, concurrency: int | None = None, log_level: str = "warning") -> tuple[str, ...]:
    """The program and its arguments. `concurrency` is the number of worker threads; None: one per core.

    Call `prepare` first. The access log is flushed every second; SIGUSR1 makes Envoy open it anew after a rotation.
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
    *,
    port: int,
    admin_socket: Path,
    address: str = "127.0.0.1",
    access_log: Path | None = None,
) -> None:
    """Write what Envoy reads at its start. What was published stays; before that, every request is a 404."""
    layout = Layout(config_dir.absolute())
    with exclusive(layout.folder):
        server = listener(address=address, port=port, routes=layout.routes, tokens=layout.tokens, log=access_log)
        write_private(layout.listeners, discovery_document([server]).content)
        start = bootstrap(
            listeners=layout.listeners,
            clusters=layout.clusters,
            admin_socket=admin_socket.absolute(),
        )
        write_private(layout.bootstrap, encode(start))
        write_missing(layout)


def write_missing(layout: Layout) -> None:
    nothing = render(RouteTable(endpoints=()))
    files = {
        layout.routes: nothing.routes_document,
        layout.clusters: nothing.clusters_document,
        layout.tokens: nothing.tokens_document,
    }
    for path, document in files.items():
        if not path.exists():
            write_private(path, document.content)
