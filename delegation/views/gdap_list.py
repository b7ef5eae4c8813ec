"""*Admin relationships*: every GDAP relationship of the partner that this person may see (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delegation import gdap_queries
from delegation.gdap_filters import STATUSES, GdapFilter
from delegation.gdap_tables import GdapTable
from delegation.models import GdapRelationship
from delegation.views import insist, seeing_gdap
from delegation.views.gdap_tabs import tabs
from portal import access, lists
from portal.catalogue import Capability as Can


def _listing(request: Any) -> lists.Listing:
    capability = seeing_gdap(request)
    insist(request, capability)
    rows = access.allowing(GdapRelationship.objects.all(), request.user, capability).select_related("customer")
    url = reverse("gdap-list", args=[request.acting.tenant.slug])
    return lists.Listing(request, GdapTable, rows, GdapFilter, gdap_queries.add_details, {"url": url})


@require_safe
def listing(request: Any) -> HttpResponse:
    """The list, with what each one holds and when it ends."""
    slug = request.acting.tenant.slug
    can_request = request.acting.rights.allows(Can.GDAP_REQUEST)
    context = _listing(request).context(
        page_title=_("Admin relationships"),
        page_lead=_("Roles in customers' tenants: what you asked for, what was granted, and until when."),
        search_label=_("Name or customer"),
        chips=("status", STATUSES),
        can_request=can_request,
        tabs=tabs(request),
        export_url=f"{reverse('gdap-export', args=[slug])}?{request.GET.urlencode()}",
    )
    if can_request:
        table = context["table"]
        table.empty_url, table.empty_label = reverse("gdap-new", args=[slug]), _("Request admin relationship")
    return render(request, "delegation/gdap_list.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("admin-relationships")  # type: ignore[return-value]
