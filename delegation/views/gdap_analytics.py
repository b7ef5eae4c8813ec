"""*Analytics*: charts of a partner's GDAP relationships, each with its table and CSV (DOMAIN §6)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delegation import gdap_analytics
from delegation.gdap_analytics import Figures
from delegation.gdap_filters import STATUSES
from delegation.views import insist
from delegation.views.gdap_tabs import tabs
from portal import catalogue, charts
from portal.catalogue import Capability as Can
from portal.charts import Series
from portal.lists import safe_cell


@dataclass(frozen=True)
class Chart:
    """One chart with its table: the first column is its labels, the others its series."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    is_upright: bool = False
    short_labels: tuple[str, ...] = ()

    def svg(self) -> SafeString:
        """The drawing; nothing where there is nothing to draw."""
        series = [Series(name, [row[place] for row in self.rows]) for place, name in enumerate(self.head[1:], 1)]
        if not any(value for one in series for value in one.values):
            return SafeString("")
        draw = charts.columns if self.is_upright else charts.bars
        return draw(self.title, self.short_labels or [str(row[0]) for row in self.rows], *series)


@require_safe
def analytics(request: Any) -> HttpResponse:
    """All of them."""
    insist(request, Can.GDAP_VIEW)
    figures = gdap_analytics.figures(request.acting.tenant, request.user)
    slug = request.acting.tenant.slug
    shown = [
        {
            "chart": chart,
            "svg": chart.svg(),
            "rows": [[row[0], *(number_format(value, force_grouping=True) for value in row[1:])] for row in chart.rows],
            "csv_url": reverse("gdap-analytics-csv", args=[slug, chart.name]),
        }
        for chart in _charts(figures)
    ]
    context = {
        "tabs": tabs(request),
        "charts": shown,
        "figures": figures,
        "tiles": _tiles(figures),
        "list_url": reverse("gdap-list", args=[slug]),
    }
    return render(request, "delegation/gdap_analytics.html", context)


@require_safe
def export(request: Any, chart: str) -> HttpResponse:
    """One chart's table as CSV."""
    insist(request, Can.GDAP_VIEW)
    figures = gdap_analytics.figures(request.acting.tenant, request.user)
    found = next((one for one in _charts(figures) if one.name == chart), None)
    if found is None:
        raise Http404
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.name}.csv"'
    writer = csv.writer(response)
    for row in (found.head, *found.rows):
        writer.writerow([safe_cell(value) for value in row])
    return response


def _tiles(figures: Figures) -> list[dict[str, Any]]:
    with_gdap, with_dap, both, _neither = figures.share
    total = sum(figures.share)
    still = with_dap + both
    percent = f"{round(100 * (with_gdap + both) / total) if total else 0} %"
    return [
        {"value": figures.statuses.get("active", 0), "label": _("Active relationships"), "tone": ""},
        {"value": percent, "label": _("of the customers have GDAP"), "tone": "good" if total else ""},
        {
            "value": still,
            "label": _("Customers that still have DAP"),
            "tone": "wait" if still else "",
        },
        {
            "value": figures.full_control,
            "label": _("Relationships that hold Global Administrator"),
            "tone": "bad" if figures.full_control else "good",
        },
    ]


def _charts(figures: Figures) -> list[Chart]:
    count = _("Relationships")
    kinds = (_("GDAP only"), _("DAP only"), _("GDAP and DAP"), _("Neither"))
    roles = [(catalogue.roles()[key].label, number) for key, number in figures.top_roles if key in catalogue.roles()]
    statuses = [(str(label), figures.statuses.get(key, 0)) for key, label in STATUSES]
    months = [(_month(key, "YEAR_MONTH_FORMAT"), ends, extends) for key, ends, extends in figures.months]
    short = tuple(_month(key, "M") for key, _ends, _extends in figures.months)
    ends = (_("Month"), _("Ends"), _("Goes on by itself"))
    return [
        Chart("status", _("Relationships by status"), (_("Status"), count), statuses),
        Chart("ends", _("Ends in the next twelve months"), ends, months, is_upright=True, short_labels=short),
        Chart("roles", _("Roles in force most often"), (_("Role"), count), roles),
        Chart(
            "customers",
            _("Customers by delegated access"),
            (_("Delegated access"), _("Customers")),
            list(zip(kinds, figures.share, strict=True)),
        ),
    ]


def _month(key: str, written: str) -> str:
    year, month = key.split("-")
    return date_format(date(int(year), int(month), 1), written)
