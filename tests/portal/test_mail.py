"""The outbox: rows, texts, claims, outcomes, limits (DOMAIN §3, §16)."""

import re
import smtplib
import time
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from anymail.exceptions import AnymailRecipientsRefused, AnymailRequestsAPIError
from django.conf import settings
from django.core import mail as sent_mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.http import Http404
from django.urls import reverse

from portal import clock, links, mail, notices, requests, tasks
from portal.errors import Refused, TooMany
from portal.mail import sending
from portal.mail.rendering import message_id, one_line, render
from portal.models import AuditEntry, MailboxMessage, OutboxMessage, User
from portal.writes import write
from relationships.models import Invitation

pytestmark = pytest.mark.django_db
State = OutboxMessage.State
LINK = ("i", "invitation", uuid.UUID(int=7), 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def queue_invitation(**changes):
    arguments = {
        "to": "buyer@contoso.example",
        "tenant": None,
        "language": "en",
        "context": {"sender": "Fabrikam Cloud (sales-agent@fabrikam.example)"},
        "link": LINK,
        "subject": "A request",
        "body": "Hello <b>you</b>,\n\nplease open {{personal-link}}\n\nBye",
    }
    with write():
        return mail.queue("invitation", **(arguments | changes))


class Answering(EmailBackend):
    """A mail server that answers as the test says, then takes everything."""

    answers: list = []

    def open(self):
        """Raises what comes first if it is meant for the connection."""
        if self.answers and isinstance(self.answers[0], ConnectionRefusedError):
            raise self.answers.pop(0)

    def send_messages(self, messages):
        """Raises the next answer, else delivers."""
        if self.answers:
            raise self.answers.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def server(settings):
    """The answers that the mail server gives next."""
    settings.EMAIL_BACKEND = f"{__name__}.Answering"
    Answering.answers = []
    return Answering.answers


# ── queueing ──


def test_nothing_is_queued_outside_a_write():
    with pytest.raises(RuntimeError):
        mail.queue("invitation", to="buyer@contoso.example", tenant=None)


def test_a_write_that_fails_leaves_no_message():
    def queue_and_fail():
        with write():
            mail.queue("invitation", to="buyer@contoso.example", tenant=None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        queue_and_fail()
    assert not OutboxMessage.objects.exists()


def test_a_row_holds_no_usable_link():
    row = queue_invitation()
    stored = " ".join(map(str, OutboxMessage.objects.values_list().get(pk=row.pk)))
    assert links.token("invitation", LINK[2], 1) not in stored
    assert mail.PLACEHOLDER == Invitation.PLACEHOLDER


def test_a_message_is_a_row_first_and_goes_out_with_its_link_filled_in():
    row = queue_invitation()
    assert sent_mail.outbox == []
    assert tasks.send_due_mail() == 1
    (message,) = sent_mail.outbox
    row.refresh_from_db()
    assert (row.state, row.attempts, row.claim) == (State.SENT, 1, None)
    assert links.url("i", "invitation", LINK[2], 1) in message.body
    assert mail.PLACEHOLDER not in message.body + message.alternatives[0].content


def test_a_message_is_not_sent_before_it_is_due():
    row = queue_invitation(at=NOON + timedelta(hours=1))
    with clock.fixed(NOON):
        assert tasks.send_due_mail() == 0
    with clock.fixed(NOON + timedelta(hours=2)):
        assert tasks.send_due_mail() == 1
    row.refresh_from_db()
    assert row.state == State.SENT


def test_one_address_gets_so_many_messages_a_day_that_others_chose_to_send(settings):
    settings.MANDATE_MAILS_PER_ADDRESS_AND_DAY = 2
    with clock.fixed(NOON), requests.entered("192.0.2.1"):
        queue_invitation()
        queue_invitation(to="Buyer@Contoso.example")
        with pytest.raises(TooMany):
            queue_invitation()
        queue_invitation(to="other@contoso.example")
    with clock.fixed(NOON):
        queue_invitation()  # a job's reminder isn't a person's choice
    assert OutboxMessage.objects.count() == 4


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "a@contoso.example\nBcc: b@contoso.example", "ä" * 300 + "@x.example"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Refused):
        queue_invitation(to=address)


@pytest.fixture
def no_broker(monkeypatch, tmp_path):
    """A broker's address where nobody listens."""
    from portal import broker
    from portal.celery import app

    monkeypatch.setattr(broker, "_quiet_until", 0.0)
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", f"redis+socket://{tmp_path}/nobody-listens")
    app._pool = app.amqp._producer_pool = None
    yield broker
    app._pool = app.amqp._producer_pool = None


def test_a_dead_broker_breaks_no_write_and_is_left_alone_for_a_while(no_broker, django_capture_on_commit_callbacks):
    started = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        queue_invitation()
    assert len(callbacks) == 1
    assert no_broker._quiet_until > started
    assert tasks.send_due_mail() == 1


# ── texts ──


def test_a_persons_text_is_escaped_and_framed_with_its_sender():
    message = render(queue_invitation())
    html = message.alternatives[0].content
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in html
    assert "Hello <b>you</b>" in message.body
    assert "Fabrikam Cloud (sales-agent@fabrikam.example)" in message.body
    assert "Fabrikam Cloud (sales-agent@fabrikam.example)" in html
    url = links.url("i", "invitation", LINK[2], 1)
    assert html.count(f'href="{url}"') == 2
    assert message.body.count(url) == 1


NASTY = [
    "Hi\r\nBcc: victim@contoso.example",
    "Hi\nContent-Type: text/html\n\n<script>",
    "a\u2028b\x85c\x0bd\x00e",
    "\u202egnp.exe",
    "貿易 🎉 " * 20,
]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_adds_a_header(text):
    row = queue_invitation(subject=text, body=text + " {{personal-link}}", context={"sender": text})
    parsed = message_from_bytes(render(row).message().as_bytes(), policy=policy.default)
    assert set(parsed.keys()) == {
        "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted",
    }  # fmt: skip
    assert parsed["To"] == "buyer@contoso.example"
    assert parsed["Subject"].strip() == one_line(row.subject)
    assert not set("\r\n\x00\u202e") & set(parsed["Subject"])


KINDS = sorted(
    {path.name.partition(".")[0] for path in (settings.BASE_DIR / "templates" / "mail").iterdir()} - {"base"}
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_kind_renders_as_text_and_html_in_every_language(kind, language):
    subject = "A request" if kind in ("invitation", "gdap_request") else ""
    row = queue_invitation(language=language, subject=subject, context={"sender": "Fabrikam", "days": 7, "count": 2})
    row.kind = kind
    message = render(row)
    html = message.alternatives[0].content
    assert message.subject
    assert f'<html lang="{language}">' in html
    assert "{{" not in message.body + html
    assert "{%" not in message.body + html
    parsed = message_from_bytes(message.message().as_bytes(), policy=policy.default)
    assert parsed.get_body(("plain",)).get_content().strip() == message.body.strip()
    assert parsed.get_body(("html",)).get_content().strip() == html.strip()


def test_the_wire_form_is_what_the_library_reads(settings):
    long_line = queue_invitation(body="x" * 2_000 + " {{personal-link}} 貿易")
    for row in (long_line, queue_invitation(subject="貿易 " * 30, body="Grüße\n.\n{{personal-link}}")):
        wire = render(row).message().as_bytes(linesep="\r\n")
        assert b"\n" not in wire.replace(b"\r\n", b"")
        assert max(map(len, wire.split(b"\r\n"))) <= 998
        parsed = message_from_bytes(wire, policy=policy.default)
        assert parsed["Subject"].strip() == one_line(row.subject)
        text = parsed.get_body(("plain",)).get_content().replace("\r\n", "\n")
        assert text.strip() == render(row).body.strip()


def test_every_kind_in_the_code_has_templates():
    called = set()
    for path in [*(settings.BASE_DIR / app for app in ("portal", "relationships", "delegation"))]:
        for file in path.rglob("*.py"):
            called |= set(re.findall(r'(?:mail\.queue|mail\.collect|notices\.tell)\(\s*"(\w+)"', file.read_text()))
    assert len(called) > 5
    assert called <= set(KINDS)
    assert set(notices.SWITCHABLE) <= set(KINDS)


def test_moments_are_shown_in_the_readers_language_and_zone(cast):
    reader = cast["global-admin"]
    reader.time_zone = "Europe/Berlin"
    reader.save(update_fields=["time_zone"])
    row = queue_invitation(to=reader, language=None, context={"sender": "x", "at": NOON, "list": [1, {"at": NOON}]})
    row.refresh_from_db()
    assert row.language == "de"
    from portal.mail.outbox import alive

    assert alive(row.context["values"]) == {"sender": "x", "at": NOON, "list": [1, {"at": NOON}]}


def test_a_duplicate_would_carry_the_same_message_id():
    row = queue_invitation()
    first, second = (render(row).message()["Message-ID"] for _ in range(2))
    assert first == second == message_id(row) == f"<{row.pk}@cloud.example>"


# ── outcomes ──


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (smtplib.SMTPRecipientsRefused({"b": (550, b"no such user")}), State.REJECTED),
        (smtplib.SMTPRecipientsRefused({"b": (450, b"busy")}), State.QUEUED),
        (smtplib.SMTPDataError(554, b"spam"), State.REJECTED),
        (smtplib.SMTPDataError(451, b"later"), State.QUEUED),
        (smtplib.SMTPSenderRefused(530, b"sign in first", "x"), State.QUEUED),
        (smtplib.SMTPServerDisconnected("gone"), State.QUEUED),
        (TimeoutError("slow"), State.QUEUED),
        (AnymailRecipientsRefused(), State.REJECTED),
        (AnymailRequestsAPIError("500"), State.QUEUED),
        (UnicodeEncodeError("ascii", "ä", 0, 1, "not ascii"), State.FAILED),
    ],
)
def test_only_a_final_no_ends_a_message(server, answer, state):
    row = queue_invitation()
    server.append(answer)
    assert tasks.send_due_mail() == 0
    row.refresh_from_db()
    assert row.state == state
    assert row.last_error
    assert (row.claim, row.claimed_until) == (None, None)
    assert sent_mail.outbox == []


def test_a_message_is_tried_again_with_growing_pauses_and_then_failed(server):
    row = queue_invitation(at=NOON)
    moment, pauses = NOON, []
    for _attempt in range(sending.MOST_ATTEMPTS):
        server.append(smtplib.SMTPServerDisconnected("gone"))
        with clock.fixed(moment):
            assert tasks.send_due_mail() == 0
        row.refresh_from_db()
        pauses.append((row.next_attempt_at - moment).total_seconds())
        moment = row.next_attempt_at
    assert tuple(pauses[:-1]) == sending.PAUSES
    assert (row.state, row.attempts) == (State.FAILED, sending.MOST_ATTEMPTS)
    with clock.fixed(moment + timedelta(days=30)):
        assert tasks.send_due_mail() == 0


def test_a_server_that_is_away_costs_the_waiting_messages_no_attempt(server):
    first, second = queue_invitation(at=NOON), queue_invitation(at=NOON + timedelta(seconds=1))
    server.append(ConnectionRefusedError("nobody listens"))
    with clock.fixed(NOON + timedelta(minutes=1)):
        tasks.send_due_mail()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.attempts, second.state, second.attempts) == (State.QUEUED, 1, State.QUEUED, 0)
    with clock.fixed(NOON + timedelta(minutes=10)):
        assert tasks.send_due_mail() == 2


def test_one_bad_message_does_not_hold_up_the_others(server):
    with write():
        mail.queue("kind_without_templates", to="buyer@contoso.example", tenant=None, at=NOON)
    queue_invitation()
    assert tasks.send_due_mail() == 1
    bad = OutboxMessage.objects.get(kind="kind_without_templates")
    assert (bad.state, "TemplateDoesNotExist" in bad.last_error) == (State.QUEUED, True)


def test_a_claim_of_a_dead_worker_is_taken_over_only_when_it_has_ended():
    row = queue_invitation(at=NOON)
    with clock.fixed(NOON):
        (claimed,) = sending._claim(uuid.uuid4(), State.QUEUED, 10)
        assert claimed.pk == row.pk
        assert tasks.send_due_mail() == 0
    with clock.fixed(NOON + sending._lease() + timedelta(seconds=1)):
        assert tasks.send_due_mail() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.SENT, 2)


def test_a_message_that_kills_every_worker_is_given_up():
    row = queue_invitation(at=NOON)
    OutboxMessage.objects.update(state=State.SENDING, attempts=sending.MOST_ATTEMPTS, claimed_until=NOON)
    assert tasks.send_due_mail() == 0
    row.refresh_from_db()
    assert row.state == State.FAILED


def test_a_late_mark_does_not_undo_what_the_provider_reported():
    row, claim = queue_invitation(at=NOON), uuid.uuid4()
    with clock.fixed(NOON):
        (claimed,) = sending._claim(claim, State.QUEUED, 10)
    OutboxMessage.objects.update(state=State.BOUNCED, last_error="550")
    assert sending._mark(claim, claimed, sending.Outcome(sending.Verdict.SENT, provider_message_id="p")) == 1
    row.refresh_from_db()
    assert (row.state, row.last_error, row.provider_message_id) == (State.BOUNCED, "550", "p")


# ── sending again ──


@pytest.fixture
def operator(db):
    return User.objects.create(
        sign_in_name="operator@cloud.example",
        display_name="Operator",
        contact_address="operator@cloud.example",
        created_at=NOON,
        activated_at=NOON,
    )


def test_the_operator_sees_and_resends_a_failed_message(client, operator, cast):
    row = queue_invitation(tenant=cast.fabrikam)
    OutboxMessage.objects.update(state=State.FAILED, attempts=9, last_error="gone")
    client.force_login(operator)
    page = client.get(reverse("outbox"), {"state": "failed"})
    resend_url = reverse("outbox-resend", args=[row.pk])
    assert resend_url in page.content.decode()
    assert "<time" in page.content.decode()
    exported = b"".join(client.get(reverse("outbox-csv"), {"state": "failed"})).decode()
    assert exported.splitlines()[0] == "Created,Kind,To,State,Attempts,Answer"
    assert exported.splitlines()[1].endswith(",invitation,buyer@contoso.example,Failed,9,gone")
    client.post(resend_url)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.QUEUED, 0)
    assert AuditEntry.objects.filter(tenant_id=cast.fabrikam.pk, action="mail.resent").count() == 1
    assert tasks.send_due_mail() == 1
    with pytest.raises(Refused):
        mail.resend_message(message=row, actor=operator)


def test_nobody_else_sees_or_resends(client, cast):
    row = queue_invitation(tenant=cast.fabrikam)
    client.force_login(cast["admin-agent"])
    assert client.get(reverse("outbox")).status_code == 404
    assert client.post(reverse("outbox-resend", args=[row.pk])).status_code == 404
    with pytest.raises(Http404):
        mail.resend_message(message=row, actor=cast["partner-admin"])


# ── notices ──


def test_recipients_are_explicit_administrators_and_agents_who_get_mail(cast):
    assert {str(user) for user in notices.global_administrators(cast.contoso.pk)} == {"global-admin@contoso.example"}
    assert {str(user) for user in notices.agents(cast.fabrikam.pk)} == {"admin-agent@fabrikam.example"}
    both = notices.agents(cast.fabrikam.pk, ("admin_agents", "sales_agents"))
    assert {str(user) for user in both} == {"admin-agent@fabrikam.example", "sales-agent@fabrikam.example"}
    User.objects.filter(pk=cast["admin-agent"].pk).update(blocked_at=NOON)
    assert notices.agents(cast.fabrikam.pk) == []


def test_a_notice_goes_once_to_each_and_to_the_team_unless_switched_off(cast):
    cast.fabrikam.team_address = "team@fabrikam.example"
    cast.fabrikam.save(update_fields=["team_address"])
    off, on = cast["sales-agent"], cast["admin-agent"]
    off.notices_off = ["invitation_accepted", "dap_removed"]
    unconfirmed = cast["helpdesk-agent"]
    unconfirmed.contact_confirmed_at = None
    with write():
        notices.tell("invitation_accepted", [off, on, on, unconfirmed], tenant=cast.fabrikam, customer=cast.contoso)
        notices.tell("dap_removed", [off], tenant=cast.fabrikam, team=False)  # security can't be switched off
    rows = OutboxMessage.objects.order_by("kind", "to_address").values_list("kind", "to_address")
    assert list(rows) == [
        ("dap_removed", off.contact_address),
        ("invitation_accepted", on.contact_address),
        ("invitation_accepted", "team@fabrikam.example"),
    ]


# ── the demo's mailbox, retention ──


def test_the_demos_mailbox_shows_a_message_with_its_link(client, settings):
    settings.EMAIL_BACKEND = "portal.mailbox.Backend"
    queue_invitation()
    assert tasks.send_due_mail() == 1
    received = MailboxMessage.objects.get()
    page = client.get(reverse("mailbox"))
    assert "A request" in page.content.decode()
    assert "<time" in page.content.decode()
    page = client.get(reverse("mailbox-message", args=[received.pk]))
    url = links.url("i", "invitation", LINK[2], 1)
    assert f'<a href="{url}"' in page.content.decode()
    assert "<b>you</b>" not in page.content.decode()
    html = client.get(reverse("mailbox-html", args=[received.pk]))
    assert html["Content-Security-Policy"].startswith("sandbox ")
    assert "script-src" not in html["Content-Security-Policy"]
    assert url in html.content.decode()


def test_there_is_no_mailbox_outside_the_demo(client, settings):
    settings.IS_DEMO = False
    for url in (reverse("mailbox"), reverse("mailbox-message", args=[1]), reverse("mailbox-html", args=[1])):
        assert client.get(url).status_code == 404


def test_retention_drops_what_is_over_and_nothing_else(settings):
    old, young = queue_invitation(), queue_invitation()
    waiting = queue_invitation()
    past = clock.now() - timedelta(days=settings.MANDATE_MAIL_RETENTION_DAYS + 1)
    OutboxMessage.objects.filter(pk=old.pk).update(state=State.SENT, created_at=past)
    OutboxMessage.objects.filter(pk=waiting.pk).update(created_at=past)
    OutboxMessage.objects.filter(pk=young.pk).update(state=State.SENT)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO portal_cache VALUES ('a', 'b', %s), ('c', 'd', %s)", [past, clock.now()])
    dropped = tasks.keep_retention()
    assert (dropped["mail"], dropped["cache"]) == (1, 2)
    assert set(OutboxMessage.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk}
    assert tasks.keep_retention()["mail"] == 0
