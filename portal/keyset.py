"""Pages of a list found by key, not by offset: the last page of 100,000 rows costs what the first one does."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Q, QuerySet
from django_tables2.data import TableData


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

    def __init__(self, queryset: QuerySet[Any], sorts: dict[str, str]) -> None:
        super().__init__([])
        self.queryset = queryset
        self.sorts = sorts
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
