"""*What if*: tick what could end; the page says what ends then and what remains, and changes nothing (DOMAIN §14)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delegation import outside, what_if
from delegation.explorer_tables import grant_url
from delegation.views import insist
from delegation.views.explorer import seen
from portal.catalogue import Capability as Can

_NAMES = (what_if.PARTNER, what_if.EVERYTHING, what_if.ROLE, what_if.GROUP, what_if.SOURCE)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The choices, and once something is ticked what would become of it."""
    insist(request, Can.PARTNERS_VIEW)
    rows = seen(request, None)
    ticked = {name: set(request.GET.getlist(name)) for name in _NAMES}
    options = what_if.choices(rows, ticked)
    context: dict[str, Any] = {"sections": _sections(options), "has_choices": bool(rows)}
    chosen = [choice for group in options.values() for choice in group if choice.is_ticked]
    if chosen:
        context |= {"chosen": [choice.label for choice in chosen], **_answer(request, rows, options)}
    elif any(ticked.values()):
        context["is_gone"] = True
    return render(request, "delegation/what_if.html", context)


def _sections(options: dict[str, list[what_if.Choice]]) -> list[dict[str, Any]]:
    titles = (_("DAP and GDAP of a partner"), _("A partner altogether"), _("Roles"), _("Groups"), _("Assignments"))
    return [
        {"title": title, "choices": options[name]} for name, title in zip(_NAMES, titles, strict=True) if options[name]
    ]


def _answer(request: Any, rows: list[outside.Reached], options: dict[str, list[what_if.Choice]]) -> dict[str, Any]:
    tenant, user = request.acting.tenant, request.user
    own = None if user.tenant_id == tenant.pk else user.tenant_id
    after = outside.paths([tenant.pk], partner=own, without=what_if.without(options))
    found = what_if.outcomes(rows, after)
    ends, remains = what_if.items(found)
    exits = [] if own else _clean_exits(request, rows, options)
    return {
        "ends": ends,
        "remains": remains,
        "people": len(found),
        "without_anything": sum(outcome.loses_everything for outcome in found),
        "falling_back": sum(bool(outcome.returns) for outcome in found),
        "untouched": len({row.user_id for row in rows}) - len(found),
        "pages": exits + what_if.pages((row for outcome in found for row in outcome.ends), tenant, grant_url),
    }


def _clean_exits(
    request: Any, rows: list[outside.Reached], options: dict[str, list[what_if.Choice]]
) -> list[dict[str, str]]:
    """*End everything with this partner*, for each partner that was ticked altogether."""
    pairs = {str(row.partner_id): row.pair_id for row in rows if row.pair_id}
    slug = request.acting.tenant.slug
    return [
        {
            "url": reverse("clean-exit", args=[slug, pairs[choice.value]]),
            "label": _("End everything with this partner"),
            "detail": choice.label,
        }
        for choice in options[what_if.EVERYTHING]
        if choice.is_ticked and choice.value in pairs
    ]
