"""What the database tells of itself."""

import time
from collections.abc import Iterable
from pathlib import Path

from django.db import DatabaseError, connection, transaction

from endpoints.domain.health_readings import DatabaseReading

LARGEST_LOOKED_AT = 2 * 2**30
_POSTGRESQL = """
    SELECT pg_database_size(current_database()),
        (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL),
        current_setting('max_connections')::int,
        (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0) FROM pg_stat_activity
            WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend')
"""


def database_reading() -> DatabaseReading:
    round_trip = _round_trip_ms()
    return _of_postgresql(round_trip) if connection.vendor == "postgresql" else _of_sqlite(round_trip)


def database_version() -> str:
    return _version(connection.vendor)


def _round_trip_ms() -> float:
    began = time.monotonic()
    _value("SELECT 1")
    return (time.monotonic() - began) * 1000


def _version(vendor: str) -> str:
    if vendor == "postgresql":
        return f"PostgreSQL {_value('SHOW server_version')}"
    return f"SQLite {_value('SELECT sqlite_version()')}"


def _of_postgresql(round_trip: float) -> DatabaseReading:
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL)
        size, connections, limit, slowest = cursor.fetchone()
    return DatabaseReading(
        vendor="postgresql",
        version=_version("postgresql"),
        size_bytes=size,
        round_trip_ms=round_trip,
        wal_bytes=_wal_of_postgresql(),
        connections=connections,
        connection_limit=limit,
        slowest_seconds=float(slowest),
    )


def _wal_of_postgresql() -> int | None:
    """Only a monitor's role may ask."""
    try:
        with transaction.atomic():
            return int(_value("SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()"))  # type: ignore[call-overload, no-any-return]
    except DatabaseError:
        return None


def _of_sqlite(round_trip: float) -> DatabaseReading:
    path = str(connection.settings_dict["NAME"])
    pages, page = _value("PRAGMA page_count"), _value("PRAGMA page_size")
    return DatabaseReading(
        vendor="sqlite",
        version=_version("sqlite"),
        size_bytes=int(pages) * int(page),  # type: ignore[call-overload]
        round_trip_ms=round_trip,
        wal_bytes=_bytes(Path(f"{path}-wal")),
    )


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _value(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def sizes_of(tables: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes with indexes, and rows: those that PostgreSQL estimates, and SQLite counts. SQLite tells no bytes where it
    was built without that."""
    names = list(tables)
    if connection.vendor == "postgresql":
        return _sizes_of_postgresql(names)
    rows = {name: int(_value(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")) for name in names}  # type: ignore[call-overload]  # noqa: S608
    return _bytes_of_sqlite(names), rows


def _sizes_of_postgresql(names: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relname = ANY(%s)",
            [names],
        )
        found = cursor.fetchall()
    return {name: size for name, size, _ in found}, {name: rows for name, _, rows in found}


def _bytes_of_sqlite(names: list[str]) -> dict[str, int]:
    """Of a large file it would read for minutes."""
    if int(_value("PRAGMA page_count")) * int(_value("PRAGMA page_size")) > LARGEST_LOOKED_AT:  # type: ignore[call-overload]
        return {}
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
                "GROUP BY m.tbl_name"
            )
            return {name: size for name, size in cursor.fetchall() if name in names}
    except DatabaseError:
        return {}
