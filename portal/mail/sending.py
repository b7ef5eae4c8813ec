"""The job's side of the outbox: claim, send, mark (DOMAIN §16).

A claim is committed before anything is sent and ends by itself when its worker dies. Each message is marked right
after the mail server's yes, so a killed worker leaves at most one that may arrive twice, with the same Message-ID.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TypeVar

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import prefetch_related_objects

from portal import clock
from portal.mail import meant
from portal.mail.courier import Courier, Outcome, Verdict
from portal.mail.mime import Message
from portal.mail.outbox import nudge
from portal.models import OutboxMessage

log = logging.getLogger(__name__)
State = OutboxMessage.State
T = TypeVar("T")

#: Pauses before the second, third, … attempt, in seconds: about a day and a half in all.
PAUSES = (30, 120, 600, 3_600, 21_600, 21_600, 43_200, 43_200)
MOST_ATTEMPTS = len(PAUSES) + 1
#: How long one run of the job goes on before it hands over to the next.
RUN_SECONDS = 50.0
#: How old the answer may be whether a message is still meant: asked for each message, it cost a quarter of all work.
FRESH_SECONDS = 0.2
_MARK_SECONDS = 60.0

_CLAIM = """
UPDATE portal_outboxmessage m
SET state = 'sending', claim = %(claim)s, claimed_until = %(until)s, next_attempt_at = %(until)s,
    attempts = m.attempts + 1
FROM (SELECT id FROM portal_outboxmessage WHERE state = %(state)s AND next_attempt_at <= %(now)s
      ORDER BY next_attempt_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED) due
WHERE m.id = due.id AND m.state = %(state)s
RETURNING m.*
"""
_MARK = """
UPDATE portal_outboxmessage
SET state = CASE WHEN state = 'sending' THEN 'sent' ELSE state END, sent_at = %(now)s, claim = NULL,
    claimed_until = NULL, provider_message_id = %(provider_id)s,
    last_error = CASE WHEN state = 'sending' THEN '' ELSE last_error END
WHERE id = %(id)s AND claim = %(claim)s
"""
_RENEW = """
UPDATE portal_outboxmessage SET claimed_until = %(until)s, next_attempt_at = %(until)s
WHERE claim = %(claim)s AND state = 'sending'
"""
_PUT_OFF = """
UPDATE portal_outboxmessage
SET state = 'queued', claim = NULL, claimed_until = NULL, attempts = attempts - 1, next_attempt_at = %(at)s
WHERE claim = %(claim)s AND state = 'sending'
"""


def send_due() -> int:
    """Send what is due, for at most `RUN_SECONDS`; how many went out.

    Messages of a worker that died are taken one by one, so that one that kills its worker takes no other along.
    """
    started, sent = time.monotonic(), 0
    while time.monotonic() - started < RUN_SECONDS:
        claim = uuid.uuid4()
        rows = _claim(claim, State.SENDING, 1) or _claim(claim, State.QUEUED, settings.MANDATE_MAIL_BATCH)
        if not rows:
            return sent
        if len(rows) == settings.MANDATE_MAIL_BATCH:
            nudge()  # there is more than one worker's work
        sent += _send_claimed(claim, rows, started)
    nudge()
    return sent


def _lease() -> timedelta:
    return timedelta(seconds=settings.MANDATE_MAIL_LEASE_SECONDS)


def _claim(claim: uuid.UUID, state: State, most: int) -> list[OutboxMessage]:
    now = clock.now()
    parameters = {"claim": claim, "now": now, "until": now + _lease(), "state": state.value, "most": most}
    rows = list(OutboxMessage.objects.raw(_CLAIM, parameters))
    prefetch_related_objects(rows, "to_user")
    return rows


def _send_claimed(claim: uuid.UUID, rows: list[OutboxMessage], started: float) -> int:
    sent = 0
    with _Lease(claim), Courier() as courier:
        # All texts first: the mail server isn't kept waiting, and the templates stay in the processor's caches.
        prepared = [(row, _prepare(courier, row)) for row in rows]
        dead, asked_at = dict[uuid.UUID, State](), float("-inf")
        for place, (row, message) in enumerate(prepared):
            if time.monotonic() - started > RUN_SECONDS:
                _put_off(claim, seconds=0)
                break
            if time.monotonic() - asked_at >= FRESH_SECONDS:
                asked_at = time.monotonic()
                dead = _withdrawn(rows[place:])
            if row.pk in dead:
                outcome = Outcome(Verdict(dead[row.pk].value))
            else:
                outcome = message if isinstance(message, Outcome) else courier.deliver(message)
            _persist(claim, row, outcome)
            sent += outcome.verdict == Verdict.SENT
            if outcome.is_server_away:
                _put_off(claim, seconds=PAUSES[0])
                break
    return sent


def _prepare(courier: Courier, row: OutboxMessage) -> Message | Outcome:
    if row.attempts > MOST_ATTEMPTS:
        return Outcome(Verdict.FAILED, "gave up: every attempt ended with its worker")
    return courier.prepare(row)


def _withdrawn(rows: list[OutboxMessage]) -> dict[uuid.UUID, State]:
    return _patiently(lambda: meant.withdrawn(rows), rows[0])


def _persist(claim: uuid.UUID, row: OutboxMessage, outcome: Outcome) -> None:
    """Record the outcome."""
    if not _patiently(lambda: _mark(claim, row, outcome), row):
        log.warning("message %s is no longer ours to mark", row.pk)


def _patiently(ask: Callable[[], T], row: OutboxMessage) -> T:
    """The database's answer about a message; one that is just restarting is waited for: mail is out already."""
    deadline = time.monotonic() + _MARK_SECONDS
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            log.warning("waiting for the database for message %s", row.pk)
            connection.close()
            time.sleep(0.25)


def _mark(claim: uuid.UUID, row: OutboxMessage, outcome: Outcome) -> int:
    now = clock.now()
    if outcome.verdict == Verdict.SENT:
        return _mark_sent({"now": now, "id": row.pk, "claim": claim, "provider_id": outcome.provider_message_id[:200]})
    changes: dict[str, object] = {"claim": None, "claimed_until": None, "last_error": outcome.error[:300]}
    if outcome.verdict in (Verdict.CANCELLED, Verdict.SUPERSEDED):
        changes |= {"state": State(outcome.verdict.value), "settled_at": now, "attempts": row.attempts - 1}
    elif outcome.verdict == Verdict.RETRY and row.attempts < MOST_ATTEMPTS:
        pause = timedelta(seconds=PAUSES[row.attempts - 1])
        changes |= {"state": State.QUEUED, "next_attempt_at": now + pause}
    else:
        final = State.REJECTED if outcome.verdict == Verdict.REJECTED else State.FAILED
        changes |= {"state": final, "settled_at": now}
        log.error("message %s (%s) is %s: %s", row.pk, row.kind, final, outcome.error)
    return OutboxMessage.objects.filter(pk=row.pk, claim=claim, state=State.SENDING).update(**changes)


def _mark_sent(parameters: dict[str, object]) -> int:
    """One prepared statement in a transaction of its own: it runs once for every message."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(_MARK, parameters, prepare=True).rowcount


def _put_off(claim: uuid.UUID, *, seconds: float) -> None:
    """Give back what was claimed and not tried; it doesn't count as an attempt."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, {"claim": claim, "at": clock.now() + timedelta(seconds=seconds)})


class _Lease:
    """Keeps a claim alive while its worker lives, however slow the mail server is; it ends with the process."""

    def __init__(self, claim: uuid.UUID) -> None:
        self.claim = claim
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="mail-lease")

    def __enter__(self) -> _Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self) -> None:
        try:
            while not self._done.wait(settings.MANDATE_MAIL_LEASE_SECONDS / 4):
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(_RENEW, {"claim": self.claim, "until": clock.now() + _lease()})
                except (OperationalError, InterfaceError) as error:
                    log.warning("the claim %s was not renewed: %s", self.claim, error)
                    connection.close()
        finally:
            connection.close()
