"""Handing messages to the mail server or provider, and what its answers mean."""

from __future__ import annotations

import contextlib
import logging
import smtplib
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

from anymail.exceptions import AnymailAPIError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import BadHeaderError, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from requests import ConnectionError as ProviderAway

from portal.mail import smtp
from portal.mail.mime import Message
from portal.mail.rendering import render
from portal.models import OutboxMessage

log = logging.getLogger(__name__)


class Verdict(Enum):
    """What becomes of the message."""

    SENT = "sent"
    RETRY = "retry"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Outcome:
    """The answer for one message; with `is_server_away` the others needn't be tried now."""

    verdict: Verdict
    error: str = ""
    provider_message_id: str = ""
    is_server_away: bool = False


class Courier:
    """One connection for one batch, opened when it is needed and again after it broke."""

    def __init__(self) -> None:
        is_smtp = settings.EMAIL_BACKEND == smtp.DJANGO
        self._connection: BaseEmailBackend = smtp.Backend() if is_smtp else get_connection()
        self._is_open = False

    def __enter__(self) -> Courier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._is_open = False
        with contextlib.suppress(smtplib.SMTPException, OSError):  # it may be gone already
            self._connection.close()

    def prepare(self, row: OutboxMessage) -> Message | Outcome:
        """The finished message, or why there is none; never raises for what a template or a row can do."""
        if not row.to_address:
            return Outcome(Verdict.FAILED, "the recipient has no address")
        try:
            message = render(row, self._connection)
            if isinstance(self._connection, smtp.Backend):
                message.wire = message.message().as_bytes(linesep="\r\n")
            return message
        except (BadHeaderError, UnicodeError) as error:
            return Outcome(Verdict.FAILED, _text(error))
        except Exception as error:
            # A mistake in a template must not hold up other mail; the row shows it, a new release sends it.
            log.exception("message %s (%s) can't be rendered", row.pk, row.kind)
            return Outcome(Verdict.RETRY, f"can't be rendered: {type(error).__name__}: {error}")

    def deliver(self, message: Message) -> Outcome:
        """Send one message; never raises for what a server or a provider can do."""
        try:
            self._open()
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            return Outcome(Verdict.RETRY, f"the mail server is away: {_text(error)}", is_server_away=True)
        try:
            message.send()
        except (smtplib.SMTPException, OSError, AnymailAPIError, ValueError) as error:
            return self._refused(error)
        except AnymailRecipientsRefused as error:
            return Outcome(Verdict.REJECTED, _text(error))
        return Outcome(Verdict.SENT, provider_message_id=message.anymail_status.message_id or "")

    def _open(self) -> None:
        if not self._is_open:
            self._connection.open()
            self._is_open = True

    def _refused(self, error: Exception) -> Outcome:
        """Only a final no to this recipient or this message ends it; anything else is tried again later."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code, answer = next(iter(error.recipients.values()))
            text = f"{code} {_decoded(answer)}"
            return Outcome(Verdict.REJECTED if code >= 500 else Verdict.RETRY, text)
        if isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500:
            return Outcome(Verdict.REJECTED, _text(error))
        if isinstance(error, (BadHeaderError, AnymailInvalidAddress, UnicodeError)):
            return Outcome(Verdict.FAILED, _text(error))
        if not isinstance(error, smtplib.SMTPDataError):
            self._close()
        return Outcome(Verdict.RETRY, _text(error), is_server_away=isinstance(error, ProviderAway))


def _decoded(answer: object) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)


def _text(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decoded(error.smtp_error)}"
    return " ".join(f"{type(error).__name__}: {error}".replace("\x00", "").split())
