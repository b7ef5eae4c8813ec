"""The outbox: what services put into it and how it goes in at the end of a write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.http import Http404
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal import audit, broker, clock, limits, requests, writes
from portal.errors import Refused, TooMany
from portal.models import OutboxMessage, Tenant, User

#: Stands for the personal link in texts that people edit; the link is put in when a message is rendered.
PLACEHOLDER = "{{personal-link}}"

_SEND = "portal.tasks.send_due_mail"
_DAY = 86_400
_MOMENT = "$at"

Link = tuple[str, str, UUID, int]


def queue(
    kind: str,
    *,
    to: str | User,
    tenant: Tenant | UUID | None,
    language: str | None = None,
    context: Mapping[str, Any] | None = None,
    link: Link | None = None,
    path: str = "",
    subject: str = "",
    body: str = "",
    about: models.Model | None = None,
    at: datetime | None = None,
) -> OutboxMessage:
    """Collect one message for the end of the write under way; nothing is sent before the commit.

    `kind` names its templates (`templates/mail/<kind>.subject.txt`, `.txt`, `.html`), which get `context` (strings,
    numbers, moments, lists; no secrets). `link` is (route prefix, purpose, key, version) of a personal link and is
    rendered as `action_url`, as is `path`, a page of the portal. `subject` and `body` are texts edited by people.
    `at` is when it is due (default: now). In a request, an address that somebody typed or that gets a personal link
    counts against the daily limit: raises TooMany. Raises Refused for a text that is no mail address.
    """
    user = to if isinstance(to, User) else None
    address = user.contact_address if user else _checked(str(to))
    if requests.present().request_id and (user is None or link is not None):
        _count(address)
    return collect(
        kind,
        address=address,
        user=user,
        tenant=tenant,
        language=language or _language(user, tenant),
        context=context or {},
        link=link,
        path=path,
        texts=(subject, body),
        about=about,
        at=at,
    )


def collect(
    kind: str,
    *,
    address: str,
    tenant: Tenant | UUID | None,
    language: str,
    context: Mapping[str, Any],
    user: User | None = None,
    link: Link | None = None,
    path: str = "",
    texts: tuple[str, str] = ("", ""),
    about: models.Model | None = None,
    at: datetime | None = None,
) -> OutboxMessage:
    """The same for an address that is known to be one and that nobody chose: no limit applies."""
    now = clock.now()
    subject, body = (text.replace("\x00", "") for text in texts)
    message = OutboxMessage(
        tenant_id=tenant.pk if isinstance(tenant, Tenant) else tenant,
        kind=kind,
        to_address=address,
        to_user=user,
        language=language,
        context={"values": _plain(context), "link": _plain(link), "path": path},
        subject=subject[:250],
        body=body,
        about_type=about._meta.label_lower if about is not None else "",
        about_id=about.pk if about is not None else None,
        next_attempt_at=at or now,
        created_at=now,
    )
    writes.current().messages.append(message)
    return message


def _checked(address: str) -> str:
    try:
        validate_email(address)
    except ValidationError:
        raise Refused(_("This is not an e-mail address.")) from None
    if len(address) > 254:
        raise Refused(_("This e-mail address is too long."))
    return address


def _count(address: str) -> None:
    """DOMAIN §3: the portal is no relay; one address gets so many messages a day that somebody else chose to send."""
    try:
        limits.count("mail-to", address.lower(), most=settings.MANDATE_MAILS_PER_ADDRESS_AND_DAY, seconds=_DAY)
    except TooMany:
        raise TooMany(_("This address has been sent too many messages today. Try again tomorrow.")) from None


def _language(user: User | None, tenant: Tenant | UUID | None) -> str:
    if user is not None:
        return user.language
    if isinstance(tenant, Tenant):
        return tenant.language
    return get_language() or settings.LANGUAGE_CODE


def _plain(value: Any) -> Any:
    """What JSON can hold; moments are marked, so that they are shown in the reader's language and time zone."""
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value).replace("\x00", "")


def alive(value: Any) -> Any:
    """The opposite of storing: moments are moments again."""
    if isinstance(value, dict):
        if set(value) == {_MOMENT}:
            return datetime.fromisoformat(value[_MOMENT])
        return {key: alive(item) for key, item in value.items()}
    return [alive(item) for item in value] if isinstance(value, list) else value


def store(messages: list[OutboxMessage]) -> None:
    """Insert what a write collected, and have it sent once the write is committed."""
    if not messages:
        return
    OutboxMessage.objects.bulk_create(messages, batch_size=1_000)
    if min(message.next_attempt_at for message in messages) <= clock.now():
        transaction.on_commit(nudge, robust=True)


def nudge() -> None:
    """Ask a worker to send what is due."""
    broker.nudge(_SEND)


def latest_about(objects: Iterable[models.Model], *kinds: str) -> dict[Any, OutboxMessage]:
    """The last message about each of these objects (of one model), by the object's key: one query for a page."""
    rows = list(objects)
    if not rows:
        return {}
    found = OutboxMessage.objects.filter(about_type=rows[0]._meta.label_lower, about_id__in=[row.pk for row in rows])
    if kinds:
        found = found.filter(kind__in=kinds)
    return {message.about_id: message for message in found.order_by("created_at", "id")}


@writes.writes
def resend_message(*, message: OutboxMessage, actor: User) -> OutboxMessage:
    """Put a failed, bounced or rejected message back into the queue, as the operator (DOMAIN §16).

    One that is queued already stays as it is. Raises Http404 for everybody else, Refused for one that went well or was
    withdrawn.
    """
    if not actor.is_operator:
        raise Http404
    row = OutboxMessage.objects.select_for_update().get(pk=message.pk)
    states = OutboxMessage.State
    if row.state in (states.QUEUED, states.SENDING):
        return row
    if row.state in (states.CANCELLED, states.SUPERSEDED):
        raise Refused(_("This message was withdrawn: the link in it does nothing any more."))
    if row.state not in (states.FAILED, states.BOUNCED, states.REJECTED):
        raise Refused(_("This message went out; there is nothing to send again."))
    before = row.state
    row.state, row.attempts, row.next_attempt_at = states.QUEUED, 0, clock.now()
    row.claim = row.claimed_until = row.settled_at = None
    row.save(update_fields=["state", "attempts", "next_attempt_at", "claim", "claimed_until", "settled_at"])
    if row.tenant_id:
        audit.record(
            "mail.resent",
            actor=actor,
            tenant=row.tenant_id,
            target=row,
            before={"state": before},
            after={"state": row.state},
        )
    transaction.on_commit(nudge, robust=True)
    return row
