"""Many rows at once, each instead of what is there: what bulk_create() does too, in several times the processor time.

The collector writes some rows of every deployment every few seconds, and making a model and a fragment of SQL of each
costs it more than all that it finds out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

Values = Mapping[str, Any]  # of one row, by the names of its columns


def upsert(model: type[models.Model], rows: Iterable[Values], *, keys: Sequence[str], update: Sequence[str]) -> None:
    """All or none, with one statement. Rows name the same columns in the same order; what they do not name gets what
    the database has for it. A row whose `keys` are there already becomes new in `update` alone."""
    found = list(rows)
    if not found:
        return
    columns = list(found[0])
    conflict = f"ON CONFLICT ({_names(keys)}) DO UPDATE SET {_set(update)}"
    table = connection.ops.quote_name(model._meta.db_table)
    into = f"INSERT INTO {table} ({_names(columns)})"
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which knows the types of its own columns
            given = f"SELECT {_names(columns)} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608
            cursor.execute(f"{into} {given} {conflict}", [json.dumps(found, default=_as_text)])
        else:
            slots = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"{into} VALUES ({slots}) {conflict}", _prepared(model, columns, found))


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(connection.ops.quote_name, names))


def _set(columns: Sequence[str]) -> str:
    return ", ".join(f"{name} = EXCLUDED.{name}" for name in map(connection.ops.quote_name, columns))


def _as_text(value: object) -> str:
    """As PostgreSQL reads it, of what JSON has no word for."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"A {type(value).__name__} is no value of a column.")


def _prepared(model: type[models.Model], columns: Sequence[str], rows: Iterable[Values]) -> list[list[Any]]:
    fields = [field for name in columns if isinstance(field := model._meta.get_field(name), models.Field)]
    return [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row.values(), strict=True)]
        for row in rows
    ]
