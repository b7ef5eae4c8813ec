"""The partner's page of one GDAP relationship, and the acts on it that take one button (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from delegation import catalogue, gdap_standing, gdap_texts, gdap_timeline, services
from delegation.gdap_standing import Holding, RoleLine
from delegation.gdap_tables import customer_of, status_badge
from delegation.models import GdapCounterOffer, GdapRelationship
from delegation.services import gdap_requests
from delegation.views import seeing_gdap
from portal import access, clock, mail
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.views.acting import Place, say_once
from relationships.tables import delivery

Status = GdapRelationship.Status
_PEOPLE = ("partner", "customer", "pair", "created_by", "locked_by", "approved_by", "ended_by", "replaces", "reseller")
_MOST_AMENDMENTS = 20


def found(request: Any, gdap_id: UUID, capability: Can | None = None) -> GdapRelationship:
    """The relationship, for somebody of its partner who may do this to it (None: see it); else 404 or 403."""
    rows = GdapRelationship.objects.filter(partner=request.acting.tenant).select_related(*_PEOPLE)
    return access.get_or_404(rows, request.user, capability or seeing_gdap(request), pk=gdap_id)


def place_of(request: Any, row: GdapRelationship) -> Place:
    """Where the person works, with the rights about this relationship's customer."""
    rights = access.partner_rights(request.user, row.pair) if row.pair else request.acting.rights
    return Place(request.acting.tenant, request.user, rights, is_on_behalf=False)


def url(route: str, row: GdapRelationship, *more: Any) -> str:
    """An address below the relationship's page."""
    return reverse(route, args=[row.partner.slug, row.pk, *more])


def to_page(row: GdapRelationship) -> HttpResponse:
    """Back to the relationship's page."""
    return redirect("gdap-relationship", row.partner.slug, row.pk)


def give_up_url(request: Any, row: GdapRelationship) -> str:
    """Where this person can give up the DAP that people would fall back to; empty for those who can't."""
    may = row.pair is not None and place_of(request, row).rights.allows(Can.DAP_GIVE_UP)
    return reverse("customer-give-up-dap", args=[row.partner.slug, row.pair_id]) if may else ""


@require_safe
def relationship(request: Any, gdap_id: UUID) -> HttpResponse:
    """What was asked and granted, which groups hold what, who can do what, what happened."""
    row = found(request, gdap_id)
    here = place_of(request, row)
    holdings = gdap_standing.holdings_of(row)
    lines = gdap_standing.role_lines(row, holdings)
    people, count = gdap_standing.people_of(row, holdings)
    buttons = _buttons(here, row, lines)
    assign = here.button(Can.GDAP_ASSIGN, _("Add a group"), url("gdap-assignment-new", row))
    context = {
        "gdap": row,
        "status": row.status_now,
        "status_badge": status_badge(row),
        "customer": customer_of(row),
        "ends_at": row.ended_at or row.end_at(clock.now()),
        "lines": lines,
        "holdings": holdings,
        "can_plan": row.status_now in (Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE),
        "assign": assign,
        "without_access": _without_access(row, holdings),
        "people": people,
        "people_count": count,
        "offers": _offers(row, lines),
        "amendments": row.amendments.order_by("-created_at")[:_MOST_AMENDMENTS],
        "events": gdap_timeline.events_of(row),
        "letter": _letter(row) if row.status_now == Status.APPROVAL_PENDING else None,
        "buttons": buttons,
        "button_reasons": say_once("gdap", buttons),
        "accept": here.button(gdap_requests.capability_for(row), _("Accept counter-offer"), ""),
        "withdraw_url": url("gdap-withdraw", row),
        "deliver_url": url("gdap-deliver", row),
    }
    return render(request, "delegation/gdap_relationship.html", context)


def _letter(row: GdapRelationship) -> dict[str, Any]:
    """The personal link, the text that goes out with it, and what became of the portal's message."""
    sent = mail.latest_about([row], gdap_texts.MAIL).get(row.pk)
    text = gdap_texts.shown(gdap_texts.with_text(row))
    return {"link": gdap_texts.personal_link(row), "text": text, "delivery": delivery(sent)}


def _buttons(here: Place, row: GdapRelationship, lines: list[RoleLine]) -> list[dict[str, Any]]:
    """What this person can do about the relationship as it stands, or why not."""
    ask = gdap_requests.capability_for(row)
    if row.status_now == Status.CREATED:
        return [
            here.button(ask, _("Continue"), url("gdap-options", row), variant="primary"),
            here.button(ask, _("Delete draft"), url("gdap-delete", row), variant="danger"),
        ]
    if row.status_now == Status.APPROVAL_PENDING:
        return [
            here.button(ask, _("Replace link"), url("gdap-replace-link", row), is_post=True),
            here.button(ask, _("Withdraw request"), url("gdap-withdraw", row), variant="danger"),
        ]
    if row.status_now == Status.EXPIRED:
        return [here.button(Can.GDAP_EXTEND, _("Renew"), url("gdap-amend", row), is_post=True, variant="primary")]
    if row.status_now != Status.ACTIVE:
        return []
    extend = _("Switch auto-extend off") if row.auto_extend else _("Switch auto-extend on")
    return [
        here.button(Can.GDAP_EXTEND, _("Amend or renew"), url("gdap-amend", row), is_post=True, variant="primary"),
        here.button(
            Can.GDAP_EXTEND,
            extend,
            url("gdap-auto-extend", row),
            is_post=True,
            name="is_on",
            value="no" if row.auto_extend else "yes",
            reason="" if row.auto_extend else _why_not_extend(row, lines),
        ),
        here.button(Can.GDAP_TERMINATE, _("Remove some roles"), url("gdap-remove-roles", row)),
        here.button(Can.GDAP_TERMINATE, _("Terminate"), url("gdap-terminate", row), variant="danger"),
    ]


def _why_not_extend(row: GdapRelationship, lines: list[RoleLine]) -> str:
    never = [line.role.label for line in lines if not line.is_over and line.role.id in catalogue.never_lasting()]
    if never:
        text = _("Auto-extend can't be combined with %(roles)s. Leave one of the two out.")
        return text % {"roles": ", ".join(never)}
    if row.is_extension_forbidden:
        return _("The customer approved this without auto-extend. Only the customer can switch it on.")
    return ""


def _without_access(row: GdapRelationship, holdings: list[Holding]) -> str:
    """*Approved is not access*: what is missing before anybody can work."""
    if row.status_now != Status.ACTIVE:
        return ""
    if not holdings:
        return _("No group has roles yet, so nobody of our people can do anything by this. Add a group.")
    if not any(holding.people for holding in holdings):
        return _("The groups that have roles have no people who could use them. Add members to the groups.")
    return ""


def _offers(row: GdapRelationship, lines: list[RoleLine]) -> list[dict[str, Any]]:
    """Every counter-offer, the open one first, with what it leaves of what was asked."""
    offers = row.counter_offers.select_related("made_by", "answered_by").order_by("-made_at")
    return [
        {
            "offer": offer,
            "is_open": offer.state == GdapCounterOffer.State.OPEN and row.status_now == Status.APPROVAL_PENDING,
            "roles": [(line.role, line.role.id in offer.role_ids) for line in lines],
            "accept_url": url("gdap-accept-counter-offer", row, offer.pk),
        }
        for offer in sorted(offers, key=lambda offer: offer.state != GdapCounterOffer.State.OPEN)
    ]


# ── acts that take one button ──


@require_POST
def set_auto_extend(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Switch auto-extend on*, *… off*."""
    row = found(request, gdap_id, Can.GDAP_EXTEND)
    chosen = request.POST.get("is_on")
    if chosen not in ("yes", "no"):
        raise Refused(_("Say whether auto-extend shall be on or off."))
    services.set_auto_extend(relationship=row, is_on=chosen == "yes", actor=request.user)
    on, off = _("Auto-extend is on."), _("Auto-extend is off. It ends at the end as it stands now.")
    messages.success(request, on if chosen == "yes" else off)
    return to_page(row)


@require_POST
def amend(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Amend or renew*: a draft with the same roles, which replaces this one once it is approved."""
    row = found(request, gdap_id, Can.GDAP_EXTEND)
    draft = services.prepare_amendment(relationship=row, actor=request.user)
    messages.success(
        request, _("A draft was made that asks for the same again. Change it: the customer sees the difference.")
    )
    return redirect("gdap-options", draft.partner.slug, draft.pk)


@require_POST
def accept_counter_offer(request: Any, gdap_id: UUID, offer_id: UUID) -> HttpResponse:
    """*Accept counter-offer*: exactly what it says is in force from now on."""
    row = found(request, gdap_id)
    access.check(request.user, gdap_requests.capability_for(row), row)
    offer = get_object_or_404(row.counter_offers, pk=offer_id)
    services.accept_counter_offer(offer=offer, actor=request.user)
    messages.success(request, _("The counter-offer is accepted. Its roles are in force."))
    return to_page(row)
