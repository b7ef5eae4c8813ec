"""Rows by the million: INSERT … SELECT with the models' defaults, foreign keys and indexes built afterwards."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from django.db.models import AutoField, Field, JSONField, Model, UUIDField
from psycopg import sql

_CONSTRAINTS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND c.relname = ANY(%s)
"""
_INDEXES = """
SELECT i.indexname, i.indexdef FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename = ANY(%s)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k JOIN pg_class x ON x.oid = k.conindid WHERE x.relname = i.indexname)
"""


def insert(owner: psycopg.Connection[Any], model: type[Model], values: Mapping[str, str], source: str) -> int:
    """`INSERT INTO model SELECT values FROM source`; columns that aren't named get the model's own default.

    `values` are SQL expressions by column, `source` what follows FROM. Returns how many rows.
    """
    columns = dict(values)
    for field in model._meta.concrete_fields:
        if field.column not in columns and not isinstance(field, AutoField) and not field.null:
            columns[field.column] = _default(field)
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.SQL, columns.values())),  # type: ignore[arg-type]
        sql.SQL(source),  # type: ignore[arg-type]
    )
    return owner.execute(statement).rowcount


def _default(field: Field[Any, Any]) -> str:
    if isinstance(field, UUIDField) and field.primary_key:
        return "gen_random_uuid()"
    value = field.get_default()
    if isinstance(field, JSONField):
        value = json.dumps(value)
    if value is None:
        raise ValueError(f"{field} has no default: the bench must name it")
    return sql.Literal(value).as_string()


_HISTORY = """
SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgname LIKE 'pgtrigger_history%%' AND c.relname = ANY(%s)
"""


@contextlib.contextmanager
def without_history(owner: psycopg.Connection[Any], *models: type[Model]) -> Iterator[None]:
    """No periods are kept of what goes in: only questions about the past need them."""
    triggers = owner.execute(_HISTORY, [[model._meta.db_table for model in models]]).fetchall()
    for table, name in triggers:
        owner.execute(_alter("ALTER TABLE {} DISABLE TRIGGER {}", table, name))
    yield
    for table, name in triggers:
        owner.execute(_alter("ALTER TABLE {} ENABLE TRIGGER {}", table, name))


@contextlib.contextmanager
def unindexed(owner: psycopg.Connection[Any], *models: type[Model]) -> Iterator[None]:
    """Take foreign keys and plain indexes away while rows go in, and build them in one go: minutes become seconds."""
    tables = [model._meta.db_table for model in models]
    constraints = owner.execute(_CONSTRAINTS, [tables]).fetchall()
    indexes = owner.execute(_INDEXES, [tables]).fetchall()
    for table, name, _definition in constraints:
        owner.execute(_alter("ALTER TABLE {} DROP CONSTRAINT {}", table, name))
    for name, _definition in indexes:
        owner.execute(_alter("DROP INDEX {}", name))
    yield
    owner.execute("SET maintenance_work_mem = '512MB'")
    for _name, definition in indexes:
        owner.execute(definition)
    for table, name, definition in constraints:
        owner.execute(_alter("ALTER TABLE {} ADD CONSTRAINT {} ", table, name) + sql.SQL(definition))
    for table in tables:
        owner.execute(_alter("VACUUM ANALYZE {}", table))


def _alter(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
