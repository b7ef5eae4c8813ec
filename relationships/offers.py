"""What an invitation offers one customer, and what stands in the way of answering it (DOMAIN §3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal import audit
from portal.access import Decision, decide
from portal.catalogue import Capability, rules
from portal.models import Pair, PathKind, RoleAssignment, Tenant, TenantGrant, User
from portal.services import organisations
from relationships import catalogue, hooks
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, Relationship

_MOST_NAMES = 10


@dataclass(frozen=True)
class Obstacle:
    """Why an invitation can't be answered (or not by this organisation): a page of its own."""

    kind: str
    title: Any
    message: Any
    answer: InvitationAnswer | None = None


@dataclass(frozen=True)
class Offer:
    """Everything that the acceptance page states; `digest` is what *Accept* carries along."""

    partner_name: str
    partner_number: str
    country: str
    known_since: datetime
    type_key: str
    with_dap: bool
    roles: tuple[tuple[str, str], ...]
    with_device_consent: bool
    others: tuple[str, ...]
    standing: dict[str, str]
    digest: str

    @property
    def type_name(self) -> str:
        """The type in the reader's language."""
        return str(catalogue.partner_types()[self.type_key].name)

    @property
    def granted(self) -> str:
        """The roles that are asked for and who gets them, in the reader's language; empty without DAP."""
        labels = [(gettext(role), group) for group, role in self.roles]
        return ", ".join(f"{label} ({group})" for label, group in labels)


def needed(invitation: Invitation) -> Capability:
    """Which right an acceptance takes: anything with DAP is a Global Administrator's to give."""
    if invitation.with_dap:
        return Capability.PARTNERS_ACCEPT_WITH_ROLES
    return Capability.PARTNERS_ACCEPT_WITHOUT_ROLES


def offer(invitation: Invitation, customer: Tenant) -> Offer:
    """What this customer is asked for now."""
    partner = Tenant.objects.select_related("profile").get(pk=invitation.partner_id)
    pair = Pair.objects.filter(partner=partner, customer=customer).first()
    shown = {
        "partner_name": partner.display_name,
        "partner_number": partner.profile.partner_number,
        "country": partner.country,
        "known_since": partner.profile.created_at,
        "type_key": invitation.partner_type,
        "with_dap": invitation.with_dap,
        "roles": catalogue.DAP_GIVES if invitation.with_dap else (),
        "with_device_consent": invitation.with_device_consent,
        "others": _others(invitation, customer),
        "standing": _standing(pair),
    }
    signed = shown | {"invitation": invitation.pk, "version": invitation.link_version, "customer": customer.pk}
    digest = hashlib.sha256(audit.canonical(signed).encode()).hexdigest()
    return Offer(**shown, digest=digest)


def _others(invitation: Invitation, customer: Tenant) -> tuple[str, ...]:
    """Other partners that have the same rights already."""
    pairs = Pair.objects.filter(customer=customer, started_at__isnull=False, ended_at__isnull=True)
    if invitation.with_dap:
        same = Exists(TenantGrant.objects.filter(pair=OuterRef("pk"), kind=PathKind.DAP))
    else:
        same = Exists(
            Relationship.objects.filter(
                pair=OuterRef("pk"), partner_type=invitation.partner_type, ended_at__isnull=True
            )
        )
    names = pairs.filter(same).exclude(partner=invitation.partner_id).order_by("partner_key", "id")
    return tuple(names.values_list("partner_name", flat=True)[:_MOST_NAMES])


def _standing(pair: Pair | None) -> dict[str, str]:
    """What the partner has already, as key → text."""
    if pair is None or not pair.is_in_force:
        return {}
    found = {}
    for relationship in Relationship.objects.filter(pair=pair, ended_at__isnull=True):
        found[f"type:{relationship.partner_type}"] = str(relationship.pk)
    consent = DeviceConsent.objects.filter(pair=pair).exclude(state=DeviceConsent.State.ENDED).first()
    if consent is not None:
        found["devices"] = consent.state
    for source in hooks.standing:
        found |= source(pair)
    return found


def obstacle(invitation: Invitation, customer: Tenant | None = None) -> Obstacle | None:
    """Why it can't be answered now; with `customer`, also why not by this organisation. None: it can."""
    if customer is not None:
        answered = _answered(invitation, customer)
        if answered is not None:
            return answered
    return _closed(invitation) or (_not_for(invitation, customer) if customer is not None else None)


def _answered(invitation: Invitation, customer: Tenant) -> Obstacle | None:
    answer = (
        InvitationAnswer.objects.filter(invitation=invitation, tenant=customer).select_related("user", "tenant").first()
    )
    if answer is None or answer.is_already_in_place:
        return None
    if answer.is_accepted:
        return Obstacle(
            "accepted_by_us", _("Accepted already"), _("Your organisation has accepted this request."), answer
        )
    return Obstacle(
        "declined_by_us",
        _("Declined already"),
        _("Your organisation has declined this request. That is final."),
        answer,
    )


def _closed(invitation: Invitation) -> Obstacle | None:
    states = Invitation.State
    texts = {
        states.DRAFT: (_("Not open yet"), _("The sender is still writing this request. Try again later.")),
        states.EXPIRED: (_("This request has expired"), _("Its time is over. Ask the sender for a new one.")),
        states.CANCELLED: (_("This request was cancelled"), _("The sender has taken it back.")),
        states.DECLINED: (_("This request was declined"), _("It was answered; the answer is final.")),
        states.ACCEPTED: (_("This request is used up"), _("It was accepted as often as it allows.")),
    }
    state = states(invitation.state_now)
    if state in texts:
        title, message = texts[state]
        return Obstacle(str(state), title, message)
    partner = Tenant.objects.select_related("profile").get(pk=invitation.partner_id)
    if partner.disabled_at is not None or partner.partner_profile is None or not partner.partner_profile.is_in_force:
        return Obstacle(
            "partner",
            _("This partner can't be accepted now"),
            _("The organisation that asks is not an approved partner at present."),
        )
    return None


def _not_for(invitation: Invitation, customer: Tenant) -> Obstacle | None:
    if customer.pk == invitation.partner_id:
        return Obstacle(
            "own", _("This is your own request"), _("A partner can't accept for itself: the customer opens this link.")
        )
    domain = invitation.limited_to_domain
    if domain and domain not in {name.lower() for name in organisations.domains_of(customer)}:
        return Obstacle(
            "domain",
            _("This request is for another organisation"),
            _("It is limited to the organisation that has verified the invited domain."),
        )
    if Pair.objects.filter(partner=invitation.partner_id, customer=customer, blocked_at__isnull=False).exists():
        return Obstacle(
            "blocked",
            _("Your organisation has blocked this partner"),
            _("Its requests can't be accepted until a Global Administrator lifts the block on Partner relationships."),
        )
    return None


# ── who may answer ──


def may_answer(invitation: Invitation, user: User, customer: Tenant, *, decision: Decision | None = None) -> bool:
    """Whether this person may accept or decline, as things are now (for pages)."""
    found = decision or decide(user, needed(invitation), customer)
    return found.allowed and not is_made_by(invitation.partner_id, user, found)


def is_made_by(partner_id: Any, user: User, decision: Decision) -> bool:
    """Whether the account, or every role that would allow it, was made by this partner (DOMAIN §5)."""
    if user.made_by_partner_id == partner_id:
        return True
    assignments = {path.source.removeprefix("role:") for path in decision.paths if path.source.startswith("role:")}
    made = RoleAssignment.objects.filter(pk__in=assignments, assigned_by_partner_id=partner_id).count()
    return bool(assignments) and made == len(assignments)


def approvers(invitation: Invitation, customer: Tenant) -> list[User]:
    """The people of this customer who may accept it, by name; those made by the partner don't count."""
    return approvers_of(needed(invitation), invitation.partner_id, customer)


def approvers_of(capability: Capability, partner_id: Any, customer: Tenant) -> list[User]:
    """The same for whatever else the partner may ask for."""
    role_ids = [codename.removeprefix("role_") for codename in rules()[capability].codenames]
    held = RoleAssignment.objects.filter(tenant=customer, role_id__in=role_ids, ended_at__isnull=True)
    held = held.exclude(assigned_by_partner_id=partner_id)
    people = User.objects.filter(
        pk__in=held.values("user_id"), tenant=customer, activated_at__isnull=False, blocked_at__isnull=True
    ).exclude(made_by_partner_id=partner_id)
    return list(people.order_by("name_key", "id"))
