"""The reseller's pages of what indirect providers ask through it: *Approve for your customer* (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import catalogue, gdap_queries, gdap_resellers, services
from delegation.forms import ReasonForm
from delegation.gdap_inbox import INBOX_STATUSES
from delegation.gdap_reseller_tables import GdapResellerFilter, GdapResellerTable
from delegation.gdap_resellers import Answer
from delegation.gdap_tables import status_badge
from delegation.models import GdapRelationship
from delegation.views import insist
from delegation.views.gdap_tabs import tabs
from portal import access, clock, lists
from portal.catalogue import Capability as Can
from portal.views.acting import Place

Status = GdapRelationship.Status


def _listing(request: Any) -> lists.Listing:
    insist(request, Can.GDAP_VIEW)
    tenant = request.acting.tenant
    rows = gdap_resellers.visible_to(request.user, tenant).select_related("partner", "customer")
    shown = {"slug": tenant.slug}
    return lists.Listing(request, GdapResellerTable, rows, GdapResellerFilter, gdap_queries.add_details, shown)


@require_safe
def listing(request: Any) -> HttpResponse:
    """*For your customers*: open and past requests through this reseller."""
    url = reverse("gdap-for-customers-export", args=[request.acting.tenant.slug])
    context = _listing(request).context(
        page_title=_("For your customers"),
        page_lead=_("What indirect providers ask of your customers through you. You decide first, then the customer."),
        search_label=_("Provider, customer or request"),
        chips=("status", INBOX_STATUSES),
        tabs=tabs(request),
        export_url=f"{url}?{request.GET.urlencode()}",
    )
    return render(request, "delegation/gdap_for_customers.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("for-customers")  # type: ignore[return-value]


def _find(request: Any, gdap_id: UUID, capability: Can = Can.GDAP_VIEW) -> GdapRelationship:
    """One that was asked through the acting reseller. Raises Http404, and PermissionDenied without the right."""
    rows = gdap_resellers.asked_of(request.acting.tenant).select_related(
        "partner", "partner__profile", "customer", "reseller", "reseller_answered_by"
    )
    row = get_object_or_404(rows, pk=gdap_id)
    access.check(request.user, capability, gdap_resellers.pair_of(row))
    return row


def _can_wait(row: GdapRelationship) -> bool:
    return row.status_now == Status.APPROVAL_PENDING and row.reseller_answer == Answer.PENDING


@require_safe
def for_customer(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Approve for your customer*: who asks for what, of whom; afterwards what became of it."""
    row = _find(request, gdap_id)
    pair = gdap_resellers.pair_of(row)
    here = Place(request.acting.tenant, request.user, access.partner_rights(request.user, pair), is_on_behalf=False)
    until = clock.now() + row.duration_days * catalogue.DAY
    context = {
        "gdap": row,
        "is_waiting": _can_wait(row),
        "is_sold_to": gdap_resellers.sells_to(row.reseller, row.customer),
        "status_badge": status_badge(row),
        "asked_roles": sorted(row.roles.all(), key=lambda item: (not item.role.is_privileged, item.role.label)),
        "until": until,
        "extends_to": until + catalogue.EXTENSION,
        "approve": here.button(Can.GDAP_REQUEST, _("Approve"), ""),
        "ask_url": reverse("gdap-for-customer-approve", args=[request.acting.tenant.slug, row.pk]),
    }
    return render(request, "delegation/gdap_for_customer.html", context)


@require_POST
def approve(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Approve*: the customer is asked from now on."""
    row = services.approve_for_customer(relationship=_find(request, gdap_id, Can.GDAP_REQUEST), actor=request.user)
    messages.success(
        request, _("You have approved the request. Now %(customer)s decides.") % {"customer": row.customer}
    )
    return _to_page(request, row)


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Reject*: with a reason, for good."""
    row = _find(request, gdap_id, Can.GDAP_REQUEST)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.reject_for_customer(relationship=row, actor=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("You have rejected the request of %(partner)s.") % {"partner": row.partner})
        return _to_page(request, row)
    if not _can_wait(row):
        messages.info(request, _("This request doesn't wait for your answer any more."))
        return _to_page(request, row)
    context = {"gdap": row, "form": form, "ask_url": request.path}
    return render(request, "delegation/gdap_for_customer_reject.html", context, status=400 if form.errors else 200)


def _to_page(request: Any, row: GdapRelationship) -> HttpResponse:
    return redirect("gdap-for-customer", request.acting.tenant.slug, row.pk)
