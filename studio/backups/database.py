"""The database as a file, as of one moment, and back. SQLite's own backup, or pg_dump at an exported snapshot."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from studio.backups.archive import BackupFailed

SQLITE_FILE, POSTGRESQL_FILE = "database.sqlite3", "database.pgdump"
SIDE_FILES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is said of it was read at the same moment."""

    engine: str
    file: str
    facts: dict[str, Any]


def take_snapshot(folder: Path, facts: Callable[[Callable[[str], list[Any]]], dict[str, Any]]) -> Snapshot:
    """`facts` asks the snapshot by SQL."""
    if connection.vendor == "postgresql":
        return _dump(folder / POSTGRESQL_FILE, facts)
    return _copy(folder / SQLITE_FILE, facts)


def _copy(path: Path, facts: Callable[..., dict[str, Any]]) -> Snapshot:
    """Writers go on meanwhile: a WAL's reader sees what was there when it began."""
    path.touch(mode=0o600)
    source = sqlite3.connect(f"file:{connection.settings_dict['NAME']}?mode=ro", uri=True)
    target = sqlite3.connect(path)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        found = facts(lambda sql: target.execute(sql).fetchall())
    except sqlite3.Error as error:
        raise BackupFailed(f"The database cannot be copied: {error}.") from error
    finally:
        target.close()
        source.close()
    return Snapshot(engine="sqlite", file=path.name, facts=found)


def _dump(path: Path, facts: Callable[..., dict[str, Any]]) -> Snapshot:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int / 10000")
        snapshot, server = cursor.fetchone()
        _check_version("pg_dump", server)
        path.touch(mode=0o600)
        _run("pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={path}")

        def ask(sql: str) -> list[Any]:
            cursor.execute(sql)
            return list(cursor.fetchall())

        return Snapshot(engine="postgresql", file=path.name, facts=facts(ask))


def _check_version(program: str, server: int) -> None:
    if shutil.which(program) is None:
        raise BackupFailed(
            f"There is no {program} here. Install PostgreSQL's client programs, of version {server} or later."
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    number = next((word.partition(".")[0] for word in said.split() if word[:1].isdigit()), "0")
    if int(number) < server:
        raise BackupFailed(
            f"{program} here is of version {number}, and the server's is {server}: it refuses newer servers. "
            f"Install PostgreSQL's client programs of version {server} or later."
        )


def _run(program: str, *options: str) -> None:
    """The password goes by the environment: a command line is for all to read."""
    given = connection.settings_dict
    words = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"], "dbname": given["NAME"]}
    words |= given.get("OPTIONS", {})
    from psycopg.conninfo import make_conninfo

    target = make_conninfo("", **{name: value for name, value in words.items() if value})
    environment = {**os.environ, "PGPASSWORD": str(given["PASSWORD"])}
    done = subprocess.run(
        [program, f"--dbname={target}", *options], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise BackupFailed(f"{program} failed: {last}")


def check_database(path: Path, engine: str) -> None:
    """That it can be read, all of it. Raises BackupFailed."""
    if engine == "sqlite":
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            found = database.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.Error as error:
            raise BackupFailed(f"The backup's database cannot be read: {error}.") from error
        finally:
            database.close()
        if found != [("ok",)]:
            raise BackupFailed(f"The backup's database is damaged: {found[0][0]}.")
        return
    if shutil.which("pg_restore") is None:
        raise BackupFailed("There is no pg_restore here. Install PostgreSQL's client programs.")
    listed = subprocess.run(["pg_restore", "--file=/dev/null", str(path)], capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BackupFailed(f"The backup's database cannot be read: {listed.stderr.strip()[:300]}")


def occupied() -> bool:
    """Whether there is something that a restore would write over."""
    if connection.vendor == "sqlite":
        return Path(str(connection.settings_dict["NAME"])).exists()
    return bool(connection.introspection.table_names())


def put_aside(folder: Path) -> None:
    """The present database: it is not lost, and not in the way."""
    if connection.vendor == "sqlite":
        connection.close()
        for suffix in SIDE_FILES:
            path = Path(f"{connection.settings_dict['NAME']}{suffix}")
            if path.exists():
                path.rename(folder / path.name)
        return
    _dump(folder / POSTGRESQL_FILE, lambda ask: {})
    _empty()


def _empty() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(table)} CASCADE")
        cursor.execute("DROP FUNCTION IF EXISTS endpoints_append_only() CASCADE")


def load(path: Path) -> None:
    if connection.vendor == "sqlite":
        target = Path(str(connection.settings_dict["NAME"]))
        path.chmod(0o600)
        path.rename(target)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        _check_version("pg_restore", cursor.fetchone()[0])
    _run("pg_restore", "--no-owner", "--no-acl", "--single-transaction", "--exit-on-error", str(path))
    connection.close()
