"""A person's own account and the links that lead to it: reset, welcome, confirmation, new organisation.

A link is a `RightLink` row; its secret is derived by signing and put into the mail when it is rendered (DOMAIN §3).
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, mail, notices
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import BadLink, Refused
from portal.models import RightLink, Tenant, User
from portal.services import organisations, people
from portal.writes import writes

Purpose = RightLink.Purpose

#: Route prefix of each kind of link, and how long it works (a reset: DOMAIN §5).
PREFIXES = {
    Purpose.RESET_PASSWORD: "r",
    Purpose.WELCOME: "w",
    Purpose.CONFIRM_ADDRESS: "c",
    Purpose.NEW_ORGANISATION: "o",
}
LIFETIMES = {
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.WELCOME: timedelta(days=7),
    Purpose.CONFIRM_ADDRESS: timedelta(hours=24),
    Purpose.NEW_ORGANISATION: timedelta(hours=24),
}


def working_link(purpose: str, pk: uuid.UUID, version: int | None, *, lock: bool = False) -> RightLink:
    """The link, if it still works. Raises BadLink where it is used up, over, replaced or was never opened."""
    rows = RightLink.objects.select_related("user", "user__tenant")
    if lock:
        rows = rows.select_for_update(of=("self",))
    link = rows.filter(pk=pk, purpose=purpose).first()
    if link is None or version is None or link.version != version:
        raise BadLink(_("This link is not valid. Ask the sender for a new one."))
    if link.used_at is not None:
        raise BadLink(_("This link has been used; it works once. Ask for a new one if you need it."))
    if link.expires_at <= clock.now():
        raise BadLink(_("This link is over. Ask for a new one."))
    if link.user is not None and link.user.blocked_at is not None:
        raise BadLink(_("This link is not valid. Ask the sender for a new one."))
    return link


def _make_link(purpose: Purpose, *, actor: User | None, user: User | None = None, **fields: Any) -> RightLink:
    """A fresh link; earlier ones for the same person and purpose stop working."""
    now = clock.now()
    if user is not None:
        _end_links(user, purpose)
    return RightLink.objects.create(
        purpose=purpose,
        user=user,
        created_at=now,
        created_by=actor,
        expires_at=now + LIFETIMES[purpose],
        **fields,
    )


def _end_links(user: User, *purposes: Purpose) -> None:
    now = clock.now()
    RightLink.objects.filter(
        user=user, purpose__in=purposes, used_at__isnull=True, expires_at__gt=now
    ).update(expires_at=now)


def _use(link: RightLink) -> None:
    link.used_at = clock.now()
    link.save(update_fields=["used_at"])


def _mail(kind: str, link: RightLink, *, to: str | User, about: Model | None = None, **context: Any) -> None:
    person = to if isinstance(to, User) else link.user
    mail.queue(
        kind,
        to=to,
        tenant=person.tenant_id if person else None,
        language=person.language if person else link.data.get("language"),
        context=context,
        link=(PREFIXES[Purpose(link.purpose)], link.purpose, link.pk, link.version),
        about=about,
    )


def _record(
    action: str, person: User, *, actor: User | None = None, decision: Decision | None = None, **data: Any
) -> None:
    """Audit an act about a person in the home tenant's chain; the operator has none (DOMAIN §1)."""
    if person.tenant_id is not None:
        audit.record(action, actor=actor, tenant=person.tenant_id, target=person, decision=decision, **data)


# ── passwords ──


@writes
def start_reset(*, person: User, actor: User) -> RightLink:
    """Mail a reset link to the person's confirmed address: it works once, for one hour (DOMAIN §5).

    Raises PermissionDenied without the right over this person (the *privileged* one where it is called for),
    Refused where there is no confirmed address to send it to.
    """
    person = User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=person.pk)
    decision = access.require(actor, access.capability_over(person, Capability.USERS_RESET_PASSWORD), person)
    if not person.is_active or person.contact_confirmed_at is None:
        raise Refused(_("This person has no active account with a confirmed contact address."))
    link = _make_link(Purpose.RESET_PASSWORD, actor=actor, user=person, tenant=person.tenant)
    _mail("reset_password", link, to=person, about=person, by=actor.display_name, by_name=str(actor))
    _record("password.reset_started", person, actor=actor, decision=decision)
    told = [holder for holder in notices.global_administrators(person.tenant_id) if holder.pk != person.pk]
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
    link = _make_link(Purpose.RESET_PASSWORD, actor=person, user=person, tenant=person.tenant)
    _mail("reset_password", link, to=person, about=person)
    _record("password.reset_started", person, actor=person)


@writes
def finish_reset(*, pk: uuid.UUID, version: int | None, password: str) -> User:
    """Set the new password by a reset link: every session ends, the second factor stays (DOMAIN §5).

    Raises BadLink if the link doesn't work any more.
    """
    link = working_link(Purpose.RESET_PASSWORD, pk, version, lock=True)
    person = _set_password(link.user_id, password)
    _use(link)
    _record("password.reset", person, actor=person, by=str(link.created_by) if link.created_by else "")
    is_own = link.created_by_id == person.pk
    told = [person, *(notices.global_administrators(person.tenant_id) if is_own and person.tenant_id else ())]
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
    person = User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=person_id)
    person.set_password(password)
    person.session_epoch += 1
    person.save(update_fields=["password", "session_epoch"])
    _end_links(person, Purpose.RESET_PASSWORD)
    return person


@writes
def change_password(*, actor: User, password: str) -> User:
    """The person's own new password (the caller has checked the old one); all other sessions end."""
    person = _set_password(actor.pk, password)
    _record("password.changed", person, actor=person)
    notices.tell(
        "password_changed", [person], tenant=person.tenant, about=person, path="/my-account", team=False
    )
    return person


@writes
def end_sessions(*, actor: User) -> User:
    """End every session of the person; the caller keeps the present one by signing it anew."""
    person = User.objects.select_for_update(of=("self",)).get(pk=actor.pk)
    person.session_epoch += 1
    person.save(update_fields=["session_epoch"])
    _record("sessions.ended", person, actor=person)
    return person


@writes
def change_settings(
    *, actor: User, language: str, time_zone: str, theme: str, notices_off: list[str]
) -> None:
    """How the person sees the portal and which notices stay away. No right is touched: nothing is audited."""
    User.objects.filter(pk=actor.pk).update(
        language=language, time_zone=time_zone, theme=theme, notices_off=notices_off
    )


# ── contact address ──


@writes
def start_address_change(*, actor: User, address: str) -> RightLink:
    """Mail a link to a new contact address; it counts once it is confirmed (DOMAIN §1)."""
    link = _make_link(Purpose.CONFIRM_ADDRESS, actor=actor, user=actor, tenant=actor.tenant, address=address)
    _mail("confirm_address", link, to=address, about=actor, person=actor.display_name, person_name=str(actor))
    _record("contact_address.change_started", actor, actor=actor, after={"contact_address": address})
    return link


@writes
def confirm_address(*, pk: uuid.UUID, version: int | None) -> User:
    """Take over the address that the link was sent to; the old one is told. Raises BadLink."""
    link = working_link(Purpose.CONFIRM_ADDRESS, pk, version, lock=True)
    person = User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=link.user_id)
    before = person.contact_address
    person.contact_address, person.contact_confirmed_at = link.address, clock.now()
    person.save(update_fields=["contact_address", "contact_confirmed_at"])
    _use(link)
    _end_links(person, Purpose.RESET_PASSWORD)
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
        raise Refused(
            _("The sign-in name must be in one of this organisation's domains."), field="sign_in_name"
        )
    person = people.add_person(
        tenant,
        sign_in_name=sign_in_name,
        display_name=display_name,
        contact_address=contact_address,
        language=language or tenant.language,
        made_by_partner=actor.tenant if decision.is_on_behalf else None,
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
    decision = access.require(actor, Capability.USERS_CREATE, person)
    person = User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=person.pk)
    if person.activated_at is not None:
        raise Refused(_("This account is activated already."))
    _record("user.welcome_resent", person, actor=actor, decision=decision)
    return _welcome(person, actor)


def _welcome(person: User, actor: User) -> RightLink:
    link = _make_link(
        Purpose.WELCOME, actor=actor, user=person, tenant=person.tenant, address=person.contact_address
    )
    _mail(
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
    link = working_link(Purpose.WELCOME, pk, version, lock=True)
    person = User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=link.user_id)
    if person.contact_address != link.address:
        raise BadLink(_("This link is not valid. Ask the sender for a new one."))
    now = clock.now()
    person.set_password(password)
    person.activated_at = person.activated_at or now
    person.contact_confirmed_at = now
    person.save(update_fields=["password", "activated_at", "contact_confirmed_at"])
    _use(link)
    _record("user.activated", person, actor=person)
    return person


# ── new organisations ──


@writes
def start_organisation(
    *, address: str, language: str, then: str = "", kept: list[tuple[str, str, int]]
) -> RightLink:
    """Mail a link by which this address founds an organisation (DOMAIN §2); known or not, the same happens.

    `then` is the page to continue on, `kept` the personal links (purpose, key, version) that this browser had open.
    """
    link = _make_link(
        Purpose.NEW_ORGANISATION,
        actor=None,
        address=address,
        data={"language": language, "then": then, "kept": kept},
    )
    _mail("new_organisation", link, to=address)
    return link


@writes
def found_organisation(
    *, pk: uuid.UUID, version: int | None, details: dict[str, Any]
) -> tuple[RightLink, User]:
    """Found the organisation; its first user is its Global Administrator, with the confirmed address.

    `details`: display_name, label, country, language, person, local_part, password.
    Raises BadLink for a link that doesn't work any more, Refused for a name that can't be had.
    """
    link = working_link(Purpose.NEW_ORGANISATION, pk, version, lock=True)
    tenant, person = organisations.create_organisation(
        display_name=details["display_name"],
        label=details["label"],
        country=details["country"],
        language=details["language"],
        administrator={
            "local_part": details["local_part"],
            "display_name": details["person"],
            "contact_address": link.address,
            "password": details["password"],
        },
        is_demo=settings.IS_DEMO,
    )
    link.tenant = tenant
    link.used_at = clock.now()
    link.save(update_fields=["tenant", "used_at"])
    return link, person
