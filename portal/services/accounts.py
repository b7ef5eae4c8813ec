"""A person's own account: passwords, contact address, sessions, and how colleagues come in."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, mail, notices
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import BadLink, Refused
from portal.models import RightLink, Tenant, User
from portal.services import organisations, people, right_links
from portal.writes import writes


def _record(
    action: str, person: User, *, actor: User | None = None, decision: Decision | None = None, **data: Any
) -> None:
    """Audit an act about a person in the home tenant's chain; the operator has none (DOMAIN §1)."""
    if person.tenant_id is not None:
        audit.record(action, actor=actor, tenant=person.tenant_id, target=person, decision=decision, **data)


def _administrators_of(person: User) -> list[User]:
    return notices.global_administrators(person.tenant_id) if person.tenant_id else []


# ── passwords ──


@writes
def start_reset(*, person: User, actor: User) -> RightLink:
    """Mail a reset link to the person's confirmed address: it works once, for one hour (DOMAIN §5).

    Raises PermissionDenied without the right over this person (the *privileged* one where it is called for),
    Refused where there is no confirmed address to send it to.
    """
    person = right_links.lock_person(person.pk)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_RESET_PASSWORD), person)
    if not person.is_active or person.contact_confirmed_at is None:
        raise Refused(_("This person has no active account with a confirmed contact address."))
    link = right_links.make(RightLink.Purpose.RESET_PASSWORD, actor=actor, user=person, tenant=person.tenant)
    right_links.send("reset_password", link, to=person, about=person, by=actor.display_name, by_name=str(actor))
    _record("password.reset_started", person, actor=actor, decision=decision)
    told = [holder for holder in _administrators_of(person) if holder.pk != person.pk]
    notices.tell(
        "password_reset",
        told,
        tenant=person.tenant,
        about=person,
        person=person.display_name,
        person_name=str(person),
        by=actor.display_name,
        by_name=str(actor),
        is_done=False,
    )
    return link


@writes
def start_own_reset(*, sign_in_name: str) -> None:
    """*Forgot password?*: mail a link if this name can have one; the caller can't tell (no answer, no error)."""
    person = User.objects.select_related("tenant").filter(sign_in_name__iexact=sign_in_name.strip()).first()
    if person is None or not access.may_sign_in(person) or person.contact_confirmed_at is None:
        return
    person = right_links.lock_person(person.pk)
    link = right_links.make(RightLink.Purpose.RESET_PASSWORD, actor=person, user=person, tenant=person.tenant)
    right_links.send("reset_password", link, to=person, about=person)
    _record("password.reset_started", person, actor=person)


@writes
def finish_reset(*, pk: uuid.UUID, version: int | None, password: str) -> User:
    """Set the new password by a reset link: every session ends, the second factor stays (DOMAIN §5).

    Raises BadLink if the link doesn't work any more.
    """
    link = right_links.claim(RightLink.Purpose.RESET_PASSWORD, pk, version)
    person = _set_password(link.user_id, password)
    right_links.use(link)
    _record("password.reset", person, actor=person, by=str(link.created_by) if link.created_by else "")
    is_own = link.created_by_id == person.pk
    told = [person, *(_administrators_of(person) if is_own else ())]
    notices.tell(
        "password_reset",
        list({one.pk: one for one in told}.values()),
        tenant=person.tenant,
        about=person,
        person=person.display_name,
        person_name=str(person),
        by="" if is_own else str(link.created_by or ""),
        is_done=True,
    )
    return person


def _set_password(person_id: uuid.UUID | None, password: str) -> User:
    """Set it on the locked row and end every session and every reset link of the person."""
    person = right_links.lock_person(person_id)
    person.set_password(password)
    person.session_epoch += 1
    person.save(update_fields=["password", "session_epoch"])
    right_links.end(person, RightLink.Purpose.RESET_PASSWORD)
    return person


@writes
def change_password(*, actor: User, password: str) -> User:
    """The person's own new password (the caller has checked the old one); all other sessions end."""
    person = _set_password(actor.pk, password)
    _record("password.changed", person, actor=person)
    notices.tell("password_changed", [person], tenant=person.tenant, about=person, path="/my-account", team=False)
    return person


@writes
def end_sessions(*, actor: User) -> User:
    """End every session of the person; the caller keeps the present one by signing it anew."""
    person = right_links.lock_person(actor.pk)
    person.session_epoch += 1
    person.save(update_fields=["session_epoch"])
    _record("sessions.ended", person, actor=person)
    return person


@writes
def change_settings(*, actor: User, language: str, time_zone: str, theme: str, notices_off: list[str]) -> None:
    """How the person sees the portal and which notices stay away. No right is touched: nothing is audited."""
    User.objects.filter(pk=actor.pk).update(
        language=language, time_zone=time_zone, theme=theme, notices_off=notices_off
    )


# ── contact address ──


@writes
def start_address_change(*, actor: User, address: str) -> RightLink:
    """Mail a link to a new contact address; it counts once it is confirmed (DOMAIN §1)."""
    right_links.lock_person(actor.pk)
    link = right_links.make(
        RightLink.Purpose.CONFIRM_ADDRESS, actor=actor, user=actor, tenant=actor.tenant, address=address
    )
    right_links.send(
        "confirm_address", link, to=address, about=actor, person=actor.display_name, person_name=str(actor)
    )
    _record("contact_address.change_started", actor, actor=actor, after={"contact_address": address})
    return link


@writes
def confirm_address(*, pk: uuid.UUID, version: int | None) -> User:
    """Take over the address that the link was sent to; the old one is told. Raises BadLink."""
    link = right_links.claim(RightLink.Purpose.CONFIRM_ADDRESS, pk, version)
    person = right_links.lock_person(link.user_id)
    before = person.contact_address
    person.contact_address, person.contact_confirmed_at = link.address, clock.now()
    person.save(update_fields=["contact_address", "contact_confirmed_at"])
    right_links.use(link)
    right_links.end(person, RightLink.Purpose.RESET_PASSWORD)
    _record(
        "contact_address.changed",
        person,
        actor=person,
        before={"contact_address": before},
        after={"contact_address": link.address},
    )
    if before.lower() != link.address.lower():
        mail.queue(
            "contact_address_changed",
            to=before,
            tenant=person.tenant_id,
            language=person.language,
            context={"person": person.display_name, "person_name": str(person)},
            about=person,
        )
    return person


# ── colleagues ──


@writes
def invite_person(
    *,
    tenant: Tenant,
    actor: User,
    sign_in_name: str,
    display_name: str,
    contact_address: str,
    language: str = "",
) -> User:
    """Make an account that isn't activated yet and mail its person a welcome link.

    Raises PermissionDenied without `users.create`, Refused for a sign-in name outside of the tenant's default and
    verified domains (DOMAIN §1) or one that is taken.
    """
    decision = access.require(actor, Capability.USERS_CREATE, tenant)
    sign_in_name = sign_in_name.strip()
    if sign_in_name.rpartition("@")[2].lower() not in organisations.domains_of(tenant):
        raise Refused(_("The sign-in name must be in one of this organisation's domains."), field="sign_in_name")
    person = people.add_person(
        tenant,
        sign_in_name=sign_in_name,
        display_name=display_name,
        contact_address=contact_address,
        language=language or tenant.language,
        made_by_partner=actor.tenant if decision.is_on_behalf else None,
        made_by=actor if decision.is_on_behalf else None,
    )
    _record(
        "user.created",
        person,
        actor=actor,
        decision=decision,
        after={"sign_in_name": sign_in_name, "display_name": display_name},
    )
    _welcome(person, actor)
    return person


@writes
def resend_welcome(*, person: User, actor: User) -> RightLink:
    """Mail a fresh welcome link; the earlier one stops working.

    Raises PermissionDenied without `users.create`, Refused for an account that is activated already.
    """
    person = right_links.lock_person(person.pk)
    decision = access.require(actor, Capability.USERS_CREATE, person)
    if person.activated_at is not None:
        raise Refused(_("This account is activated already."))
    _record("user.welcome_resent", person, actor=actor, decision=decision)
    return _welcome(person, actor)


def _welcome(person: User, actor: User) -> RightLink:
    link = right_links.make(
        RightLink.Purpose.WELCOME,
        actor=actor,
        user=person,
        tenant=person.tenant,
        address=person.contact_address,
    )
    right_links.send(
        "welcome",
        link,
        to=person,
        about=person,
        organisation=person.tenant.display_name if person.tenant else "",
        sign_in_name=person.sign_in_name,
        by=actor.display_name,
        by_name=str(actor),
    )
    return link


@writes
def accept_welcome(*, pk: uuid.UUID, version: int | None, password: str) -> User:
    """Activate the account that a welcome link belongs to: its address is confirmed, its password set.

    Raises BadLink if the link doesn't work any more.
    """
    link = right_links.claim(RightLink.Purpose.WELCOME, pk, version)
    person = right_links.lock_person(link.user_id)
    if person.contact_address != link.address:
        raise BadLink(_("This link is not valid. Ask the sender for a new one."))
    now = clock.now()
    person.set_password(password)
    person.activated_at = person.activated_at or now
    person.contact_confirmed_at = now
    person.save(update_fields=["password", "activated_at", "contact_confirmed_at"])
    right_links.use(link)
    _record("user.activated", person, actor=person)
    return person
