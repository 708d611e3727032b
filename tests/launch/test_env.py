"""The environment: every bad value is told in one line that names its variable."""

import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.env import LONGEST_RUN_DIR, Env, read
from studio.launch.checks import check_certificate
from tests.gateway.certificates import issue

ROOT = Path(__file__).parents[2]


def environment(tmp_path: Path, **variables: str) -> Env:
    return read({"STUDIO_DATA_DIR": str(tmp_path / "data"), **variables})


def test_with_nothing_set_but_the_folder(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert (env.port, env.gateway_port, env.demo, env.debug) == (8000, 8080, True, False)
    assert (env.public_url, env.gateway_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8080")
    assert env.databases["ENGINE"] == "django.db.backends.sqlite3"
    assert env.databases["NAME"] == tmp_path / "data" / "studio.sqlite3"
    assert env.databases["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert (env.own_broker, env.broker_url) == (True, f"redis+socket://{env.run_dir}/valkey.sock")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(env.run_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_PORT", "0"),
        ("STUDIO_PORT", "65536"),
        ("STUDIO_PORT", "eighty"),
        ("STUDIO_PORT", "²"),
        ("STUDIO_PORT", "-1"),
        ("STUDIO_GATEWAY_PORT", "80.5"),
        ("STUDIO_DEMO", "maybe"),
        ("STUDIO_TLS_CERT", "/no/such/file.pem"),
        ("STUDIO_TLS_KEY", "/tmp"),
        ("STUDIO_GATEWAY_TLS_PORT", "0"),
        ("STUDIO_GATEWAY_HTTPS_ONLY", "1"),  # without a certificate
        ("STUDIO_GATEWAY_DOMAIN", "https://scoring.example.org"),
        ("STUDIO_GATEWAY_DOMAIN", "scoring.example.org:8080"),
        ("STUDIO_GATEWAY_DOMAIN", "-x.org"),
        ("STUDIO_ENDPOINT_REQUESTS_PER_SECOND", "-1"),
        ("STUDIO_ENDPOINT_KILOBYTES_PER_SECOND", "1.5"),
        ("STUDIO_GATEWAY_MAX_CONNECTIONS", "0"),
        ("STUDIO_GATEWAY_CONNECTIONS_PER_SECOND", "many"),
        ("STUDIO_DEBUG", "2"),
        ("STUDIO_COLLECTOR_INTERVAL_SECONDS", "0"),
        ("STUDIO_COLLECTOR_INTERVAL_SECONDS", "61"),
        ("STUDIO_TRAFFIC_LOG_DAYS", "0"),
        ("STUDIO_TRAFFIC_LOG_MEGABYTES", "much"),
        ("STUDIO_METRICS_TOKEN", "hush"),
        ("STUDIO_OTLP_ENDPOINT", "collector:4318"),
        ("STUDIO_OTLP_ENDPOINT", "http://user:hush@collector:4318"),
        ("STUDIO_OTLP_ENDPOINT", "http://collector:4318/?key=hush"),
        ("STUDIO_OTLP_HEADERS", "hush"),
        ("STUDIO_OTLP_HEADERS", "x key=hush"),
        ("STUDIO_OTLP_HEADERS", "x-key=hush\x07"),
        ("STUDIO_OTLP_TRACE_PERCENT", "101"),
        ("STUDIO_OTLP_INTERVAL_SECONDS", "0"),
        ("STUDIO_PUBLIC_URL", "studio.example.org"),
        ("STUDIO_PUBLIC_URL", "ftp://studio.example.org"),
        ("STUDIO_PUBLIC_URL", "https://[::1"),
        ("STUDIO_GATEWAY_URL", "http://"),
        ("STUDIO_GATEWAY_URL", "http://x:99999"),
        ("DATABASE_URL", "mysql://x/y"),
        ("DATABASE_URL", "sqlite:///x"),
        ("DATABASE_URL", "postgres://user:hush@host/"),
        ("DATABASE_URL", "postgres://user:hush@host:port/name"),
        ("DATABASE_URL", "postgres://user:hush@[::1/name"),
        ("BROKER_URL", "amqp://user:hush@host"),
        ("BROKER_URL", "localhost:6379"),
        ("STUDIO_DATA_DIR", "~no-such-user-here/x"),
        ("STUDIO_DATA_DIR", "/tmp/a ;b"),
        ("STUDIO_DATA_DIR", "/tmp/a*"),
        ("STUDIO_DATA_DIR", "/tmp/a\nb"),
        ("STUDIO_DATA_DIR", "/proc/nothing/here"),
        ("STUDIO_DATA_DIR", "/dev/null"),
    ],
)
def test_a_bad_value_is_one_line(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        environment(tmp_path, **{name: value})
    said = str(caught.value)
    assert said.startswith(f"{name}=")
    assert "cannot be used: " in said
    assert "\n" not in said
    assert "hush" not in said


def test_where_telemetry_is_sent(tmp_path: Path) -> None:
    sent = environment(tmp_path).otlp
    assert (sent.endpoint, sent.headers, sent.trace_percent, sent.interval_seconds) == ("", (), 1, 15)
    given = {"STUDIO_OTLP_ENDPOINT": "https://c.example.org/otlp/", "STUDIO_OTLP_HEADERS": "X-Key=a=b, x-team = ml"}
    sent = environment(tmp_path, **given).otlp
    assert (sent.endpoint, sent.headers) == ("https://c.example.org/otlp", (("x-key", "a=b"), ("x-team", "ml")))
    assert "a=b" not in repr(sent)


def test_it_is_told_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import studio.env"],
        env={"STUDIO_PORT": "eighty", "PATH": "/usr/bin", "STUDIO_DATA_DIR": os.environ["STUDIO_DATA_DIR"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "STUDIO_PORT='eighty' cannot be used: use a whole number from 1 to 65535.\n"


def test_flags_and_urls_as_people_write_them(tmp_path: Path) -> None:
    env = environment(
        tmp_path,
        **{"STUDIO_DEMO": "No", "STUDIO_DEBUG": "TRUE", "STUDIO_PUBLIC_URL": "https://studio.example.org/"},
        **{"STUDIO_ADMIN_EMAIL": " Ada@Example.org ", "STUDIO_HOST": "0.0.0.0", "STUDIO_PORT": "9000"},  # noqa: S104
    )
    assert (env.demo, env.debug, env.public_url) == (False, True, "https://studio.example.org")
    assert env.admin_email == "ada@example.org"
    assert "studio.example.org" in env.allowed_hosts
    assert environment(tmp_path, STUDIO_ALLOWED_HOSTS="a.example, b.example").allowed_hosts == [
        "a.example",
        "b.example",
    ]
    assert environment(tmp_path, STUDIO_HOST="::", STUDIO_PORT="9000").public_url == "http://127.0.0.1:9000"


def test_a_postgresql_database(tmp_path: Path) -> None:
    url = "postgresql://ada:p%40ss%2Fword@db.example:5433/my%20db?sslmode=require&connect_timeout=3"
    found = environment(tmp_path, DATABASE_URL=url).databases
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == ("my db", "ada", "p@ss/word")
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["OPTIONS"] == {"sslmode": "require", "connect_timeout": "3"}
    socket = environment(tmp_path, DATABASE_URL="postgres:///studio?host=/run/postgresql").databases
    assert (socket["HOST"], socket["PORT"], socket["OPTIONS"]) == ("/run/postgresql", "", {})


def test_a_broker_of_ones_own(tmp_path: Path) -> None:
    env = environment(tmp_path, BROKER_URL="rediss://:pw@host:6380/1")
    assert (env.own_broker, env.broker_url) == (False, "rediss://:pw@host:6380/1")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    env = environment(
        tmp_path, STUDIO_ADMIN_PASSWORD="hush", STUDIO_SECRET_KEY="hush", BROKER_URL="redis://:hush@host",
        DATABASE_URL="postgres://a:hush@b/c",
    )  # fmt: skip
    assert "hush" not in repr(env)


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: environment(tmp_path).secret_key, range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    path = tmp_path / "data" / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in (tmp_path / "data").iterdir()) in (["run", "secret-key"], ["secret-key"])
    assert environment(tmp_path, STUDIO_SECRET_KEY="mine").secret_key == "mine"
    path.write_text("")
    with pytest.raises(SystemExit, match="is empty"):
        environment(tmp_path)


@pytest.mark.parametrize("length", [10, 60, 120, 240])
def test_sockets_have_short_paths_whatever_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    long = tmp_path / "temporary" / ("t" * 80)
    long.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(long))
    env = read({"STUDIO_DATA_DIR": str(tmp_path / ("d" * length))})
    again = read({"STUDIO_DATA_DIR": str(tmp_path / ("d" * length))})
    assert env.run_dir == again.run_dir
    assert len(os.fsencode(env.run_dir)) <= LONGEST_RUN_DIR
    assert env.run_dir != read({"STUDIO_DATA_DIR": str(tmp_path / ("e" * length))}).run_dir
    for made in {env.run_dir, read({"STUDIO_DATA_DIR": str(tmp_path / ("e" * length))}).run_dir}:
        made.rmdir()


def test_a_run_folder_that_somebody_laid_out_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.env.LONGEST_RUN_DIR", 200)
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SystemExit, match="belongs to somebody else"):
        environment(tmp_path)


def test_a_certificate_makes_the_gateways_urls_https(tmp_path: Path) -> None:
    issue(tmp_path, "one")
    files = {"STUDIO_TLS_CERT": str(tmp_path / "tls.crt"), "STUDIO_TLS_KEY": str(tmp_path / "tls.key")}
    env = environment(tmp_path, **files, STUDIO_GATEWAY_DOMAIN="Scoring.Example.org")
    assert env.gateway_url == "https://127.0.0.1:8443"
    assert (env.gateway.https_only, env.gateway.domain) == (False, "scoring.example.org")
    check_certificate(env)
    assert environment(tmp_path, **files, STUDIO_GATEWAY_URL="https://x.org/").gateway_url == "https://x.org"
    with pytest.raises(SystemExit, match="set together"):
        environment(tmp_path, STUDIO_TLS_CERT=files["STUDIO_TLS_CERT"])


def test_a_certificate_that_does_not_fit_its_key_is_told_before_anything_starts(tmp_path: Path) -> None:
    issue(tmp_path, "one")
    (tmp_path / "tls.key").rename(tmp_path / "old.key")
    issue(tmp_path, "two")
    env = environment(tmp_path, STUDIO_TLS_CERT=str(tmp_path / "tls.crt"), STUDIO_TLS_KEY=str(tmp_path / "old.key"))
    with pytest.raises(SystemExit, match="do not work together"):
        check_certificate(env)


def test_every_variable_is_in_the_readme_with_its_meaning() -> None:
    read_here = (ROOT / "studio" / "env.py").read_text()
    names = set(re.findall(r'"((?:STUDIO|DATABASE|BROKER)_[A-Z_]+)"', read_here))
    table = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert len(names) > 30
    assert names - {name for line in table for name in re.findall(r"`([A-Z_]+)`", line)} == set()
