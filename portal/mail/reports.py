"""What providers report about messages (signed webhooks, anymail): each report counts once, states never go back."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from anymail.signals import AnymailTrackingEvent
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from portal import clock
from portal.mail.rendering import METADATA, row_id
from portal.models import DeliveryEvent, OutboxMessage

log = logging.getLogger(__name__)
State = OutboxMessage.State

#: What a report makes of a message, and from which states. A delivery that comes before our own mark, or after we
#: gave up, is the truth; a delivery after a bounce is not.
_UNSETTLED = (State.QUEUED, State.SENDING, State.SENT, State.FAILED, State.CANCELLED, State.SUPERSEDED)
MOVES: dict[str, tuple[State, tuple[State, ...]]] = {
    "delivered": (State.DELIVERED, _UNSETTLED),
    "bounced": (State.BOUNCED, (*_UNSETTLED, State.DELIVERED)),
    "rejected": (State.REJECTED, _UNSETTLED),
    "failed": (State.REJECTED, _UNSETTLED),
}


def note_report(sender: object, event: AnymailTrackingEvent, esp_name: str, **_kwargs: object) -> None:
    """Record one report of a provider; reports on messages that aren't ours are ignored."""
    with transaction.atomic():
        message = _message(event)
        if message is None:
            log.info("%s reports on a message that is not ours", esp_name)
            return
        detail = _text(event.mta_response or event.description or event.reject_reason)
        report = DeliveryEvent(
            message=message,
            provider=esp_name[:30],
            event_id=_event_id(event),
            kind=str(event.event_type)[:20],
            at=event.timestamp or clock.now(),
            detail=detail,
        )
        before = message.events.count()
        DeliveryEvent.objects.bulk_create([report], ignore_conflicts=True)
        if message.events.count() > before:
            _move(message, event, detail)


def _message(event: AnymailTrackingEvent) -> OutboxMessage | None:
    """The row, locked: by what we gave along, else by the provider's id, else by our own Message-ID."""
    rows = OutboxMessage.objects.select_for_update()
    known = row_id(_text((event.metadata or {}).get(METADATA)))
    if known is not None:
        return rows.filter(pk=known).first()
    if not event.message_id:
        return None
    found = rows.filter(provider_message_id=_text(event.message_id)).first()
    ours = row_id(_text(event.message_id))
    return found or (rows.filter(pk=ours).first() if ours else None)


def _event_id(event: AnymailTrackingEvent) -> str:
    """The provider's id of the report, else one from its content. Mailgun's is the token of its signature, which
    doesn't cover the body: refusing the token refuses every replay of the signature."""
    if event.event_id:
        return _text(event.event_id)[:200]
    content = json.dumps(event.esp_event, sort_keys=True, cls=DjangoJSONEncoder, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def _move(message: OutboxMessage, event: AnymailTrackingEvent, detail: str) -> None:
    if event.event_type not in MOVES:
        return
    state, before = MOVES[event.event_type]
    if message.state not in before:
        return
    changes: dict[str, Any] = {"state": state, "settled_at": clock.now()}
    changes["last_error"] = "" if state == State.DELIVERED else detail
    OutboxMessage.objects.filter(pk=message.pk).update(**changes)


def _text(value: object) -> str:
    return str(value or "").replace("\x00", "")[:300]
