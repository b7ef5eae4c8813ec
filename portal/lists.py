"""Every list: search, filter, sort, keyset paging with stable addresses, bounded counts, CSV (DOMAIN §17).

Pages are found by key (`portal.keyset`). Counts stop at `COUNT_UP_TO`: beyond it the pager says “more than”.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from portal.cells import arrow, escaped, markup, per_language
from portal.keyset import KeysetData, Place
from portal.statements import Narrowing, narrowed_counts
from portal.statements import bounded_counts as bounded_counts

PAGE_SIZE = 25
COUNT_UP_TO = 1_000
#: Chips count less far than the pager: a rare choice would have the database look through most of a long list.
CHIP_UP_TO = 100


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


class WrittenTable(ListTable):
    """A list that people open all day: each cell is written by a method `cell_<column>(record)`.

    Rows of template cells and components take ten times as long (`manage.py bench lists`).
    """

    #: Columns that need no heading beside them on a phone.
    unlabelled: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        template_name = "portal/written_table.html"

    def before_render(self, request: HttpRequest) -> None:
        """Keep the address: headings link to the same list sorted otherwise."""
        self.address = request.GET.copy()
        for gone in ("at", "open"):
            self.address.pop(gone, None)

    @property
    def headings(self) -> SafeString:
        """The row of headings."""
        return markup('<tr role="row">{}</tr>', SafeString("".join(map(self._heading, self.columns))))

    def _heading(self, column: Any) -> str:
        alias, label, order = column.order_by_alias, column.header, ""
        if not column.orderable:
            label = label or markup('<span class="unseen">{}</span>', _("Actions"))
        else:
            self.address[self.prefixed_order_by_field] = alias.next
            if column.is_ordered:
                order = SafeString(f'aria-sort="{"descending" if alias.is_descending else "ascending"}" ')
                label = markup("{}{}", label, arrow(is_down=alias.is_descending))
            label = markup('<a href="?{}">{}</a>', self.address.urlencode(), label)
        attributes = flatatt(column.column.attrs.get("th", {}))
        return markup('<th role="columnheader" scope="col" {}{}>{}</th>', order, attributes, label)

    @property
    def body(self) -> SafeString:
        """The rows of the page."""
        cells = []
        for column in self.columns:
            label = "" if column.name in self.unlabelled else column.header
            start = markup('<td role="cell" data-label="{}"><div class="cell">', label)
            cells.append((start, getattr(self, f"cell_{column.name}")))
        return SafeString("\n".join(self._row(record, cells) for record in self.data))

    def _row(self, record: Any, cells: list[tuple[str, Callable[[Any], str]]]) -> str:
        written = "\n".join(f"{start}{escaped(write(record))}</div></td>" for start, write in cells)
        return f'<tr role="row"{self.row_marks(record)}>{written}</tr>{self.after_row(record)}'

    def row_marks(self, record: Any) -> SafeString:
        """Attributes of a row."""
        return SafeString("")

    def after_row(self, record: Any) -> SafeString:
        """A row of details below it."""
        return SafeString("")


@dataclass
class Pager:
    """Links to the other pages; None where there is none."""

    first_url: str | None = None
    previous_url: str | None = None
    next_url: str | None = None
    last_url: str | None = None
    text: str = ""


@dataclass
class Listing:
    """One list page, from its request: filtered, sorted, paged. `enrich` gets the page's rows for batched look-ups."""

    request: HttpRequest
    table_class: type[ListTable]
    queryset: QuerySet[Any]
    filterset_class: type[django_filters.FilterSet] | None = None
    enrich: Callable[[list[Any]], None] | None = None
    table_kwargs: dict[str, Any] = field(default_factory=dict)
    #: What a page counts beside the list, of all of its rows; `context` leaves the numbers in `beside_counts`.
    beside: Sequence[Narrowing] = ()

    def __post_init__(self) -> None:
        self.total = 0
        self.beside_counts: list[int] = []
        self.filter = (
            self.filterset_class(self.request.GET, queryset=self.queryset, request=self.request)
            if self.filterset_class
            else None
        )
        self.rows = self._narrow(self.queryset.all())
        self.data = KeysetData(self.rows, self.table_class.sorts)

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
        query = self._address("at", "open")
        if place is not None:
            query["at"] = place.encoded()
        return f"?{query.urlencode()}"

    def _address(self, *gone: str) -> QueryDict:
        """What the address asks for, without these."""
        query = self.request.GET.copy()
        for name in gone:
            query.pop(name, None)
        return query

    def _pager(self, place: Place, before: bool, after: bool) -> Pager:
        rows = self.data.data
        if not rows:
            return Pager()
        start = self._start(place, self.total, before)
        pager = Pager(text=page_range(start, len(rows), self.total))
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

    def context(self, *, chips: tuple[str, Iterable[tuple[str, Any]]] | None = None, **more: Any) -> dict[str, Any]:
        """What `list.html` expects (docs/ui.md). `chips`: a filter's name and its choices; one more is for all."""
        text = self.request.GET.get("q", "")
        kept = [(name, value) for name, value in self.request.GET.items() if name not in ("q", "at", "open")]
        active = [name for name, value in self.request.GET.items() if value and name not in ("sort", "at", "open")]
        label = more.pop("search_label", _("Search"))
        counted = self._count(*chips) if chips else self._count("", None)
        return {
            "table": self.table(),
            "filter": self.filter,
            "search": {"name": "q", "value": text, "label": label, "placeholder": label},
            "chips": counted,
            "kept": kept,
            "clear_url": self.request.path if active else "",
            **more,
        }

    def _count(self, name: str, choices: Iterable[tuple[str, Any]] | None) -> list[dict[str, Any]]:
        """Find the list's own (bounded) total and, unless words are looked for, the chips' counts: one statement."""
        options = [] if choices is None else [("", _("All")), *choices]
        values = [] if self.request.GET.get("q") else [value for value, _label in options]
        # Words would be looked up once more for each chip; the chosen one is what the list shows.
        chosen = self.request.GET.get(name, "")
        is_wrong = self.filter is not None and self.filter.form.errors
        others = [value for value in values if value != chosen or is_wrong]
        several = [(self._narrow, COUNT_UP_TO), *((self._choosing(name, value), CHIP_UP_TO) for value in others)]
        several += [(narrow, CHIP_UP_TO) for narrow in self.beside]
        self.total, *counts = narrowed_counts(self.queryset, several)
        self.beside_counts = counts[len(others) :]
        found = {chosen: self.total} | dict(zip(others, counts, strict=False))
        kept = self._address("at", "open", name).urlencode()
        return [
            {
                "label": label,
                "count": shown_count(found[value], CHIP_UP_TO) if values else "",
                "url": self._chip_url(kept, name, value),
                "current": value == chosen,
            }
            for value, label in options
        ]

    def _chip_url(self, kept: str, name: str, value: str) -> str:
        return "?" + "&".join(filter(None, [kept, urlencode({name: value}) if value else ""]))

    def _narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the rows that the address asks for; none for an address that can't be read."""
        if self.filter is None:
            return rows
        return rows.none() if self.filter.form.errors else self.filter.filter_queryset(rows)

    def _choosing(self, name: str, value: str) -> Narrowing:
        """The same under another choice, without building and validating the form once more for each chip."""
        if self.filter is None:
            return self._narrow
        other = copy(self.filter)
        other._form = copy(self.filter.form)
        other._form.cleaned_data = self.filter.form.cleaned_data | {name: value}
        return other.filter_queryset

    def csv(self, name: str) -> StreamingHttpResponse:
        """All filtered rows as CSV, streamed: 100,000 rows need the memory of 2,000."""
        table = self._table()
        self.data.data = _Streamed(self.data.ordered(), self.enrich)
        return self._streamed(table, name)

    @staticmethod
    def _streamed(table: ListTable, name: str) -> StreamingHttpResponse:
        rows = table.as_values()
        writer = csv.writer(_Echo())
        answer = StreamingHttpResponse(
            (writer.writerow([safe_cell(cell) for cell in row]) for row in rows), content_type="text/csv; charset=utf-8"
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


def safe_cell(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@per_language
def shown_count(count: int, up_to: int = COUNT_UP_TO) -> str:
    """A count for people, bounded by `up_to`."""
    if count > up_to:
        return f"{number_format(up_to, force_grouping=True)}+"
    return number_format(count, force_grouping=True)


def page_range(start: int | None, count: int, total: int) -> str:
    if start is None:
        return _("last %(count)s") % {"count": count}
    first, last = (number_format(value, force_grouping=True) for value in (start + 1, start + count))
    values = {"first": first, "last": last, "total": shown_count(min(total, COUNT_UP_TO))}
    if total > COUNT_UP_TO:
        return _("%(first)s–%(last)s of more than %(total)s") % values
    return _("%(first)s–%(last)s of %(total)s") % values
