"""What many tests start from, built once in each process: a test gets its rows back by one statement.

Nothing of it stays committed between tests, so a test that asks for less than the cast sees less.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pgtrigger
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Max, Model
from psycopg import sql

from portal.models import MembershipPeriod, PairGrantPeriod, ScopeGrantPeriod, StandingPeriod, TenantGrantPeriod

Made = TypeVar("Made")
#: Rows that stand in every migrated database, and those that only a trigger may write, so it does it again.
_PERIODS = (MembershipPeriod, PairGrantPeriod, ScopeGrantPeriod, StandingPeriod, TenantGrantPeriod)
_LEFT_OUT: set[type[Model]] = {Permission, ContentType, *_PERIODS}


@dataclass(frozen=True)
class Standing(Generic[Made]):
    """The rows that `build` makes and what it returns, as they were when it ran."""

    build: Callable[[], Made]
    made: bytes
    script: str
    permissions: int

    @classmethod
    def of(cls, build: Callable[[], Made]) -> Standing[Made]:
        """Build it in an empty database, keep the rows, and take them away again."""
        with transaction.atomic():
            made = pickle.dumps(build())
            script = "".join(map(_insert, _tables()))
            transaction.set_rollback(True)
        return cls(build, made, script, _permissions())

    def again(self) -> Made:
        """The same rows, and objects of them that belong to one test alone."""
        if _permissions() != self.permissions:  # a flush has numbered them anew, and paths refer to them
            return self.build()
        with pgtrigger.ignore(*_other_triggers(), databases=["default"]), connection.cursor() as cursor:
            cursor.execute(self.script)
        made: Made = pickle.loads(self.made)  # noqa: S301 - written by this process
        return made


def _permissions() -> int:
    found: int = Permission.objects.aggregate(last=Max("pk"))["last"]
    return found


def _other_triggers() -> set[str]:
    """Those whose work is among the rows."""
    return {
        trigger.get_uri(model) for model, trigger in pgtrigger.registered() if not trigger.name.startswith("history")
    }


def _tables() -> list[str]:
    models = set(apps.get_models(include_auto_created=True)) - _LEFT_OUT
    return sorted({model._meta.db_table for model in models})


def _insert(table: str) -> str:
    """The statement that puts this table's rows back; nothing for an empty one."""
    name = sql.Identifier(table)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT json_agg(t)::text FROM {} t").format(name))
        (rows,) = cursor.fetchone()
        text = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, {1});").format(name, rows)
        return text.as_string(cursor.cursor).replace("%", "%%") if rows else ""
