"""The customer's inbox: requests that are addressed to its verified domains, open and past (DOMAIN §4)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import access, hooks, lists
from portal.catalogue import Capability as Can
from relationships import queries
from relationships.filters import InboxFilter
from relationships.models import Invitation
from relationships.tables import InboxTable

_STATES = [choice for choice in Invitation.State.choices if choice[0] != Invitation.State.DRAFT]


def _listing(request: Any) -> lists.Listing:
    """A partner's people see those of their own organisation only (DOMAIN §5)."""
    tenant = request.acting.tenant
    access.check(request.user, Can.PARTNERS_VIEW, tenant)
    rows = queries.addressed_to(tenant).select_related("partner")
    if request.acting.is_on_behalf:
        rows = rows.filter(partner=request.user.tenant_id)
    may_answer = not request.acting.is_on_behalf
    return lists.Listing(request, InboxTable, rows, InboxFilter, table_kwargs={"may_answer": may_answer})


@require_safe
def inbox(request: Any) -> HttpResponse:
    """*Requests*, for relationships."""
    context = _listing(request).context(
        page_title=_("Requests"),
        search_label=_("Partner or e-mail"),
        page_lead=_("What partners ask of you: requests addressed to your verified domains, open and past."),
        chips=("state", _STATES),
        tabs=tabs(request, "requests"),
        export_url=export_url(request, "requests-export"),
    )
    return render(request, "relationships/requests.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("requests")  # type: ignore[return-value]


def export_url(request: Any, route: str) -> str:
    """Where the list is as CSV, filtered as it is shown."""
    return f"{reverse(route, args=[request.acting.tenant.slug])}?{request.GET.urlencode()}"


def tabs(request: Any, current: str) -> list[dict[str, Any]]:
    """All kinds of requests, each with how many wait; on behalf only those of the own organisation."""
    tenant = request.acting.tenant
    partner = request.user.tenant if request.acting.is_on_behalf else None
    return [
        {
            "label": tab.label,
            "url": reverse(tab.route, args=[tenant.slug]),
            "current": tab.route == current,
            "count": tab.count(tenant, partner) or "",
        }
        for tab in hooks.request_tabs
    ]
