"""Relationships after the acceptance: ending, blocking, device registration consent (DOMAIN §3, §4)."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, notices
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Pair, User
from portal.services import organisations
from portal.writes import writes
from relationships import catalogue, hooks, offers
from relationships.models import DeviceConsent, Relationship


@writes
def end_relationship(*, relationship: Relationship, actor: User, reason: str = "") -> Relationship:
    """End one type of relationship from the partner's side; the history stays readable to both.

    DAP ends with the last type that may carry it, device consent with the reseller's; with the last type of the pair
    the partner's people are strangers to the customer. Ending an ended one changes nothing. The reason is shown to
    the customer. Raises PermissionDenied without `relationships.end` for this customer.
    """
    pair = _locked(relationship.pair_id)
    row = Relationship.objects.select_for_update().get(pk=relationship.pk)
    decision = access.require(actor, Capability.RELATIONSHIPS_END, pair)
    if row.ended_at is not None:
        return row
    row.ended_at, row.ended_by = max(clock.now(), row.started_at), actor
    row.save(update_fields=["ended_at", "ended_by"])
    _record("relationship.ended", pair, actor, row, decision, reason=reason)
    in_force = Relationship.objects.filter(pair=pair, ended_at__isnull=True).order_by("id")
    remaining = list(in_force.values_list("partner_type", flat=True))
    if row.partner_type == catalogue.RESELLER:
        _end_device_consent(pair, actor)
    for react in hooks.on_relationship_ended:
        react(pair, actor, remaining)
    if not remaining:
        organisations.end_pair(pair)  # who worked for the customer goes on reading the history
    _tell_ended(pair, reason)
    return row


def _end_device_consent(pair: Pair, actor: User) -> None:
    """Part of the write that ended the reseller relationship, on which it rests."""
    rows = DeviceConsent.objects.select_for_update().filter(pair=pair).exclude(state=DeviceConsent.State.ENDED)
    for consent in rows:
        consent.state, consent.ended_at = DeviceConsent.State.ENDED, clock.now()
        consent.save(update_fields=["state", "ended_at"])
        _record("device_consent.ended", pair, actor, consent, None)


@writes
def block_partner(*, pair: Pair, actor: User) -> Pair:
    """Take no further invitations or requests from this partner; what is in force stays. Repeating changes nothing.

    Raises PermissionDenied unless actor is a Global Administrator of the customer's own.
    """
    return _set_blocked(pair, actor, is_blocked=True)


@writes
def unblock_partner(*, pair: Pair, actor: User) -> Pair:
    """Let the partner ask again. Raises as `block_partner`."""
    return _set_blocked(pair, actor, is_blocked=False)


def _set_blocked(pair: Pair, actor: User, *, is_blocked: bool) -> Pair:
    pair = _locked(pair.pk)
    decision = access.require(actor, Capability.PARTNERS_ACCEPT_WITH_ROLES, pair)
    if (pair.blocked_at is not None) == is_blocked:
        return pair
    pair.blocked_at = clock.now() if is_blocked else None
    pair.save(update_fields=["blocked_at"])
    audit.record(
        "partner.blocked" if is_blocked else "partner.unblocked",
        actor=actor,
        tenant=pair.customer_id,
        target=pair,
        decision=decision,
    )
    return pair


@writes
def give_device_consent(*, consent: DeviceConsent, actor: User) -> DeviceConsent:
    """Give a pending Autopilot registration consent. Giving a given one changes nothing.

    Raises PermissionDenied unless actor is a Global Administrator of the customer's own, Refused for one that has
    ended and where account or role were made by this partner.
    """
    pair = _locked(consent.pair_id)
    consent = DeviceConsent.objects.select_for_update().get(pk=consent.pk)
    decision = access.require(actor, Capability.PARTNERS_ACCEPT_WITH_ROLES, consent)
    if consent.state == DeviceConsent.State.GIVEN:
        return consent
    if consent.state == DeviceConsent.State.ENDED:
        raise Refused(_("This consent has ended with the relationship. A new request is needed."))
    if offers.is_made_by(pair.partner_id, actor, decision):
        raise Refused(_("This account, or its role, was made by the partner that asks. It can't answer for you."))
    consent.state, consent.given_at, consent.given_by = DeviceConsent.State.GIVEN, clock.now(), actor
    consent.save(update_fields=["state", "given_at", "given_by"])
    _record("device_consent.given", pair, actor, consent, decision)
    return consent


def _locked(pair_id: UUID) -> Pair:
    return Pair.objects.select_for_update(of=("self",)).select_related("partner", "customer").get(pk=pair_id)


def _record(
    action: str,
    pair: Pair,
    actor: User,
    target: Relationship | DeviceConsent,
    decision: Decision | None,
    **data: object,
) -> None:
    audit.record(
        action,
        actor=actor,
        tenant=pair.customer_id,
        also=[pair.partner_id],
        target=target,
        decision=decision,
        **data,
    )


def _tell_ended(pair: Pair, reason: str) -> None:
    """DOMAIN §16: an ending goes to the Admin agents and the customer's Global Administrators."""
    partner, customer = pair.partner, pair.customer
    about = {
        "partner": partner.display_name,
        "customer": customer.display_name,
        "is_last": pair.ended_at is not None,
        "reason": reason,
    }
    notices.tell(
        "relationship_ended",
        notices.agents(partner.pk),
        tenant=partner,
        about=pair,
        path=reverse("customer", args=[partner.slug, pair.pk]),
        is_partner=True,
        **about,
    )
    notices.tell(
        "relationship_ended",
        notices.global_administrators(customer.pk),
        tenant=customer,
        about=pair,
        path=reverse("partner-relationship", args=[customer.slug, pair.pk]),
        is_partner=False,
        **about,
    )
