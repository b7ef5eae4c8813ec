"""What a page's questions are written in where the ORM's own way would cost more than the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import count
from string import Formatter
from typing import Any

import psycopg
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection
from django.db.models import BooleanField, Func, QuerySet
from django.db.models.sql.where import WhereNode

#: From the rows that are asked about to those of them that are meant.
Narrowing = Callable[[QuerySet[Any]], QuerySet[Any]]

_HOLE = "narrowed further"
_NOTHING = "SELECT 1 WHERE false"


def fetch(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a constant statement that finds them by keys: planned once for a connection and not each time.

    Not for one whose best plan hangs on its values: the plan that is kept knows none of them.
    """
    connection.ensure_connection()
    is_logged = connection.queries_logged  # a log shows the statement with its values in it
    kept = None if is_logged else psycopg.Cursor(connection.connection)
    with connection.wrap_database_errors, connection.cursor() if kept is None else kept as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()  # type: ignore[no-any-return]


def fetch_planned(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement that is planned for these values."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()  # type: ignore[no-any-return]


class Condition(Func):
    """A condition in SQL. Its text names the expressions as `str.format` does, `{}` or `{0}`; a string is a field.

    It says what `Exists(queryset)` says at a tenth of the cost, and as that one it moves with its rows into a subquery.
    """

    output_field = BooleanField()

    def __init__(self, text: str, *expressions: Any) -> None:
        super().__init__(*expressions)
        self.text = text

    def as_sql(self, compiler: Any, connection: Any, **_more: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """The text with its expressions in it."""
        compiled = [compiler.compile(expression) for expression in self.get_source_expressions()]
        parts: list[str] = []
        values: list[Any] = []
        for literal, place in _pieces(self.text):
            parts.append(literal)
            if place is not None:
                parts.append(compiled[place][0])
                values.extend(compiled[place][1])
        return "".join(parts), values


@lru_cache(maxsize=256)
def _pieces(text: str) -> list[tuple[str, int | None]]:
    """Each stretch of a text with the number of the expression that follows it."""
    found, numbers = [], count()
    for literal, name, _form, _conversion in Formatter().parse(text):
        found.append((literal, None if name is None else int(name or next(numbers))))
    return found


class Shared:
    """Some rows and many narrowings of them: what all have in common is compiled once."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.rows = rows
        self._plain = rows.all()
        self._plain.query.where = WhereNode()
        try:
            sql, parameters = rows.filter(Condition(_HOLE)).order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            self._before = None
            return
        self._before, _hole, self._after = sql.partition(_HOLE)
        place = self._before.replace("%%", "").count("%s")
        self._values = parameters[:place], parameters[place:]

    def keys(self, narrow: Narrowing, up_to: int) -> tuple[str, list[Any]]:
        """The keys of at most so many of the narrowed rows, as SQL and its parameters."""
        if self._before is None:
            return _NOTHING, []
        query = narrow(self._plain).query
        if not self._is_where_only(query):
            return _keys(narrow(self.rows), up_to)
        try:
            sql, parameters = query.get_compiler(self.rows.db).compile(query.where)
        except FullResultSet:
            sql, parameters = "true", []
        except EmptyResultSet:
            return _NOTHING, []
        before, after = self._values
        return f"{self._before}{sql}{self._after} LIMIT {up_to}", [*before, *parameters, *after]

    def _is_where_only(self, query: Any) -> bool:
        """Whether the narrowing is a matter of WHERE alone, with no tables of its own beside the rows'."""
        is_plain = not (query.is_sliced or query.distinct or query.combinator or query.group_by or query.extra)
        return is_plain and _tables(query) <= _tables(self.rows.query)


def _tables(query: Any) -> set[str]:
    """The names that stand in a query's FROM (a join that turned out to be needless is known, but not there)."""
    joined = {alias for alias in query.alias_map if query.alias_refcount[alias]}
    return joined | {query.get_meta().db_table}


def _keys(rows: QuerySet[Any], up_to: int) -> tuple[str, list[Any]]:
    try:
        sql, parameters = rows.order_by().values("pk")[:up_to].query.sql_with_params()
    except EmptyResultSet:
        return _NOTHING, []
    return sql, [*parameters]


def bounded_counts(several: Iterable[tuple[QuerySet[Any], int]]) -> list[int]:
    """How many rows in each, in one statement; none is counted further than one past its limit."""
    return _counted(_keys(rows, up_to + 1) for rows, up_to in several)


def narrowed_counts(rows: QuerySet[Any], several: Iterable[tuple[Narrowing, int]]) -> list[int]:
    """How many of the same rows each narrowing leaves, in one statement and as far."""
    shared = Shared(rows)
    return _counted(shared.keys(narrow, up_to + 1) for narrow, up_to in several)


def _counted(several: Iterable[tuple[str, list[Any]]]) -> list[int]:
    parts, values = [], []
    for sql, parameters in several:
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")  # noqa: S608 - the ORM's own SQL, values apart
        values.extend(parameters)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return list(cursor.fetchone())
