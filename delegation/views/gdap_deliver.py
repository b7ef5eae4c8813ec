"""*Request admin relationship*, steps 2 and 3: the message, and how it reaches the customer (DOMAIN §3, §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from delegation import gdap_choices, gdap_offers, gdap_queries, gdap_templates, gdap_texts, services
from delegation.gdap_request_forms import TextForm
from delegation.gdap_tables import status_badge
from delegation.models import GdapRelationship
from delegation.services.gdap_requests import capability_for
from delegation.views.gdap_request import Status, form_page, frozen, get, get_to_ask, steps
from portal import access
from portal.catalogue import Capability as Can
from portal.errors import Conflict, Refused
from relationships.tables import delivery

_WITH_A_LINK = (Status.CREATED, Status.APPROVAL_PENDING)


def asked(request: Any, row: GdapRelationship) -> dict[str, Any]:
    """What a request says, for the pages that show it."""
    assignments = gdap_queries.plans(row)
    for item in assignments:
        item.role_labels = gdap_templates.role_labels(item.role_ids)  # type: ignore[attr-defined]
    asked_roles = sorted(row.roles.all(), key=lambda item: (not item.role.is_privileged, item.role.label))
    return {
        "relationship": row,
        "asked_roles": asked_roles,
        "assignments": assignments,
        "may_plan": access.decide(request.user, Can.GDAP_ASSIGN, row).allowed,
        "changes": gdap_choices.changes(row.replaces, [item.role_id for item in asked_roles]) if row.replaces else [],
    }


@form_page
def message(request: Any, gdap_id: UUID) -> HttpResponse:
    """Step 2: the draft's text, with the real personal link in it."""
    row = get_to_ask(request, gdap_id)
    if row.status != Status.CREATED:
        return frozen(request, row)
    gdap_texts.with_text(row)
    start = {"subject": row.subject, "body": gdap_texts.shown(row), "version": row.version}
    form = TextForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_text(relationship=row, actor=request.user, **form.cleaned_data)
        except Conflict:
            raise
        except Refused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
        else:
            return redirect("gdap-deliver", row.partner.slug, row.pk)
    context = {**asked(request, row), "form": form, "steps": steps(row), "link": gdap_texts.personal_link(row)}
    return render(request, "delegation/gdap_message.html", context, status=400 if form.is_bound else 200)


@require_safe
def deliver(request: Any, gdap_id: UUID) -> HttpResponse:
    """Step 3: *Lock for approval*, then *Open in mail app*, *Copy to clipboard*, *Send for me*; *Done*."""
    row = gdap_texts.with_text(get(request, gdap_id))
    if row.status_now not in _WITH_A_LINK:
        return redirect("gdap-relationship", row.partner.slug, row.pk)
    deliveries = gdap_queries.deliveries(row)
    for sent in deliveries:
        sent.badge = delivery(sent)  # type: ignore[attr-defined]
    context = {
        **asked(request, row),
        "steps": steps(row),
        "text": gdap_texts.shown(row),
        "mailto": gdap_texts.mailto(row),
        "recipients": len(gdap_offers.recipients(row)),
        "deliveries": deliveries,
        "status": status_badge(row),
        "is_draft": row.status == Status.CREATED,
        "may_ask": access.decide(request.user, capability_for(row), row).allowed,
    }
    return render(request, "delegation/gdap_deliver.html", context)


# ── changes: one POST route each ──


def _back(row: GdapRelationship) -> HttpResponse:
    return redirect("gdap-deliver", row.partner.slug, row.pk)


@require_POST
def lock(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Lock for approval*."""
    row = services.open_request(relationship=get_to_ask(request, gdap_id), actor=request.user)
    text = _("Locked for approval: options and text are frozen, and the link works for 90 days.")
    if row.reseller_answer == GdapRelationship.ResellerAnswer.PENDING:
        text = _("Locked for approval: options and text are frozen. The reseller decides first.")
    messages.success(request, text)
    return _back(row)


@require_POST
def send(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Send for me*."""
    row = services.send_request(relationship=get_to_ask(request, gdap_id), actor=request.user)
    messages.success(request, _on_its_way(row))
    return _back(row)


@require_POST
def resend(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Resend*."""
    row = services.resend_request(relationship=get_to_ask(request, gdap_id), actor=request.user)
    messages.success(request, _on_its_way(row))
    return _back(row)


def _on_its_way(row: GdapRelationship) -> str:
    if row.customer_address:
        return _("The message to %(address)s is on its way.") % {"address": row.customer_address}
    return _("The message is on its way to those who may approve it.")


@require_POST
def replace_link(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Replace link*."""
    row = services.replace_link(relationship=get_to_ask(request, gdap_id), actor=request.user)
    messages.success(request, _("The link is replaced. The old one no longer works: send the new one."))
    return _back(row)


@form_page
def withdraw(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Withdraw*: says what it means, then does it."""
    row = get_to_ask(request, gdap_id)
    if request.method == "POST":
        services.withdraw_request(relationship=row, actor=request.user)
        messages.success(request, _("The request is withdrawn. Its link no longer works."))
        return redirect("gdap-relationship", row.partner.slug, row.pk)
    return render(request, "delegation/gdap_withdraw.html", {"relationship": row})


@form_page
def delete(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Delete draft*: says what it means, then does it."""
    row = get_to_ask(request, gdap_id)
    if request.method == "POST":
        services.delete_request(relationship=row, actor=request.user)
        messages.success(request, _("The draft is deleted. Its name is free again."))
        return redirect("gdap-list", row.partner.slug)
    return render(request, "delegation/gdap_delete.html", {"relationship": row})
