"""Every list: search, filter, sort, keyset paging with stable addresses, bounded counts, CSV (DOMAIN §17).

Pages are found by key, not by offset, so that the last page of 100,000 rows costs what the first one does.
Counts stop at `COUNT_UP_TO`: beyond it the pager says “more than”.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import django_filters
import django_tables2 as tables
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection
from django.db.models import DateTimeField, Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django_tables2.data import TableData

PAGE_SIZE = 25
COUNT_UP_TO = 1_000


class ListTable(tables.Table):
    """A table of a list page. `sorts` maps a column to the indexed field it is sorted by.

    Keys end in the primary key, so that every row has one place. Columns not in `sorts` can't be sorted.
    """

    sorts: ClassVar[dict[str, str]] = {}
    default_sort: ClassVar[str] = ""
    caption: ClassVar[Any] = ""
    empty_title: ClassVar[Any] = ""
    empty_text_long: ClassVar[Any] = ""
    pager: Pager | None = None
    empty_url = ""
    empty_label = ""
    #: A cell with a form needs the request for its token; the others are spared the context processors.
    has_forms: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.columns.names():
            self.columns[name].column.orderable = name in self.sorts


@dataclass
class Pager:
    """Links to the other pages; None where there is none."""

    first_url: str | None = None
    previous_url: str | None = None
    next_url: str | None = None
    last_url: str | None = None
    text: str = ""


@dataclass
class Place:
    """Where in a list a page starts: after or before a row's key; `number` rows lie before it, if known."""

    direction: str = "after"
    key: list[Any] | None = None
    number: int | None = 0

    def encoded(self) -> str:
        raw = json.dumps([self.direction, self.key, self.number], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Place:
        """The place an address names; the first page for anything that isn't one."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            direction, key, number = json.loads(raw)
        except (ValueError, binascii.Error, TypeError, RecursionError):
            return cls()
        well_formed = (
            direction in ("after", "before")
            and (key is None or (isinstance(key, list) and len(key) == 2 and all(map(_may_be_in_a_key, key))))
            and (number is None or (isinstance(number, int) and 0 <= number < 10**9))
        )
        return cls(direction, key, number) if well_formed else cls()


def _may_be_in_a_key(value: Any) -> bool:
    """What `_plain` writes: nothing, a whole number, or text that PostgreSQL can hold."""
    return value is None or isinstance(value, int) or (isinstance(value, str) and "\x00" not in value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value


class KeysetData(TableData):
    """Rows of one page, found by key; iterating before `load` streams all of them (CSV)."""

    def __init__(self, queryset: QuerySet[Any], table_class: type[ListTable]) -> None:
        super().__init__([])
        self.queryset = queryset
        self.sorts = table_class.sorts
        self.field, self.descending = "pk", False

    @property
    def model(self) -> Any:
        return self.queryset.model

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def order_by(self, aliases: Any) -> None:
        """Sort by the first alias that is a sortable column."""
        for alias in aliases:
            if alias.bare in self.sorts:
                self.field = self.sorts[alias.bare]
                self.descending = alias.startswith("-") != self.field.startswith("-")
                self.field = self.field.removeprefix("-")
                return

    def ordered(self, *, reverse: bool = False) -> QuerySet[Any]:
        sign = "-" if self.descending != reverse else ""
        names = [f"{sign}{self.field}"] if self.field == "pk" else [f"{sign}{self.field}", f"{sign}pk"]
        return self.queryset.order_by(*names)

    def key_of(self, row: Any) -> list[Any]:
        return [_plain(_value(row, self.field)), _plain(row.pk)]

    def beyond(self, place: Place) -> Q:
        """The rows on the far side of the place's key, NULLs where PostgreSQL sorts them (as if largest)."""
        if place.key is None:
            return Q()
        upwards = self.descending == (place.direction == "before")
        value, pk = place.key
        field = _field(self.queryset.model, self.field)
        if isinstance(field, DateTimeField) and value is not None and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("a moment without its time zone")
        later = Q(pk__gt=pk) if upwards else Q(pk__lt=pk)
        if self.field == "pk":
            return later
        if value is None:
            same = Q(**{f"{self.field}__isnull": True}) & later
            return same if upwards else same | Q(**{f"{self.field}__isnull": False})
        compare = "gte" if upwards else "lte"
        passed = Q(pk__lte=pk) if upwards else Q(pk__gte=pk)
        inner = Q(**{f"{self.field}__{compare}": value}) & ~(Q(**{self.field: value}) & passed)
        nullable = upwards and getattr(field, "null", False)
        return inner | Q(**{f"{self.field}__isnull": True}) if nullable else inner

    def load(self, place: Place, size: int) -> tuple[bool, bool]:
        """Fetch one page; whether there are rows before and after it."""
        backwards = place.direction == "before"
        try:
            rows = list(self.ordered(reverse=backwards).filter(self.beyond(place))[: size + 1])
        except (ValidationError, ValueError, TypeError, OverflowError):  # a forged key
            return self.load(Place(), size)
        more, rows = len(rows) > size, rows[:size]
        self.data = rows[::-1] if backwards else rows
        return (more, place.key is not None) if backwards else (place.key is not None, more)


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def _field(model: Any, path: str) -> Any:
    """The field at the end of a path; None for what isn't one (`pk`, an annotation)."""
    names = path.split("__")
    for name in names[:-1]:
        model = model._meta.get_field(name).related_model
    return next((item for item in model._meta.get_fields() if item.name == names[-1]), None)


@dataclass
class Listing:
    """One list page, from its request: filtered, sorted, paged. `enrich` gets the page's rows for batched look-ups."""

    request: HttpRequest
    table_class: type[ListTable]
    queryset: QuerySet[Any]
    filterset_class: type[django_filters.FilterSet] | None = None
    enrich: Callable[[list[Any]], None] | None = None
    table_kwargs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.filter = (
            self.filterset_class(self.request.GET, queryset=self.queryset, request=self.request)
            if self.filterset_class
            else None
        )
        self.rows = self.queryset
        if self.filter is not None and (self.filter.is_valid() or not self.filter.form.errors):
            self.rows = self.filter.qs
        elif self.filter is not None:
            self.rows = self.queryset.none()
        self.data = KeysetData(self.rows, self.table_class)

    def _table(self) -> ListTable:
        order = self.request.GET.get("sort", "")
        if order.removeprefix("-") not in self.table_class.sorts:  # nobody else's text gets to the library
            order = self.table_class.default_sort
        return self.table_class(self.data, order_by=order, **self.table_kwargs)

    def table(self) -> ListTable:
        """The table of the page that the address names, with its pager."""
        table = self._table()
        place = Place.read(self.request.GET.get("at", ""))
        before, after = self.data.load(place, PAGE_SIZE)
        if not self.data.data and place.key is not None:  # the rows are gone meanwhile
            place = Place()
            before, after = self.data.load(place, PAGE_SIZE)
        if self.enrich:
            self.enrich(self.data.data)
        table.pager = self._pager(place, before, after)
        if table.has_forms:
            table.request = self.request
        return table

    def _url(self, place: Place | None) -> str:
        query = self.request.GET.copy()
        query.pop("at", None)
        query.pop("open", None)
        if place is not None:
            query["at"] = place.encoded()
        return f"?{query.urlencode()}"

    def _pager(self, place: Place, before: bool, after: bool) -> Pager:
        rows = self.data.data
        if not rows:
            return Pager()
        total = bounded_count(self.rows)  # always, so that a page's queries don't depend on how many rows there are
        start = self._start(place, total, before)
        pager = Pager(text=_range(start, len(rows), total))
        if before:
            pager.first_url = self._url(None)
            pager.previous_url = self._url(Place("before", self.data.key_of(rows[0]), start))
        if after:
            number = None if start is None else start + len(rows)
            pager.next_url = self._url(Place("after", self.data.key_of(rows[-1]), number))
            pager.last_url = self._url(Place("before", None, None))
        return pager

    def _start(self, place: Place, total: int, before: bool) -> int | None:
        count = len(self.data.data)
        if not before:
            return 0
        if place.direction == "after":
            return place.number
        if place.key is None:
            return total - count if total <= COUNT_UP_TO else None
        return max(0, place.number - count) if place.number is not None else None

    def context(self, **more: Any) -> dict[str, Any]:
        """What `list.html` expects (docs/ui.md)."""
        text = self.request.GET.get("q", "")
        kept = [(name, value) for name, value in self.request.GET.items() if name not in ("q", "at", "open")]
        active = [name for name, value in self.request.GET.items() if value and name not in ("sort", "at", "open")]
        label = more.pop("search_label", _("Search"))
        return {
            "table": self.table(),
            "filter": self.filter,
            "search": {"name": "q", "value": text, "label": label, "placeholder": label},
            "kept": kept,
            "clear_url": self.request.path if active else "",
            **more,
        }

    def chips(self, name: str, choices: Iterable[tuple[str, str]], *, counts: bool = True) -> list[dict[str, Any]]:
        """One chip per value of a filter, and one for all; each with its (bounded) count."""
        chosen = self.request.GET.get(name, "")
        found, rows = [], []
        for value, label in [("", _("All")), *choices]:
            query = self.request.GET.copy()
            for gone in ("at", "open", name):
                query.pop(gone, None)
            if value:
                query[name] = value
            if counts and self.filter is not None:
                rows.append(self._filtered(query))
            found.append({"label": label, "count": None, "url": f"?{query.urlencode()}", "current": value == chosen})
        for chip, count in zip(found, bounded_counts(rows), strict=False):
            chip["count"] = shown_count(count)
        return found

    def _filtered(self, query: Any) -> QuerySet[Any]:
        """The rows under another query; copying the filter set saves building its fields once more for each chip."""
        other = copy(self.filter)
        other.data, other._form = query, type(self.filter.form)(query)
        vars(other).pop("_qs", None)
        return other.qs

    def csv(self, name: str) -> StreamingHttpResponse:
        """All filtered rows as CSV, streamed: 100,000 rows need the memory of 2,000."""
        table = self._table()
        self.data.data = _Streamed(self.data.ordered(), self.enrich)
        rows = table.as_values()
        writer = csv.writer(_Echo())
        answer = StreamingHttpResponse(
            (writer.writerow([_safe(cell) for cell in row]) for row in rows), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return answer


class _Streamed:
    """All rows, in chunks; each chunk enriched at once."""

    def __init__(self, rows: QuerySet[Any], enrich: Callable[[list[Any]], None] | None) -> None:
        self.rows, self.enrich = rows, enrich

    def __len__(self) -> int:
        return self.rows.count()

    def __iter__(self) -> Iterator[Any]:
        chunk: list[Any] = []
        for row in self.rows.iterator(chunk_size=2_000):
            chunk.append(row)
            if len(chunk) == 2_000:
                yield from self._ready(chunk)
                chunk = []
        yield from self._ready(chunk)

    def _ready(self, chunk: list[Any]) -> list[Any]:
        if self.enrich:
            self.enrich(chunk)
        return chunk


class _Echo:
    def write(self, value: str) -> str:
        return value


def _safe(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def bounded_count(rows: QuerySet[Any]) -> int:
    """How many rows, counting no further than one past `COUNT_UP_TO`."""
    return rows.order_by()[: COUNT_UP_TO + 1].count()


def bounded_counts(several: Iterable[QuerySet[Any]]) -> list[int]:
    """`bounded_count` of each, in one statement."""
    parts, values = [], []
    for rows in several:
        try:
            sql, parameters = rows.order_by().values("pk")[: COUNT_UP_TO + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, parameters = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")  # noqa: S608 - the ORM's own SQL, values apart
        values.extend(parameters)
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return list(cursor.fetchone())


def shown_count(count: int) -> str:
    """A bounded count for people."""
    if count > COUNT_UP_TO:
        return f"{number_format(COUNT_UP_TO, force_grouping=True)}+"
    return number_format(count, force_grouping=True)


def _range(start: int | None, count: int, total: int) -> str:
    if start is None:
        return _("last %(count)s") % {"count": count}
    first, last = (number_format(value, force_grouping=True) for value in (start + 1, start + count))
    values = {"first": first, "last": last, "total": shown_count(min(total, COUNT_UP_TO))}
    if total > COUNT_UP_TO:
        return _("%(first)s–%(last)s of more than %(total)s") % values
    return _("%(first)s–%(last)s of %(total)s") % values
