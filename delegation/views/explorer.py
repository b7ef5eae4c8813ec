"""*Who has access* and *Access on a date*: the customer's page about everybody from outside (DOMAIN §14)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from delegation import explorer, outside
from delegation.explorer_forms import KINDS, MomentForm, NarrowForm
from delegation.explorer_tables import AccessTable
from delegation.outside import Reached
from delegation.views import insist
from portal import clock, gathered
from portal.catalogue import Capability as Can


class Explored:
    """What one request is about: the moment, everybody's paths then, and what it is narrowed to."""

    def __init__(self, request: HttpRequest) -> None:
        insist(request, Can.PARTNERS_VIEW)
        self.request, self.tenant = request, request.acting.tenant  # type: ignore[attr-defined]
        self.when = MomentForm(request.GET)
        self.at = self.when.moment()
        self.began = explorer.history_began(self.tenant) if self.at else None
        self.is_before = bool(self.at and self.began and self.at < self.began)
        self.rows = [] if self.is_before else seen(request, self.at)
        self.form = NarrowForm(request.GET, rows=self.rows)
        self.everybody = explorer.Asked(clock.now() if self.at is None or self.is_before else self.at)
        is_valid = self.form.is_valid() and self.when.is_valid()
        asked = self.form.asked(self.everybody.at) if is_valid else None
        self.found = [row for row in self.rows if asked.has(row)] if asked else []

    def listing(self) -> gathered.Gathered:
        is_one = bool(self.request.GET.get("person"))
        return gathered.Gathered(
            self.request,
            AccessTable,
            gathered=explorer.by_person(self.found),
            form=self.form,
            enrich=lambda lines: explorer.complete(lines, [] if self.at else [self.tenant]),
            spread=lambda person: person.lines(None if is_one or self.wants_all else explorer.MOST_LINES),
            table_kwargs={"tenant": self.tenant, "is_past": self.at is not None},
        )

    wants_all = False


def seen(request: Any, at: datetime | None) -> list[Reached]:
    """The paths that this reader sees: on behalf, the own partner's only (DOMAIN §5)."""
    tenant, user = request.acting.tenant, request.user
    return outside.paths([tenant.pk], at=at, partner=None if user.tenant_id == tenant.pk else user.tenant_id)


@require_safe
def who_has_access(request: HttpRequest) -> HttpResponse:
    """Everybody from outside with every path, now or at the end of a day in the past."""
    explored = Explored(request)
    listing = explored.listing()
    explored.wants_all = listing.is_printed
    slug, query = explored.tenant.slug, request.GET.urlencode()
    context = listing.context(
        page_title=_("Who has access"),
        page_lead=_("Everyone from outside who can do anything in your tenant, by every path."),
        search_label=_("Person, partner or role"),
        export_url=f"{reverse('who-has-access-export', args=[slug])}?{query}",
        when=explored.when,
        at=explored.at,
        began=explored.began if explored.is_before else None,
        is_printed=listing.is_printed,
        printable_url=_with(request, print="yes"),
        tiles=_tiles(explored),
        present_url=_with(request, on=""),
    )
    context["chips"] = _chips(explored)
    return render(request, "delegation/who_has_access.html", context)


def _tiles(explored: Explored) -> list[dict[str, Any]]:
    counted = explorer.totals(explored.rows, explored.everybody)
    shown = explored.request.GET.get("show", "")

    def tile(count: int, label: str, show: str, tone: str) -> dict[str, Any]:
        url = _with(explored.request, show=show)
        return {"value": count, "label": label, "url": url, "tone": tone if count else "", "current": shown == show}

    partners = ngettext("partner", "partners", counted.partners)
    ends = ngettext("ends within 30 days", "end within 30 days", counted.expiring)
    return [
        tile(counted.people, ngettext("person from outside", "people from outside", counted.people), "", ""),
        {"value": counted.partners, "label": partners, "url": "", "tone": "", "current": False},
        tile(counted.privileged, _("with a privileged role"), explorer.PRIVILEGED, "bad"),
        tile(counted.expiring, ends, explorer.EXPIRING, "wait"),
        tile(counted.unused, _("unused for 90 days"), explorer.UNUSED, "wait"),
    ]


def _chips(explored: Explored) -> list[dict[str, Any]]:
    counts = explorer.people_by_kind(explored.rows)
    everybody = len({row.user_id for row in explored.rows})
    choices = [("", _("All"), everybody), *((str(kind), label, counts.get(kind, 0)) for kind, label in KINDS)]
    return gathered.chips(explored.request, "kind", choices)


def _with(request: HttpRequest, **changed: str) -> str:
    """The same page with other parameters; an empty one goes."""
    query = request.GET.copy()
    query.pop("at", None)
    for name, value in changed.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"{request.path}?{query.urlencode()}"


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Every path that matches as CSV."""
    explored = Explored(request)
    explored.wants_all = True
    name = f"who-has-access-{explored.at:%Y-%m-%d}" if explored.at else "who-has-access"
    return explored.listing().csv(name)  # type: ignore[return-value]
