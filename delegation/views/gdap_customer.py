"""One GDAP relationship on the customer's side: what it gives, *Remove roles*, auto-extend (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import catalogue, endings, gdap_customer, gdap_losses, queries, services
from delegation.gdap_answer_forms import RemoveRolesForm
from delegation.models import GdapRelationship
from delegation.views import insist
from delegation.views.partner_relationships import find_pair
from portal import access, clock
from portal.catalogue import Capability as Can
from portal.models import Pair

Status = GdapRelationship.Status


def _find(request: Any, pair_id: UUID, gdap_id: UUID) -> tuple[Pair, GdapRelationship]:
    """The partner and one of its relationships that were approved here. Raises Http404 for any other."""
    pair = find_pair(request, pair_id)
    rows = GdapRelationship.objects.filter(pair=pair, activated_at__isnull=False)
    row = (
        rows.select_related("partner", "customer", "approved_by", "ended_by", "replaces", "reseller")
        .filter(pk=gdap_id)
        .first()
    )
    if row is None:
        raise Http404
    return pair, row


def _to(request: Any, pair: Pair, row: GdapRelationship) -> HttpResponse:
    return redirect("customer-gdap", request.acting.tenant.slug, pair.pk, row.pk)


@require_safe
def relationship(request: Any, pair_id: UUID, gdap_id: UUID) -> HttpResponse:
    """What the partner can do by it, who, until when, and what happened; also long after its end."""
    pair, row = _find(request, pair_id, gdap_id)
    rights, is_active = request.acting.rights, row.status_now == Status.ACTIVE
    held, groups, people = gdap_customer.holdings(row, pair)
    end = row.end_at(clock.now())
    lasting = {item.role.id for item in held if item.removed_at is None} & catalogue.never_lasting()
    context = {
        "pair": pair,
        "gdap": row,
        "is_active": is_active,
        "held": held,
        "groups": groups,
        "people": people,
        "end": end if is_active else row.ended_at or row.ends_at,
        "extends_to": end + catalogue.EXTENSION if end and is_active and row.auto_extend else None,
        "can_remove": is_active and rights.allows(Can.GDAP_REMOVE_ROLES),
        "who_can_remove": access.role_names(Can.GDAP_REMOVE_ROLES),
        "can_extend": is_active and rights.allows(Can.GDAP_APPROVE),
        "never_lasts": not row.auto_extend and bool(lasting),
        "history": gdap_customer.history(row, pair, request.user.tenant_id),
    }
    return render(request, "delegation/customer_gdap.html", context)


@require_POST
def auto_extend(request: Any, pair_id: UUID, gdap_id: UUID) -> HttpResponse:
    """Switch auto-extend: `to` is on or off."""
    pair, row = _find(request, pair_id, gdap_id)
    insist(request, Can.GDAP_APPROVE)
    is_on = request.POST.get("to") == "on"
    row = services.set_auto_extend(relationship=row, is_on=is_on, actor=request.user)
    if is_on:
        messages.success(request, _("Auto-extend is on: “%(name)s” goes on by 180 days each time.") % {"name": row})
    else:
        messages.success(request, _("Auto-extend is off: “%(name)s” ends on its day.") % {"name": row})
    return _to(request, pair, row)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: Any, pair_id: UUID, gdap_id: UUID) -> HttpResponse:
    """*Remove roles*: what ends and what remains, then *Yes*."""
    pair, row = _find(request, pair_id, gdap_id)
    insist(request, Can.GDAP_REMOVE_ROLES)
    if row.status_now != Status.ACTIVE:
        messages.info(request, _("These roles have ended already."))
        return _to(request, pair, row)
    form = RemoveRolesForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.remove_by_customer(relationship=row, actor=request.user, **form.cleaned_data)
        pair.refresh_from_db()
        text = _("The roles of %(partner)s by “%(name)s” were removed.") % {"partner": pair.partner_name, "name": row}
        messages.success(request, f"{text} {endings.remains_sentence(pair)}")
        return redirect("partner-relationship", request.acting.tenant.slug, pair.pk)
    context = {
        "pair": pair,
        "gdap": row,
        "form": form,
        **gdap_losses.of_relationship(row, for_partner=False),
        "has_dap": queries.active_dap(pair) is not None,
        "may_remove_dap": request.acting.rights.allows(Can.PARTNERS_REMOVE_DAP),
    }
    return render(request, "delegation/customer_gdap_remove.html", context, status=400 if form.errors else 200)
