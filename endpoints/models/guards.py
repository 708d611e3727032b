"""Triggers that keep the history as it is, whoever asks: the ORM, the admin, or a client of the database.

Made after every migration: SQLite drops a table's triggers whenever it makes the table anew."""

from typing import Any

from django.db import connections

from endpoints.models.events import Event, Seal
from endpoints.models.prices import Price
from endpoints.models.telemetry import Usage

GUARDED = (Event, Seal, Price)
STAMPED = {Usage: ("unit_price", "started_at")}  # columns that keep what they got
MESSAGE = "The history is only ever added to"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION endpoints_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{MESSAGE}: % on %', TG_OP, TG_TABLE_NAME; END $$
"""


def guard(using: str) -> None:
    """Where the tables are there, and have no guard yet."""
    for vendor_sql in _statements(using, _making):
        _execute(using, vendor_sql)


def unguard(using: str) -> None:
    """For tests, which empty tables."""
    for vendor_sql in _statements(using, _removing):
        _execute(using, vendor_sql)


def _execute(using: str, sql: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(sql)


def _statements(using: str, of: Any) -> list[str]:
    """Of tables and columns that are there: after a part of the migrations, some are not yet."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    tables: dict[str, tuple[str, ...]] = {model._meta.db_table: () for model in GUARDED}
    tables |= {model._meta.db_table: columns for model, columns in STAMPED.items()}
    return [
        statement
        for table, columns in tables.items()
        if table in present and set(columns) <= _columns(connection, table)
        for statement in of(connection.vendor, table, columns)
    ]


def _columns(connection: Any, table: str) -> set[str]:
    with connection.cursor() as cursor:
        return {column.name for column in connection.introspection.get_table_description(cursor, table)}


def _making(vendor: str, table: str, columns: tuple[str, ...]) -> list[str]:
    if columns:
        return _stamping(vendor, table, columns)
    if vendor == "postgresql":
        when = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
        make = f"CREATE TRIGGER append_only {when} EXECUTE FUNCTION endpoints_append_only()"
        return [FUNCTION, *_removing(vendor, table, columns), make]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        for verb in ("update", "delete")
    ]


def _stamping(vendor: str, table: str, columns: tuple[str, ...]) -> list[str]:
    when, named = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in columns), ", ".join(columns)
    if vendor == "postgresql":
        event = f"BEFORE UPDATE OF {named} ON {table} FOR EACH ROW WHEN ({when})"
        make = f"CREATE TRIGGER append_only {event} EXECUTE FUNCTION endpoints_append_only()"
        return [FUNCTION, *_removing(vendor, table, columns), make]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_update BEFORE UPDATE OF {named} ON {table} "
        f"WHEN {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    ]


def _removing(vendor: str, table: str, columns: tuple[str, ...]) -> list[str]:
    if vendor == "postgresql":
        return [f"DROP TRIGGER IF EXISTS append_only ON {table}"]
    return [f"DROP TRIGGER IF EXISTS {table}_{verb}" for verb in ("update", "delete")]
