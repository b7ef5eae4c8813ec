"""The outbox's own way of sending against bare smtplib loops: as many connections, messages of the same size.

`mail_vs_bare` is against a loop over finished messages of the standard library, `connection.send_message(message)`.
`mail_vs_bytes` is against one that sends the same finished bytes to everybody: what the mail server can take.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import smtplib
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import quote

from django.conf import settings
from django.db import connections
from django.test.utils import override_settings

from portal import embedded, mail, tasks
from portal.benchmarks import scratch
from portal.benchmarks.figures import Figure, Report
from portal.mail.rendering import render
from portal.models import OutboxMessage
from portal.writes import write

MESSAGES = 10_000
CONNECTIONS = 8
_BODY = f"""Hello,

Fabrikam Cloud would like to manage your subscriptions. Please open the link below, sign in, and decide.

{mail.PLACEHOLDER}

You can end the relationship at any time.

Kind regards
Fabrikam Cloud
"""
_fork = multiprocessing.get_context("fork")


@dataclass
class Sink:
    """The mail server's process."""

    port: int
    taken: int = 0


def run(scale: float) -> Report:
    """Messages a second through claim, render, send and mark, and by the bare loops before and after."""
    count = max(CONNECTIONS * 50, round(MESSAGES * scale))
    share = count // 4 // CONNECTIONS
    with scratch.database("mail"), _sink() as sink, _smtp_to(sink):
        queued = _timed(lambda: _queue(count))
        finished = render(OutboxMessage.objects.earliest("created_at", "id"))
        content = finished.message().as_bytes(linesep="\r\n")
        texts = str(finished.body), str(finished.alternatives[0].content)
        loops = [lambda: _messages(sink.port, texts, share), lambda: _bytes(sink.port, content, share)]
        before = [_in_parallel(loop) for loop in loops]
        ours = _in_parallel(lambda: _send)
        left = OutboxMessage.objects.exclude(state="sent").count()
        after = [_in_parallel(loop) for loop in loops]
    each = 2 * share * CONNECTIONS
    if left or sink.taken != count + 2 * each:
        raise RuntimeError(f"{left} of {count} messages not sent; the sink took {sink.taken} of {count + 2 * each}")
    sent = count / ours
    bare, of_bytes = (each / sum(seconds) for seconds in zip(before, after, strict=True))
    return Report(
        "mail",
        {"messages": count, "connections": CONNECTIONS, "bytes": len(content)},
        [
            Figure("mail_vs_bare", sent / bare, "ratio", 0.70, "higher"),
            Figure("mail_vs_bytes", sent / of_bytes, "ratio", better="higher"),
            Figure("sent", sent, "messages/s", better="higher"),
            Figure("bare", bare, "messages/s", better="higher"),
            Figure("of_bytes", of_bytes, "messages/s", better="higher"),
            Figure("queued", count / queued, "messages/s", better="higher"),
        ],
    )


def _warm() -> None:
    """What a worker does once in its life: read the templates, load the broker's library."""
    for row in OutboxMessage.objects.order_by("language").distinct("language"):
        render(row)
    mail.nudge()


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextlib.contextmanager
def _sink() -> Iterator[Sink]:
    command = [sys.executable, "-m", "portal.benchmarks.sink"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
    assert process.stdout  # noqa: S101 - asked for above
    line = process.stdout.readline()
    if not line:
        raise SystemExit("mandate: the bench's mail server did not start; it needs the development dependencies")
    sink = Sink(int(line))
    try:
        yield sink
    finally:
        process.send_signal(signal.SIGTERM)
        answer, _errors = process.communicate(timeout=10)
        sink.taken = int(answer or 0)


@contextlib.contextmanager
def _smtp_to(sink: Sink) -> Iterator[None]:
    """Send to the sink, and nudge no worker of a portal that happens to run here."""
    if not settings.REDIS_URL:
        nobody = quote(str(embedded.redis_socket(settings.VAR_DIR / "bench")))
        os.environ["CELERY_BROKER_WRITE_URL"] = f"redis+socket://{nobody}"
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=sink.port):
        yield


def _queue(count: int) -> None:
    for start in range(0, count, 1_000):
        with write():
            for number in range(start, min(start + 1_000, count)):
                mail.queue(
                    "invitation",
                    to=f"buyer-{number}@contoso.example",
                    tenant=None,
                    language=("en", "de", "zh-hant")[number % 3],
                    context={"sender": "Fabrikam Cloud (sales-agent@fabrikam.example)"},
                    link=("i", "invitation", uuid.uuid4(), 1),
                    subject="Fabrikam Cloud asks for a reseller relationship",
                    body=_BODY,
                )


def _send() -> None:
    while tasks.send_due_mail():
        pass


def _messages(port: int, texts: tuple[str, str], count: int) -> Callable[[], None]:
    """A loop over messages that are there already, one for each recipient."""
    messages = []
    for number in range(count):
        message = EmailMessage()
        message["Subject"] = "Fabrikam Cloud asks for a reseller relationship"
        message["From"] = settings.DEFAULT_FROM_EMAIL
        message["To"] = f"buyer-{number}@contoso.example"
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{uuid.uuid4()}@cloud.example>"
        message.set_content(texts[0])
        message.add_alternative(texts[1], subtype="html")
        messages.append(message)

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            for message in messages:
                connection.send_message(message)

    return send


def _bytes(port: int, content: bytes, count: int) -> Callable[[], None]:
    """A loop that has nothing to do but speak SMTP."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            for number in range(count):
                connection.sendmail("portal@cloud.example", [f"buyer-{number}@contoso.example"], content)

    return send


def _in_parallel(prepare: Callable[[], Callable[[], None]]) -> float:
    """Seconds that the prepared work takes in `CONNECTIONS` processes at once, without their start."""
    connections.close_all()
    ready = _fork.Barrier(CONNECTIONS + 1)

    def child() -> None:
        _warm()
        work = prepare()
        ready.wait()
        work()
        connections.close_all()

    processes = [_fork.Process(target=child) for _number in range(CONNECTIONS)]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    if any(process.exitcode for process in processes):
        raise RuntimeError("a sending process failed")
    return seconds
