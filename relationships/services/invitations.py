"""The partner's side of an invitation: draft, open, send, resend, replace the link, cancel (DOMAIN §3)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, limits, mail, search
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused, TooMany
from portal.models import Pair, PartnerProfile, Tenant, User
from portal.services import organisations
from portal.writes import writes
from relationships import catalogue, texts
from relationships.models import Invitation

State = Invitation.State

_DAY = 86_400
_OPTIONS = (
    "partner_type",
    "with_dap",
    "with_device_consent",
    "language",
    "days",
    "is_open_link",
    "customer_name",
    "customer_address",
    "limited_to_domain",
    "max_uses",
)
_DEFAULTS: dict[str, Any] = {
    "partner_type": catalogue.RESELLER,
    "with_dap": False,
    "with_device_consent": True,
    "language": "en",
    "days": 30,
    "is_open_link": False,
    "customer_name": "",
    "customer_address": "",
    "limited_to_domain": "",
    "max_uses": 1,
}


@writes
def create_invitation(*, partner: Tenant, actor: User, **options: Any) -> Invitation:
    """A draft with its default text. Its link exists and says *not open yet*.

    Options: partner_type, with_dap, with_device_consent, language, days (1–90), and either customer_name with
    customer_address (one use; limited_to_domain makes it work for that domain's organisation only) or is_open_link
    with max_uses. Raises PermissionDenied without `invitations.send`, Refused (with the field) for options that
    don't fit and where the partner isn't approved.
    """
    decision = access.require(actor, Capability.INVITATIONS_SEND, partner)
    _require_approved(partner)
    invitation = Invitation(partner=partner, created_by=actor, created_at=clock.now(), state=State.DRAFT)
    _set_options(invitation, {**_DEFAULTS, **options})
    invitation.subject, invitation.body = texts.default_text(invitation, actor)
    invitation.save()
    _index(invitation)
    _record("invitation.created", invitation, actor, decision, after=_options_of(invitation))
    return invitation


@writes
def edit_draft(
    *, invitation: Invitation, actor: User, subject: str | None = None, body: str | None = None, **options: Any
) -> Invitation:
    """Change a draft's options, its text, or both; `body` as people see it, with the real link.

    A text nobody has edited follows the options. Raises PermissionDenied, Refused (with the field) for a text that
    may not go out (`texts.check_text`), options that don't fit, or an invitation that is no draft any more.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_SEND)
    _require_draft(invitation)
    before = _options_of(invitation)
    is_default = (invitation.subject, invitation.body) == texts.default_text(invitation, invitation.created_by)
    if options:
        _set_options(invitation, {**before, **options})
        if is_default:
            invitation.subject, invitation.body = texts.default_text(invitation, invitation.created_by)
    if body is not None:
        invitation.body = texts.stored(invitation, body)
        invitation.subject = (invitation.subject if subject is None else subject).strip()
        texts.check_text(invitation, invitation.subject, invitation.body)
    invitation.save()
    _index(invitation)
    _record("invitation.edited", invitation, actor, decision, before=before, after=_options_of(invitation))
    return invitation


@writes
def open_invitation(*, invitation: Invitation, actor: User) -> Invitation:
    """*Done*: text and options are frozen, it expires n × 24 hours from now. Opening an open one changes nothing.

    Raises PermissionDenied, TooMany over the day's invitations of this person, Refused for a text that may not go
    out, a customer that has blocked this partner, a partner that isn't approved, or an invitation that has ended.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_SEND)
    return _open(invitation, actor, decision)


def _open(invitation: Invitation, actor: User, decision: Decision) -> Invitation:
    if invitation.state_now == State.OPEN:
        return invitation
    _require_draft(invitation)
    _require_approved(invitation.partner)
    _require_unblocked(invitation)
    texts.check_text(invitation, invitation.subject, invitation.body)
    count_opening(actor)
    invitation.state = State.OPEN
    invitation.opened_at = clock.now()
    invitation.expires_at = invitation.end_of(invitation.opened_at)
    invitation.save(update_fields=["state", "opened_at", "expires_at"])
    _record("invitation.opened", invitation, actor, decision, until=invitation.expires_at)
    return invitation


def count_opening(actor: User) -> None:
    """So many requests per user and day (issue 2); counted with the opening, so that a failure costs nothing.

    Raises TooMany.
    """
    most = settings.MANDATE_INVITATIONS_PER_USER_AND_DAY
    try:
        limits.count("invitation", str(actor.pk), most=most, seconds=_DAY)
    except TooMany:
        message = _("You have opened %(most)s requests today. Go on tomorrow, or ask a colleague.")
        raise TooMany(message, most=most) from None


@writes
def send_invitation(*, invitation: Invitation, actor: User) -> Invitation:
    """*Send for me*: opens it where it is still a draft and queues the mail. Sending a sent one changes nothing.

    Raises as `open_invitation`, and Refused for an open link, which has no address.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_SEND)
    if invitation.sent_at is not None and invitation.state_now == State.OPEN:
        return invitation
    if invitation.is_open_link:
        raise Refused(_("An open link has no address. Copy the text and send it yourself."))
    invitation = _open(invitation, actor, decision)
    _queue(invitation, actor)
    _record("invitation.sent", invitation, actor, decision, to=invitation.customer_address)
    return invitation


@writes
def resend_invitation(*, invitation: Invitation, actor: User) -> Invitation:
    """Queue the mail once more, with the same link. The end doesn't move.

    Raises PermissionDenied without `invitations.cancel`, Refused for one that isn't open or has no address.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_CANCEL)
    _require_open(invitation)
    if invitation.is_open_link:
        raise Refused(_("An open link has no address. Copy the text and send it yourself."))
    _require_approved(invitation.partner)
    _require_unblocked(invitation)
    _queue(invitation, actor)
    _record("invitation.resent", invitation, actor, decision, to=invitation.customer_address)
    return invitation


@writes
def replace_link(*, invitation: Invitation, actor: User) -> Invitation:
    """A new link; the old one stops working with this commit. The end doesn't move.

    Raises PermissionDenied without `invitations.cancel`, Refused for an invitation that has ended.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_CANCEL)
    if invitation.state_now not in (State.DRAFT, State.OPEN):
        raise Refused(_("This invitation has ended (%(state)s)."), state=invitation.state_label)
    invitation.link_version += 1
    invitation.save(update_fields=["link_version"])
    _record("invitation.link_replaced", invitation, actor, decision, version=invitation.link_version)
    return invitation


@writes
def cancel_invitation(*, invitation: Invitation, actor: User) -> Invitation:
    """Take it back, now. Cancelling a cancelled one changes nothing.

    Raises PermissionDenied without `invitations.cancel`, Refused where it has been answered or has expired.
    """
    invitation, decision = _locked(invitation, actor, Capability.INVITATIONS_CANCEL)
    if invitation.state == State.CANCELLED:
        return invitation
    if invitation.state_now not in (State.DRAFT, State.OPEN):
        raise Refused(_("This invitation has ended (%(state)s)."), state=invitation.state_label)
    before = invitation.state
    invitation.state, invitation.ended_at, invitation.ended_by = State.CANCELLED, clock.now(), actor
    invitation.save(update_fields=["state", "ended_at", "ended_by"])
    _record("invitation.cancelled", invitation, actor, decision, before={"state": before})
    return invitation


# ── rules that several of them share ──


def _locked(invitation: Invitation, actor: User, capability: Capability) -> tuple[Invitation, Decision]:
    row = (
        Invitation.objects.select_for_update(of=("self",))
        .select_related("partner", "partner__profile", "created_by")
        .get(pk=invitation.pk)
    )
    return row, access.require(actor, capability, row)


def _require_approved(partner: Tenant) -> None:
    profile = PartnerProfile.objects.filter(tenant=partner).first()
    if profile is None or not profile.is_in_force:
        raise Refused(_("Your partner profile is not approved. Invitations can be made once an operator approves it."))


def _require_draft(invitation: Invitation) -> None:
    if invitation.state != State.DRAFT:
        raise Refused(_("Text and options are frozen: this invitation is no draft any more."))


def _require_open(invitation: Invitation) -> None:
    if invitation.state_now != State.OPEN:
        raise Refused(_("This invitation is not open (%(state)s)."), state=invitation.state_label)


def _require_unblocked(invitation: Invitation) -> None:
    """DOMAIN §4: a customer that has blocked the partner gets no further invitations."""
    if invitation.is_open_link:
        return
    domain = invitation.customer_address.rpartition("@")[2].lower()
    customer = organisations.tenant_of_domain(domain)
    if (
        customer
        and Pair.objects.filter(partner=invitation.partner_id, customer=customer, blocked_at__isnull=False).exists()
    ):
        raise Refused(_("This customer doesn't accept requests from your organisation."), field="customer_address")


def _set_options(invitation: Invitation, options: dict[str, Any]) -> None:
    """Take over options; raises Refused with the field that doesn't fit."""
    unknown = set(options) - set(_OPTIONS)
    if unknown:
        raise TypeError(f"no such options: {sorted(unknown)}")
    if options["is_open_link"]:
        options |= {"customer_name": "", "customer_address": "", "limited_to_domain": ""}
    else:
        options["max_uses"] = 1
    for name in _OPTIONS:
        setattr(invitation, name, options[name])
    invitation.customer_key = search.key(invitation.customer_name)
    _check_options(invitation)


def _check_options(invitation: Invitation) -> None:
    kind = catalogue.partner_types().get(invitation.partner_type)
    if kind is None or kind.key not in catalogue.INVITABLE:
        raise Refused(_("This type of relationship can't be asked for by an invitation."), field="partner_type")
    if invitation.with_dap and not kind.may_carry_dap:
        raise Refused(_("This type of relationship never carries delegated admin."), field="with_dap")
    if not 1 <= invitation.days <= 90:
        raise Refused(_("Choose 1 to 90 days."), field="days")
    if not 1 <= invitation.max_uses <= 100_000:
        raise Refused(_("Choose 1 to 100,000 uses."), field="max_uses")
    if invitation.is_open_link:
        return
    if not invitation.customer_name:
        raise Refused(_("Name the customer, or choose an open link."), field="customer_name")
    if not invitation.customer_address:
        raise Refused(_("Give the customer's e-mail address, or choose an open link."), field="customer_address")
    try:
        validate_email(invitation.customer_address)
    except ValidationError:
        raise Refused(_("This is not an e-mail address."), field="customer_address") from None
    limit, domain = invitation.limited_to_domain.lower(), invitation.customer_address.rpartition("@")[2].lower()
    invitation.limited_to_domain = limit
    if limit and limit != domain:
        raise Refused(_("It can be limited to the domain of the address only."), field="limited_to_domain")


def _options_of(invitation: Invitation) -> dict[str, Any]:
    return {name: getattr(invitation, name) for name in _OPTIONS}


def _index(invitation: Invitation) -> None:
    search.store(invitation, invitation.partner_id, invitation.customer_name, invitation.customer_address)


def _queue(invitation: Invitation, actor: User) -> None:
    """The message in its fixed frame, which names the organisation and the person who sends it."""
    mail.queue(
        "invitation",
        to=invitation.customer_address,
        tenant=invitation.partner,
        language=invitation.language,
        context={"sender": f"{invitation.partner.display_name} ({actor.sign_in_name})"},
        link=texts.link_of(invitation),
        subject=invitation.subject,
        body=invitation.body,
        about=invitation,
    )
    if invitation.sent_at is None:
        invitation.sent_at = clock.now()
        invitation.save(update_fields=["sent_at"])


def _record(action: str, invitation: Invitation, actor: User, decision: Decision, **data: Any) -> None:
    audit.record(action, actor=actor, tenant=invitation.partner_id, target=invitation, decision=decision, **data)
