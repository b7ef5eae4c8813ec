"""What is dropped when it is older than its setting allows (DOMAIN §16). The audit chain has its own way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet

from portal import audit_retention, clock, limits
from portal.models import DeliveryEvent, DeniedAttempt, MailboxMessage, OutboxMessage, RightLink

_BATCH = 2_000
_ENDED = ("sent", "delivered", "bounced", "rejected", "failed", "cancelled", "superseded")


def drop_old() -> dict[str, int]:
    """Drop what is over, in short transactions; how many rows of each kind. Safe to run twice at once."""
    now = clock.now()
    mail_end = now - timedelta(days=settings.MANDATE_MAIL_RETENTION_DAYS)
    return {
        "counters": limits.forget_old(),
        "cache": _drop_expired_cache(),
        "sessions": _in_batches(Session.objects.filter(expire_date__lt=now)),
        "denied": _in_batches(
            DeniedAttempt.objects.filter(at__lt=now - timedelta(days=settings.MANDATE_DENIED_RETENTION_DAYS))
        ),
        "mailbox": _in_batches(MailboxMessage.objects.filter(received_at__lt=mail_end)),
        "mail": _in_batches(OutboxMessage.objects.filter(created_at__lt=mail_end, state__in=_ENDED), _drop_mail),
        "links": _in_batches(RightLink.objects.filter(expires_at__lt=mail_end)),
        "audit": audit_retention.retain(),
    }


def _drop(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]


def _drop_mail(rows: QuerySet[Any]) -> int:
    DeliveryEvent.objects.filter(message__in=rows).delete()
    return rows.delete()[0]


def _in_batches(rows: QuerySet[Any], drop: Callable[[QuerySet[Any]], int] = _drop) -> int:
    dropped = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        dropped += drop(rows.model.objects.filter(pk__in=keys))
    return dropped


def _drop_expired_cache() -> int:
    """The database cache drops rows only when it is full; expired ones go here."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_cache WHERE expires < %s", [clock.now()])
        return int(cursor.rowcount)
