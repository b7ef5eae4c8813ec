"""A list whose rows are in memory already, because one statement gave them all: sorted, paged and exported as others.

For what is counted in thousands; longer lists are querysets (`portal.lists`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django_tables2.data import TableData

from portal.lists import PAGE_SIZE, Listing, ListTable, Pager, page_range

#: More than anybody reads or prints; exports have everything.
MOST_PRINTED = 2_000


class GatheredData(TableData):
    """Rows by an attribute of theirs; nothing sorts last, whichever way."""

    def __init__(self, rows: list[Any], sorts: dict[str, str]) -> None:
        super().__init__(rows)
        self.sorts = sorts

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def order_by(self, aliases: Any) -> None:
        """Sort by the first alias that is a sortable column."""
        for alias in aliases:
            if alias.bare in self.sorts:
                name, is_descending = self.sorts[alias.bare], alias.startswith("-")
                value = attrgetter(name)
                there = [row for row in self.data if value(row) is not None]
                there.sort(key=value, reverse=is_descending)
                self.data = there + [row for row in self.data if value(row) is None]
                return


@dataclass
class Gathered(Listing):
    """The page of rows that the address names. `spread`: the lines of a row, where it takes several in the table."""

    queryset: Any = None
    gathered: list[Any] = field(default_factory=list)
    form: Any = None
    spread: Callable[[Any], Iterable[Any]] = lambda row: (row,)

    def __post_init__(self) -> None:
        self.total = len(self.gathered)
        self.filter = self
        self.data = GatheredData(self.gathered, self.table_class.sorts)  # type: ignore[assignment]

    def table(self) -> ListTable:
        """The table of the page, with its pager; of everything where it is to be printed."""
        table = self._table()
        if self.is_printed:
            rows = self.data.data[:MOST_PRINTED]
            table.pager = Pager(text=page_range(0, len(rows), self.total))
        else:
            start = self._start_of_page()
            rows = self.data.data[start : start + PAGE_SIZE]
            table.pager = self._page_links(start, len(rows))
        self._show(rows)
        return table

    @property
    def is_printed(self) -> bool:
        return "print" in self.request.GET

    def _show(self, rows: Iterable[Any]) -> None:
        self.data.data = [line for row in rows for line in self.spread(row)]
        if self.enrich:
            self.enrich(self.data.data)

    def _start_of_page(self) -> int:
        """Where the page begins; the first one for anything that is no place in the list."""
        text = self.request.GET.get("at", "")
        start = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
        return start if start < self.total else 0

    def _page_links(self, start: int, count: int) -> Pager:
        pager = Pager(text=page_range(start, count, self.total) if count else "")
        if start:
            pager.first_url, pager.previous_url = self._at(0), self._at(max(0, start - PAGE_SIZE))
        if start + count < self.total:
            pager.next_url, pager.last_url = (
                self._at(start + count),
                self._at((self.total - 1) // PAGE_SIZE * PAGE_SIZE),
            )
        return pager

    def _at(self, start: int) -> str:
        query = self.request.GET.copy()
        for gone in ("at", "open"):
            query.pop(gone, None)
        if start:
            query["at"] = str(start)
        return f"?{query.urlencode()}"

    def _count(self, name: str, choices: Any) -> list[dict[str, Any]]:
        return []

    def csv(self, name: str) -> StreamingHttpResponse:
        """Every line of every row."""
        table = self._table()
        self._show(self.data.data)
        return self._streamed(table, name)


def chips(request: HttpRequest, name: str, choices: Iterable[tuple[str, Any, int]]) -> list[dict[str, Any]]:
    """Chips of `list.html` for one parameter, with counts that are known; the first choice is for all."""
    chosen = request.GET.get(name, "")
    found = []
    for value, label, count in choices:
        query = request.GET.copy()
        for gone in ("at", "open", name):
            query.pop(gone, None)
        if value:
            query[name] = value
        found.append({"label": label, "count": count, "url": f"?{query.urlencode()}", "current": value == chosen})
    return found
