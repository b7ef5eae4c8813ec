"""Mail survives killed workers, a lost broker, a restarted database and bad mail servers (DOMAIN §16).

Leases and sweeps are shortened by environment (40 s and 15 s by default), so that a test takes seconds; what is
asserted is recovery within a lease, a sweep and some work, which by the defaults is 60 s.
"""

import collections
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from portal import broker, clock, mail
from portal.mail import sending
from portal.mail.rendering import message_id
from portal.models import OutboxMessage
from portal.writes import write
from relationships import services
from tests.conftest import build_cast
from tests.faults.sink import BREAK_OFF, Gate, MailServer

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True, databases=["default", "owner"])]
State = OutboxMessage.State
LEASE, SWEEP = 4, 1
RECOVERY = 60


class Celery:
    """A real worker or beat in a process group of its own."""

    def __init__(self, port, folder):
        self.port, self.folder, self.started = port, folder, []

    def start(self, *arguments):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "FAULTS_DATABASE": connection.settings_dict["NAME"],
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.port}",
            "MAIL_LEASE_SECONDS": str(LEASE),
            "MAIL_SWEEP_SECONDS": str(SWEEP),
            "PYTHONWARNINGS": "ignore",
        }
        with open(self.folder / f"celery-{len(self.started)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--quiet", "--app", "portal", *arguments],
                env=environment,
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def worker(self):
        return self.start("worker", "--concurrency", "1", "--loglevel", "info", "--without-gossip", "--without-mingle")

    def beat(self):
        schedule = self.folder / "beat"
        return self.start("beat", "--loglevel", "info", "--pidfile=", "--schedule", str(schedule))

    def stop(self):
        for process in self.started:
            kill(process)


def kill(process):
    """The whole process group at once, as a crash of its machine would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_child(process):
    """Only the process of the worker's pool that does the work."""
    for child in psutil.Process(process.pid).children():
        child.kill()


@pytest.fixture
def mail_server():
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def celery(transactional_db, mail_server, servers, tmp_path, monkeypatch):
    monkeypatch.setattr(broker, "_quiet_until", 0.0)
    processes = Celery(mail_server.port, tmp_path)
    yield processes
    processes.stop()
    wait_until(_is_alone)
    for log in sorted(tmp_path.glob("celery-*.log")):
        sys.stdout.write(f"{log.name}\n{log.read_text()[-3000:]}\n")


def _is_alone():
    """The database has noticed the end of every worker."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
        )
        return cursor.fetchone()[0] == 1


def queue(count=3):
    with write():
        return [
            mail.queue(
                "invitation",
                to=f"buyer-{number}@contoso.example",
                tenant=None,
                language="en",
                context={"sender": "Fabrikam Cloud"},
                subject="A request",
                body="Open it",
            )
            for number in range(count)
        ]


def wait_for(state, rows, seconds=RECOVERY):
    """Until all rows are in the state; how long it took."""
    started, wanted = time.monotonic(), [row.pk for row in rows]
    while OutboxMessage.objects.filter(pk__in=wanted, state=state).count() < len(rows):
        found = OutboxMessage.objects.filter(pk__in=wanted).values_list("state", "attempts", "last_error")
        assert time.monotonic() - started < seconds, list(found)
        time.sleep(0.05)
    return time.monotonic() - started


def wait_until(holds, seconds=30):
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds
        time.sleep(0.02)


def counts(mail_server, rows):
    """How often each message was taken by the mail server."""
    taken = collections.Counter(mail_server.accepted)
    assert set(taken) <= {message_id(row) for row in rows}
    return [taken[message_id(row)] for row in rows]


def bring_forward():
    """Let pauses be over."""
    OutboxMessage.objects.filter(state=State.QUEUED).update(next_attempt_at=clock.now())


def test_worker_killed_while_it_claims(celery, mail_server):
    rows = queue()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("LOCK TABLE portal_outboxmessage IN SHARE MODE")
        worker = celery.worker()
        celery.beat()
        wait_until(lambda: _is_waiting(cursor))
        kill(worker)  # the database may still finish the claim, for nobody
    celery.worker()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]


def _is_waiting(cursor):
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'portal_outboxmessage'::regclass")
    return cursor.fetchone()[0] > 0


@pytest.mark.parametrize(("step", "end"), [("greeting", kill), ("rcpt", kill_child), ("data", kill)])
def test_worker_killed_between_claim_and_yes(celery, mail_server, step, end):
    gate = Gate()
    mail_server.plan[step].append(lambda: gate() or BREAK_OFF)
    rows = queue()
    worker = celery.worker()
    celery.beat()
    gate.wait()
    end(worker)
    gate.open()
    if end is kill:
        celery.worker()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]


@pytest.mark.parametrize("end", [kill, kill_child])
def test_worker_killed_between_yes_and_mark_sends_one_duplicate_with_the_same_message_id(celery, mail_server, end):
    gate = Gate()
    mail_server.plan["data"].append(gate)
    rows = queue()
    worker = celery.worker()
    celery.beat()
    gate.wait()
    # The mark has to wait for these rows: the yes is in and the mark isn't.
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT 1 FROM portal_outboxmessage FOR UPDATE")
        gate.open()
        wait_until(lambda: _marks() == 1)
        end(worker)
        _marks("pg_terminate_backend(pid)")  # else the database finishes the mark of the dead worker
        wait_until(lambda: _marks() == 0)
    if end is kill:
        celery.worker()
    wait_for(State.SENT, rows)
    assert sorted(counts(mail_server, rows)) == [1, 1, 2]


def _marks(what="true"):
    """How many workers wait for a lock with their mark; asked as their own role, which may see its queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {what} FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",  # noqa: S608
            ["%THEN 'sent'%"],
        )
        return len(cursor.fetchall())


def test_broker_emptied(celery, mail_server, servers):
    import redis

    rows = queue()
    redis.Redis(unix_socket_path=str(servers.redis.socket)).flushall()
    celery.worker()
    celery.beat()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]


def test_broker_stopped_while_a_message_is_written(celery, mail_server, servers):
    celery.worker()
    celery.beat()
    first = queue(1)
    wait_for(State.SENT, first)
    servers.redis.child.kill()
    started = time.monotonic()
    rows = queue()
    assert time.monotonic() - started < 2
    servers.redis.start()
    servers.redis.wait()
    wait_for(State.SENT, rows)
    assert counts(mail_server, first + rows) == [1, 1, 1, 1]


def test_database_restarted_while_a_message_is_on_its_way(celery, mail_server, servers):
    gate = Gate()
    mail_server.plan["data"].append(gate)
    rows = queue()
    celery.worker()
    celery.beat()
    gate.wait()
    connections.close_all()
    servers.postgres.child.stop()
    gate.open()
    wait_until(lambda: len(mail_server.accepted) == 1)
    servers.postgres.start()
    servers.postgres.wait()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]


def test_slow_mail_server_gets_nothing_twice(celery, mail_server):
    mail_server.plan["data"].append(lambda: time.sleep(LEASE * 2))
    rows = queue()
    celery.worker()
    celery.worker()
    celery.beat()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {1}


def test_refusing_mail_server(celery, mail_server):
    mail_server.plan["rcpt"] += [lambda: "550 no such user", lambda: "450 busy"]
    mail_server.plan["data"] += [lambda: "451 try later"]
    rows = queue(4)
    celery.worker()
    celery.beat()
    wait_until(lambda: OutboxMessage.objects.filter(state=State.SENT).count() == 1)
    assert OutboxMessage.objects.get(state=State.REJECTED).last_error == "550 no such user"
    waiting = OutboxMessage.objects.filter(state=State.QUEUED)
    assert sorted(waiting.values_list("last_error", flat=True)) == ["450 busy", "451 try later"]
    assert min(waiting.values_list("next_attempt_at", flat=True)) > clock.now()
    bring_forward()
    wait_until(lambda: OutboxMessage.objects.filter(state=State.SENT).count() == 3)
    assert sorted(counts(mail_server, rows)) == [0, 1, 1, 1]


def test_mail_server_that_breaks_off_or_is_away(celery, mail_server):
    mail_server.plan["body"].append(lambda: None)
    mail_server.plan["data"].append(lambda: BREAK_OFF)
    rows = queue()
    celery.worker()
    celery.beat()
    wait_until(lambda: OutboxMessage.objects.filter(state=State.SENT).count() == 1)
    wait_until(lambda: OutboxMessage.objects.filter(state=State.QUEUED).exclude(last_error="").count() == 2)
    mail_server.stop()
    bring_forward()
    wait_until(lambda: OutboxMessage.objects.filter(last_error__contains="away").exists())
    mail_server.start()
    bring_forward()
    wait_for(State.SENT, rows)
    assert counts(mail_server, rows) == [1, 1, 1]


# ── links that die while their messages wait ──


@pytest.fixture
def invitations(celery):
    """Three invitations whose messages are queued, in this order."""
    cast = build_cast()
    drafts = [
        services.create_invitation(
            partner=cast.fabrikam,
            actor=cast["admin-agent"],
            customer_name="Contoso GmbH",
            customer_address=f"buyer-{number}@contoso.example",
        )
        for number in range(3)
    ]
    return cast, [services.send_invitation(invitation=draft, actor=cast["admin-agent"]) for draft in drafts]


def messages_of(invitations):
    found = {row.about_id: row for row in OutboxMessage.objects.filter(kind="invitation")}
    return [found[invitation.pk] for invitation in invitations]


def test_links_that_die_while_an_earlier_message_is_on_its_way(invitations, celery, mail_server):
    cast, (first, second, third) = invitations
    gate = Gate()
    mail_server.plan["data"].append(gate)
    celery.worker()
    celery.beat()
    gate.wait()  # all three are claimed and rendered; the first is at the mail server
    services.cancel_invitation(invitation=first, actor=cast["admin-agent"])  # too late
    services.cancel_invitation(invitation=second, actor=cast["admin-agent"])
    services.replace_link(invitation=third, actor=cast["admin-agent"])
    time.sleep(sending.FRESH_SECONDS)  # so old is what was known when the first was handed over
    gate.open()
    rows = messages_of([first, second, third])
    for row, state in zip(rows, (State.SENT, State.CANCELLED, State.SUPERSEDED), strict=True):
        wait_for(state, [row])
    assert counts(mail_server, rows) == [1, 0, 0]


def test_links_that_die_while_their_worker_is_dead(invitations, celery, mail_server):
    cast, (first, second, third) = invitations
    gate = Gate()
    mail_server.plan["rcpt"].append(lambda: gate() or BREAK_OFF)
    worker = celery.worker()
    celery.beat()
    gate.wait()
    kill(worker)
    services.cancel_invitation(invitation=first, actor=cast["admin-agent"])
    services.replace_link(invitation=second, actor=cast["admin-agent"])
    gate.open()
    celery.worker()
    rows = messages_of([first, second, third])
    for row, state in zip(rows, (State.CANCELLED, State.SUPERSEDED, State.SENT), strict=True):
        wait_for(state, [row])
    assert counts(mail_server, rows) == [0, 0, 1]
