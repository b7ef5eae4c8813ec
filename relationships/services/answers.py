"""The customer's side of an invitation: accept, decline, forward to an approver (DOMAIN §3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, mail, notices
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import BadLink, Refused
from portal.models import Pair, Tenant, User
from portal.services import organisations
from portal.writes import writes
from relationships import hooks, offers, texts
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, InvitationForward
from relationships.services.types import begin_type

State = Invitation.State


class Closed(Refused):
    """It can't be answered (any more); `obstacle` says why."""

    def __init__(self, obstacle: offers.Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


class OfferChanged(Refused):
    """What was shown is no longer what would be accepted: show it again."""


@dataclass(frozen=True)
class Acceptance:
    """What an acceptance led to; `is_already_in_place`: it added nothing and used nothing up."""

    pair: Pair
    is_already_in_place: bool


@writes
def accept_invitation(*, invitation: Invitation, actor: User, version: int, digest: str) -> Acceptance:
    """Accept for the actor's organisation: relationship, DAP where asked for, device consent; all of it or nothing.

    `version` is the link that this browser opened, `digest` what its page showed. An acceptance that adds nothing
    is *already in place*. Device consent is given by a Global Administrator, else it stays pending.
    Raises BadLink for a replaced link, Closed where it can't be answered (any more), PermissionDenied without the
    right (accounts and roles made by this very partner give none), OfferChanged if the offer isn't the one shown.
    """
    invitation, customer, decision = _checked(invitation, actor, version)
    pair = organisations.lock_pair(invitation.partner, customer)
    _require_possible(invitation, customer)  # the block may have come while we waited for the pair
    if offers.offer(invitation, customer).digest != digest:
        raise OfferChanged(_("The request has changed since you opened it. Read it again before you accept."))
    if not _carry_out(invitation, pair, actor, decision):
        _note_in_place(invitation, pair, actor, digest)
        return Acceptance(pair, is_already_in_place=True)
    _answer(invitation, customer, actor, digest, is_accepted=True)
    invitation.uses += 1
    if invitation.uses == invitation.max_uses:
        invitation.state, invitation.ended_at, invitation.ended_by = State.ACCEPTED, clock.now(), actor
    invitation.save(update_fields=["uses", "state", "ended_at", "ended_by"])
    _record("invitation.accepted", invitation, pair, actor, decision, with_dap=invitation.with_dap)
    _tell("invitation_accepted", invitation, customer, actor, pair)
    return Acceptance(pair, is_already_in_place=False)


@writes
def decline_invitation(*, invitation: Invitation, actor: User, version: int) -> InvitationAnswer:
    """Decline for the actor's organisation; final. An open link goes on working for others.

    Raises as `accept_invitation`; only who may accept may decline.
    """
    invitation, customer, decision = _checked(invitation, actor, version)
    answer = _answer(invitation, customer, actor, "", is_accepted=False)
    if not invitation.is_open_link:
        invitation.state, invitation.ended_at, invitation.ended_by = State.DECLINED, clock.now(), actor
        invitation.save(update_fields=["state", "ended_at", "ended_by"])
    audit.record(
        "invitation.declined",
        actor=actor,
        tenant=customer,
        also=[invitation.partner_id],
        target=invitation,
        decision=decision,
    )
    _tell("invitation_declined", invitation, customer, actor, None)
    return answer


@writes
def forward_invitation(*, invitation: Invitation, actor: User, version: int, to: User) -> InvitationForward:
    """*Forward to an approver*: mail the request to somebody of the own organisation who may accept it.

    It gives the forwarder nothing. The same again changes nothing. Raises BadLink, Closed, and Refused for
    somebody who can't accept it or gets no mail.
    """
    customer = _customer_of(actor)
    invitation = _locked(invitation)
    _require_version(invitation, version)
    _require_possible(invitation, customer)
    forward: InvitationForward = forward_request(
        invitation,
        actor=actor,
        to=to,
        approvers=offers.approvers(invitation, customer),
        kind="invitation_forwarded",
        link=texts.link_of(invitation),
        with_dap=invitation.with_dap,
        until=invitation.expires_at,
    )
    return forward


def forward_request(
    row: Any,
    *,
    actor: User,
    to: User,
    approvers: list[User],
    kind: str,
    link: tuple[str, str, UUID, int],
    **context: object,
) -> Any:
    """Part of a forwarding, for any kind of requests: one message to `to`, the same again changes nothing.

    `kind` is the message's; the act is named after it. Raises Refused for somebody who isn't among the approvers or
    gets no mail.
    """
    customer = _customer_of(actor)
    approver = next((person for person in approvers if person.pk == to.pk), None)
    if approver is None or approver.contact_confirmed_at is None:
        raise Refused(_("This person can't accept the request. Choose one of the list."), field="to")
    known = row.forwards.filter(by=actor, to=approver).first()
    if known is not None:
        return known
    forward = row.forwards.create(tenant=customer, by=actor, to=approver, at=clock.now())
    audit.record(kind.replace("_", ".", 1), actor=actor, tenant=customer, target=row, to=str(approver))
    about = {"by": str(actor), "by_name": actor.display_name, "partner": row.partner.display_name}
    mail.queue(kind, to=approver, tenant=customer, context=about | context, link=link, about=row)
    return forward


# ── checks, in the order in which they are made ──


def _customer_of(actor: User) -> Tenant:
    if actor.tenant is None:
        raise Refused(_("Requests are answered by people of an organisation."))
    return actor.tenant


def _locked(invitation: Invitation) -> Invitation:
    return (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("partner", "partner__profile", "created_by")
        .get(pk=invitation.pk)
    )


def _checked(invitation: Invitation, actor: User, version: int) -> tuple[Invitation, Tenant, Decision]:
    """The locked invitation, if this person may answer it now for this organisation."""
    customer = _customer_of(actor)
    invitation = _locked(invitation)
    _require_version(invitation, version)
    _require_possible(invitation, customer)
    decision = access.require(actor, offers.needed(invitation), customer)
    if offers.is_made_by(invitation.partner_id, actor, decision):
        raise Refused(_("This account, or its role, was made by the partner that asks. It can't answer for you."))
    return invitation, customer, decision


def _require_version(invitation: Invitation, version: int) -> None:
    if version != invitation.link_version:
        raise BadLink(_("This link has been replaced. Use the latest one that you were sent."))


def _require_possible(invitation: Invitation, customer: Tenant) -> None:
    obstacle = offers.obstacle(invitation, customer)
    if obstacle is not None:
        raise Closed(obstacle)


# ── what an acceptance does ──


def _carry_out(invitation: Invitation, pair: Pair, actor: User, decision: Decision) -> bool:
    """Everything that the invitation asks for; whether any of it was new. Never takes anything away."""
    is_new = begin_type(
        pair, invitation.partner_type, accepted_by=actor, actor=actor, decision=decision, invitation=invitation
    )
    for add in hooks.on_accept:
        is_new = add(invitation, pair, actor) or is_new
    return _ask_device_consent(invitation, pair, actor) or is_new


def _ask_device_consent(invitation: Invitation, pair: Pair, actor: User) -> bool:
    """Given by a Global Administrator, pending after anybody else; one that is there is only ever completed."""
    if not invitation.with_device_consent:
        return False
    may_give = access.decide(actor, Capability.PARTNERS_ACCEPT_WITH_ROLES, pair, lock=True)
    is_given = may_give.allowed and not offers.is_made_by(pair.partner_id, actor, may_give)
    consent = DeviceConsent.objects.select_for_update().filter(pair=pair).exclude(state=DeviceConsent.State.ENDED)
    found = consent.first()
    if found is not None and (found.state == DeviceConsent.State.GIVEN or not is_given):
        return False
    row = found or DeviceConsent(
        pair=pair, partner_id=pair.partner_id, customer_id=pair.customer_id, asked_at=clock.now()
    )
    row.state = DeviceConsent.State.GIVEN if is_given else DeviceConsent.State.PENDING
    row.given_at, row.given_by = (clock.now(), actor) if is_given else (None, None)
    row.save()
    audit.record(
        "device_consent.given" if is_given else "device_consent.asked",
        actor=actor,
        tenant=pair.customer_id,
        also=[pair.partner_id],
        target=row,
        decision=may_give if is_given else None,
    )
    return True


def _answer(
    invitation: Invitation, customer: Tenant, actor: User, digest: str, *, is_accepted: bool, in_place: bool = False
) -> InvitationAnswer:
    """The tenant's one answer; an earlier *already in place* makes room for a real one."""
    values = {
        "is_accepted": is_accepted,
        "is_already_in_place": in_place,
        "user": actor,
        "at": clock.now(),
        "digest": digest,
    }
    answer, _created = InvitationAnswer.objects.update_or_create(
        invitation=invitation, tenant=customer, defaults=values
    )
    return answer


def _note_in_place(invitation: Invitation, pair: Pair, actor: User, digest: str) -> None:
    """Let the partner see that there was nothing to add; the same again changes nothing."""
    known = InvitationAnswer.objects.filter(invitation=invitation, tenant=pair.customer_id).exists()
    if known:
        return
    _answer(invitation, pair.customer, actor, digest, is_accepted=True, in_place=True)
    _record("invitation.already_in_place", invitation, pair, actor, None)


def _record(
    action: str, invitation: Invitation, pair: Pair, actor: User, decision: Decision | None, **data: object
) -> None:
    audit.record(
        action,
        actor=actor,
        tenant=pair.customer_id,
        also=[pair.partner_id],
        target=invitation,
        decision=decision,
        **data,
    )


def _tell(kind: str, invitation: Invitation, customer: Tenant, actor: User, pair: Pair | None) -> None:
    """DOMAIN §16: the sender and the Admin agents; the customer's Global Administrators."""
    partner = invitation.partner
    about = {
        "partner": partner.display_name,
        "customer": customer.display_name,
        "by": actor.sign_in_name,
        "with_dap": invitation.with_dap,
    }
    notices.tell(
        kind,
        [invitation.created_by, *notices.agents(partner.pk)],
        tenant=partner,
        about=invitation,
        path=reverse("invitation", args=[partner.slug, invitation.pk]),
        is_partner=True,
        **about,
    )
    notices.tell(
        kind,
        notices.global_administrators(customer.pk),
        tenant=customer,
        about=invitation,
        path=reverse("partner-relationship", args=[customer.slug, pair.pk])
        if pair
        else reverse("partner-relationships", args=[customer.slug]),
        is_partner=False,
        **about,
    )
