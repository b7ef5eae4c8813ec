"""Answers to a GDAP request: approve all, decline, counter-offer and what the partner says to it (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from delegation import gdap_offers, gdap_texts, sources
from delegation.models import GdapAssignment, GdapCounterOffer, GdapForward, GdapRelationship
from delegation.services import gdap_assignments, gdap_notices, gdap_requests
from delegation.services import gdap_rows as rows
from delegation.services.dap import remove_dap_too
from delegation.services.gdap_endings import end_active
from delegation.services.gdap_rows import Reason, Status
from portal import access, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import BadLink, Refused
from portal.models import Tenant, User
from portal.services import organisations
from portal.writes import writes
from relationships import catalogue as types
from relationships import offers
from relationships.services import Closed, OfferChanged, begin_type, forward_request

Offer = GdapCounterOffer.State


@writes
def approve_request(
    *,
    relationship: GdapRelationship,
    actor: User,
    version: int | None = None,
    digest: str | None = None,
    removes_dap: bool = False,
) -> GdapRelationship:
    """*Approve all*: every role that was asked for is in force from this moment, planned assignments apply.

    `version` is the link that this browser opened; None where the request names the actor's organisation itself.
    `digest` is what its page showed (`gdap_offers.offer`); None doesn't ask. With `removes_dap` the pair's DAP ends
    first, in the same transaction: nobody falls back to it in between.
    An amendment ends the relationship that it replaces, whose assignments go on as far as their roles still exist.
    Raises BadLink for a replaced link or none, Closed where it can't be answered (any more), PermissionDenied without
    `gdap.approve` (with `removes_dap` without `partners.remove_dap`), Refused for accounts and roles made by this very
    partner, OfferChanged if what is asked, or what it is compared with, isn't what was shown.
    """
    row, customer, decision = _checked(relationship, actor, version)
    pair = organisations.lock_pair(row.partner, customer)
    if digest is not None and gdap_offers.offer(row, customer).digest != digest:
        raise OfferChanged(_("The request has changed since you opened it. Read it again before you approve."))
    if removes_dap:
        remove_dap_too(pair, actor)
    row.counter_offers.filter(state=Offer.OPEN).update(
        state=Offer.WITHDRAWN, answered_at=clock.now(), answered_by=actor
    )
    asked = set(row.roles.values_list("role_id", flat=True))
    _activate(row, customer, approver=actor, actor=actor, decision=decision, role_ids=asked, days=row.duration_days)
    return row


@writes
def decline_request(
    *, relationship: GdapRelationship, actor: User, version: int | None = None, reason: str = ""
) -> GdapRelationship:
    """Decline it, for good; the reason is shown to the partner. Raises as `approve_request`."""
    row, customer, decision = _checked(relationship, actor, version)
    _bind(row, customer)
    gdap_requests.close_pending(row, actor, Reason.DECLINED, reason)
    rows.record("gdap.declined", row, actor, decision, reason=reason)
    gdap_notices.tell_both("gdap_declined", row, by=gdap_notices.who(actor), reason=reason)
    return row


@writes
def counter_offer(
    *,
    relationship: GdapRelationship,
    actor: User,
    role_ids: Collection[str],
    duration_days: int,
    is_extension_forbidden: bool = False,
    reason: str = "",
    version: int | None = None,
) -> GdapCounterOffer:
    """Offer less: fewer roles, fewer days, no auto-extend. The request stays pending and is this customer's now.

    Raises as `approve_request`; Refused (with the field) for what wasn't asked for, for an offer that is no narrower,
    and while another one is open.
    """
    row, customer, decision = _checked(relationship, actor, version)
    if row.counter_offers.filter(state=Offer.OPEN).exists():
        raise Refused(_("Your organisation has made a counter-offer. Take it back first."))
    asked = set(row.roles.values_list("role_id", flat=True))
    chosen = set(role_ids)
    if not chosen or not chosen <= asked:
        raise Refused(_("Choose at least one of the roles that were asked for, and no other."), field="roles")
    if isinstance(duration_days, bool) or not isinstance(duration_days, int) or duration_days < 1:
        raise Refused(_("Choose a whole number of days."), field="duration_days")
    if duration_days > row.duration_days:
        raise Refused(_("Choose no more days than were asked for."), field="duration_days")
    if chosen == asked and duration_days == row.duration_days and not is_extension_forbidden:
        raise Refused(_("This is what was asked for: approve it, or offer less."), field="roles")
    _bind(row, customer)
    row.save(update_fields=["customer", "pair"])
    offer = GdapCounterOffer.objects.create(
        relationship=row,
        customer=customer,
        role_ids=sorted(chosen),
        duration_days=duration_days,
        is_extension_forbidden=is_extension_forbidden,
        reason=reason[:500],
        made_at=clock.now(),
        made_by=actor,
    )
    rows.record("gdap.counter_offered", row, actor, decision, after=_seen(offer), reason=reason)
    gdap_notices.tell_partner("gdap_counter_offered", row, by=gdap_notices.who(actor), reason=reason)
    return offer


@writes
def withdraw_counter_offer(*, offer: GdapCounterOffer, actor: User) -> GdapCounterOffer:
    """The customer takes it back; the request waits for another answer. Taking it back twice changes nothing.

    Raises PermissionDenied without `gdap.approve`, Refused where it was accepted or has lapsed.
    """
    row = rows.locked(offer.relationship)
    offer = GdapCounterOffer.objects.select_for_update().get(pk=offer.pk)
    decision = access.require(actor, Capability.GDAP_APPROVE, row)
    if offer.state == Offer.WITHDRAWN:
        return offer
    _require_open(row, offer)
    offer.state, offer.answered_at, offer.answered_by = Offer.WITHDRAWN, clock.now(), actor
    offer.save(update_fields=["state", "answered_at", "answered_by"])
    rows.record("gdap.counter_offer_withdrawn", row, actor, decision)
    return offer


@writes
def accept_counter_offer(*, offer: GdapCounterOffer, actor: User) -> GdapRelationship:
    """The partner takes it: what becomes active equals the counter-offer exactly.

    Raises PermissionDenied without `gdap.request` (`gdap.extend` for an amendment), Closed where it can't be
    approved any more, Refused where the counter-offer was taken back or has lapsed.
    """
    row = rows.locked(offer.relationship)
    offer = GdapCounterOffer.objects.select_for_update(of=("self",)).get(pk=offer.pk)
    decision = access.require(actor, gdap_requests.capability_for(row), row)
    _require_open(row, offer)
    customer = offer.customer
    _require_possible(row, customer)
    offer.state, offer.answered_at, offer.answered_by = Offer.ACCEPTED, clock.now(), actor
    offer.save(update_fields=["state", "answered_at", "answered_by"])
    row.is_extension_forbidden = offer.is_extension_forbidden
    row.auto_extend = row.auto_extend and not offer.is_extension_forbidden
    role_ids, days = set(offer.role_ids), offer.duration_days
    _activate(row, customer, approver=offer.made_by, actor=actor, decision=decision, role_ids=role_ids, days=days)
    return row


# ── checks, in the order in which they are made ──


@writes
def forward_gdap(*, relationship: GdapRelationship, actor: User, version: int, to: User) -> GdapForward:
    """*Forward to an approver*: mail the request to somebody of the own organisation who may approve it.

    It gives the forwarder nothing. The same again changes nothing. Raises BadLink, Closed, and Refused for somebody
    who can't approve it or gets no mail.
    """
    customer = _customer_of(actor)
    row = rows.locked(relationship)
    _require_link(row, customer, version)
    _require_possible(row, customer)
    forward: GdapForward = forward_request(
        row,
        actor=actor,
        to=to,
        approvers=gdap_offers.approvers(row, customer),
        kind="gdap_forwarded",
        link=gdap_texts.link_of(row),
        name=row.display_name,
        until=row.lapses_at,
    )
    return forward


def _checked(
    relationship: GdapRelationship, actor: User, version: int | None
) -> tuple[GdapRelationship, Tenant, Decision]:
    """The locked request, if this person may answer it now for the own organisation."""
    customer = _customer_of(actor)
    row = rows.locked(relationship)
    _require_link(row, customer, version)
    _require_possible(row, customer)
    decision = access.require(actor, Capability.GDAP_APPROVE, customer)
    if offers.is_made_by(row.partner_id, actor, decision):
        raise Refused(_("This account, or its role, was made by the partner that asks. It can't answer for you."))
    return row, customer, decision


def _customer_of(actor: User) -> Tenant:
    if actor.tenant is None:
        raise Refused(_("Requests are answered by people of an organisation."))
    return actor.tenant


def _require_link(row: GdapRelationship, customer: Tenant, version: int | None) -> None:
    if version is None and row.customer_id != customer.pk:
        raise BadLink(_("Open the link that you were sent."))
    if version is not None and version != row.link_version:
        raise BadLink(_("This link has been replaced. Use the latest one that you were sent."))


def _require_possible(row: GdapRelationship, customer: Tenant) -> None:
    obstacle = gdap_offers.obstacle(row, customer)
    if obstacle is not None:
        raise Closed(obstacle)


def _require_open(row: GdapRelationship, offer: GdapCounterOffer) -> None:
    rows.require_status(row, Status.APPROVAL_PENDING)
    if offer.state != Offer.OPEN:
        raise Refused(_("This counter-offer is not open any more (%(state)s)."), state=Offer(offer.state).label)


def _bind(row: GdapRelationship, customer: Tenant) -> None:
    """The first answer makes a request that was open to anybody this customer's."""
    row.customer = customer
    if row.pair_id is None:
        row.pair = gdap_assignments.begun_pair(row.partner_id, customer.pk)


# ── what an approval does: all of it in one transaction ──


def _activate(
    row: GdapRelationship,
    customer: Tenant,
    *,
    approver: User,
    actor: User,
    decision: Decision,
    role_ids: set[str],
    days: int,
) -> None:
    row.pair = organisations.lock_pair(row.partner, customer)
    _require_possible(row, customer)  # the block may have come while we waited for the pair
    row.customer, row.granted_days = customer, days
    row.approved_at, row.approved_by = clock.now(), approver
    row.status = Status.APPROVED
    row.save()
    row.roles.update(is_granted=Case(When(role_id__in=role_ids, then=Value(True)), default=Value(False)))
    row.status = Status.ACTIVATING
    row.save(update_fields=["status"])
    begin_type(row.pair, types.GDAP, accepted_by=approver, actor=actor, decision=decision)
    row.status, row.activated_at = Status.ACTIVE, clock.now()
    row.ends_at = row.activated_at + timedelta(days=days)
    row.save(update_fields=["status", "activated_at", "ends_at"])
    after = {"roles": rows.names_of(role_ids), "days": days, "auto_extend": row.auto_extend}
    rows.record("gdap.approved", row, actor, decision, after=after, until=row.ends_at)
    assignments = gdap_assignments.apply_plans(row, role_ids, actor)
    _replace(row, role_ids, actor, decision, {assignment.group_id for assignment in assignments})
    sources.settle_dap(row.pair)
    gdap_notices.tell_both("gdap_approved", row, by=gdap_notices.who(approver), until=row.ends_at)


def _replace(row: GdapRelationship, role_ids: set[str], actor: User, decision: Decision, planned: set[int]) -> None:
    """An amendment takes over the assignments of the one that it replaces and ends it, without a gap."""
    if row.replaces_id is None:
        return
    old = GdapRelationship.objects.select_for_update(of=("self",)).get(pk=row.replaces_id)
    held = old.assignments.filter(state=GdapAssignment.State.ACTIVE).exclude(group_id__in=planned)
    gdap_assignments.carry_over(row, held, role_ids, actor)
    if old.status_now == Status.ACTIVE:
        end_active(old, actor, Reason.REPLACED, decision=decision)


def _seen(offer: GdapCounterOffer) -> dict[str, object]:
    return {
        "roles": rows.names_of(offer.role_ids),
        "days": offer.duration_days,
        "auto_extend": not offer.is_extension_forbidden,
    }
