"""Links that carry a right (DOMAIN §3): rows whose secret is derived by signing and put into the mail at rendering.

Everything here runs inside a caller's write. Locks are taken in one order: tenant, person, link.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from portal import clock, mail
from portal.errors import BadLink
from portal.models import RightLink, User
from portal.services import people

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
_NOT_VALID = _("This link is not valid. Ask the sender for a new one.")


def working(purpose: str, pk: uuid.UUID, version: int | None) -> RightLink:
    """The link, if it still works. Raises BadLink where it is used up, over, replaced or was never opened."""
    link = RightLink.objects.select_related("user", "user__tenant").filter(pk=pk, purpose=purpose).first()
    return _checked(link, version)


def claim(purpose: str, pk: uuid.UUID, version: int | None) -> RightLink:
    """The same for a write: the person and the link stay locked, so that of two only one can use it."""
    found = RightLink.objects.filter(pk=pk, purpose=purpose).first()
    if found is not None and found.user_id is not None:
        lock_person(found.user_id)
    rows = RightLink.objects.select_for_update(of=("self",)).select_related("user")
    return _checked(rows.filter(pk=pk, purpose=purpose).first(), version)


def _checked(link: RightLink | None, version: int | None) -> RightLink:
    if link is None or version is None or link.version != version:
        raise BadLink(_NOT_VALID)
    if link.used_at is not None:
        raise BadLink(_("This link has been used; it works once. Ask for a new one if you need it."))
    if link.expires_at <= clock.now():
        raise BadLink(_("This link is over. Ask for a new one."))
    if link.user is not None and link.user.blocked_at is not None:
        raise BadLink(_NOT_VALID)
    return link


def working_versions(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, int | None]:
    """Which version of each link works now, None for a dead one (`portal.mail.meant`)."""
    now = clock.now()
    rows = RightLink.objects.filter(pk__in=keys).values_list("pk", "version", "used_at", "expires_at")
    return {pk: version if used_at is None and expires_at > now else None for pk, version, used_at, expires_at in rows}


def make(purpose: Purpose, *, actor: User | None, user: User | None = None, **fields: Any) -> RightLink:
    """A fresh link; earlier ones for the same person and purpose stop working."""
    now = clock.now()
    if user is not None:
        end(user, purpose)
    return RightLink.objects.create(
        purpose=purpose,
        user=user,
        created_at=now,
        created_by=actor,
        expires_at=now + LIFETIMES[purpose],
        **fields,
    )


def end(user: User, *purposes: Purpose) -> None:
    """Let every open link of these kinds stop working."""
    now = clock.now()
    rows = RightLink.objects.filter(user=user, purpose__in=purposes, used_at__isnull=True, expires_at__gt=now)
    rows.update(expires_at=now)


def use(link: RightLink) -> None:
    """It works once."""
    link.used_at = clock.now()
    link.save(update_fields=["used_at"])


def send(kind: str, link: RightLink, *, to: str | User, about: Model | None = None, **context: Any) -> None:
    """Queue the mail that carries the link, in the person's language."""
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


def lock_person(person_id: uuid.UUID | None) -> User:
    """The person's row, locked until the commit, after the tenant's. Raises BadLink where there is nobody."""
    person = User.objects.filter(pk=person_id).first() if person_id is not None else None
    if person is None:
        raise BadLink(_NOT_VALID)
    if person.tenant_id is not None:
        people.lock_people(person.tenant_id)
    return User.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=person.pk)
