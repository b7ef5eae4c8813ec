"""The customer's inbox: requests for admin roles, open and past (DOMAIN §4, §6)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delegation import gdap_customer, gdap_queries
from delegation.gdap_inbox import INBOX_STATUSES, GdapInboxFilter, GdapInboxTable
from delegation.views import insist
from portal import lists
from portal.catalogue import Capability as Can
from relationships.views.requests import export_url, tabs


def _listing(request: Any) -> lists.Listing:
    """A partner's people see those of their own organisation only (DOMAIN §5)."""
    insist(request, Can.PARTNERS_VIEW)
    tenant, is_on_behalf = request.acting.tenant, request.acting.is_on_behalf
    rows = gdap_customer.addressed_to(tenant).select_related("partner")
    if is_on_behalf:
        rows = rows.filter(partner=request.user.tenant_id)
    shown = {"slug": tenant.slug, "may_answer": not is_on_behalf}
    return lists.Listing(request, GdapInboxTable, rows, GdapInboxFilter, gdap_queries.add_details, shown)


@require_safe
def inbox(request: Any) -> HttpResponse:
    """*Requests*, for admin roles."""
    context = _listing(request).context(
        page_title=_("Requests"),
        search_label=_("Partner or request"),
        page_lead=_("What partners ask of you: requests for roles in your tenant, open and past."),
        chips=("status", INBOX_STATUSES),
        tabs=tabs(request, "requests-gdap"),
        export_url=export_url(request, "requests-gdap-export"),
    )
    return render(request, "relationships/requests.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("requests-for-admin-roles")  # type: ignore[return-value]
