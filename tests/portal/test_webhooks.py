"""Providers' reports: signed, counted once, never taken back (DOMAIN §3, §16)."""

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.urls import reverse
from svix.webhooks import Webhook

from portal import mail, tasks
from portal.mail.rendering import message_id
from portal.models import DeliveryEvent, OutboxMessage
from portal.writes import write

pytestmark = pytest.mark.django_db

SECRET = "provider:a-secret-that-only-the-provider-knows"
MAILGUN_KEY = "key-of-mailgun"
RESEND_SECRET = "whsec_" + base64.b64encode(b"a secret of Resend's, 32 bytes..").decode()
POSTAL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BASIC = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(SECRET.encode()).decode()}


@pytest.fixture(autouse=True)
def providers(settings):
    public = POSTAL_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN_KEY,
        "RESEND_SIGNING_SECRET": RESEND_SECRET,
        "POSTAL_WEBHOOK_KEY": "".join(public.decode().splitlines()[1:-1]),
    }


@pytest.fixture
def sent():
    """A message that the provider took, under the provider's own id."""
    with write():
        row = mail.queue(
            "invitation", to="buyer@contoso.example", tenant=None, subject="Hello", body="{{personal-link}}"
        )
    assert tasks.send_due_mail() == 1
    OutboxMessage.objects.update(provider_message_id="provider-1")
    row.refresh_from_db()
    return row


def postmark(row, kind="Delivery", *, headers=BASIC, **fields):
    """Postmark: basic auth; no id of the report for deliveries."""
    event = {"RecordType": kind, "MessageID": "provider-1", "DeliveredAt": "2026-03-01T10:00:00Z"}
    event |= {"Metadata": {"outbox": str(row.pk)}, **fields}
    return event, headers


def post_postmark(client, row, kind="Delivery", *, headers=BASIC, **fields):
    event, headers = postmark(row, kind, headers=headers, **fields)
    return client.post(reverse("anymail:postmark_tracking_webhook"), event, "application/json", **headers)


def post_mailgun(client, row, kind="delivered", *, key=MAILGUN_KEY, token="token-1", **fields):  # noqa: S107
    """Mailgun: HMAC over time and token, which doesn't cover the body."""
    stamp = "1772359200"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    event = {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {
            "event": kind,
            "timestamp": 1772359200.5,
            "recipient": "buyer@contoso.example",
            "message": {"headers": {"message-id": message_id(row).strip("<>")}},
            "user-variables": {"outbox": str(row.pk)},
            **fields,
        },
    }
    return client.post(reverse("anymail:mailgun_tracking_webhook"), event, "application/json", **BASIC)


def post_resend(client, row, kind="email.delivered", *, secret=RESEND_SECRET, number="msg_1"):
    """Resend: signed by Svix over id, time and body."""
    moment = datetime.now(UTC)
    body = json.dumps(
        {
            "type": kind,
            "created_at": moment.isoformat(),
            "data": {
                "email_id": "provider-1",
                "to": ["buyer@contoso.example"],
                "bounce": {"message": "mailbox is full"},
            },
        }
    )
    headers = {
        "HTTP_SVIX_ID": number,
        "HTTP_SVIX_TIMESTAMP": str(int(moment.timestamp())),
        "HTTP_SVIX_SIGNATURE": Webhook(secret).sign(number, moment, body),
    }
    return client.post(reverse("anymail:resend_tracking_webhook"), body, "application/json", **headers, **BASIC)


def post_postal(client, row, status="Sent", *, key=POSTAL_KEY):
    """Postal: RSA signature over the body."""
    body = json.dumps(
        {
            "event": "MessageSent",
            "timestamp": 1772359200.5,
            "uuid": "postal-1",
            "payload": {
                "status": status,
                "details": "",
                "message": {"id": "provider-1", "to": "buyer@contoso.example"},
            },
        }
    )
    signature = base64.b64encode(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303
    url = reverse("anymail:postal_tracking_webhook")
    return client.post(url, body, "application/json", HTTP_X_POSTAL_SIGNATURE=signature, **BASIC)


DELIVERED = [post_postmark, post_mailgun, post_resend, post_postal]


@pytest.mark.parametrize("post", DELIVERED)
def test_a_signed_report_shows_as_the_messages_state(client, sent, post):
    assert post(client, sent).status_code == 200
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.DELIVERED
    assert sent.settled_at is not None


@pytest.mark.parametrize("post", DELIVERED)
def test_a_replayed_report_counts_once(client, sent, post):
    for _ in range(3):
        assert post(client, sent).status_code == 200
    assert DeliveryEvent.objects.filter(message=sent).count() == 1


@pytest.mark.parametrize(
    "post",
    [
        lambda client, row: post_postmark(client, row, headers={}),
        lambda client, row: post_postmark(client, row, headers={"HTTP_AUTHORIZATION": "Basic bm86"}),
        lambda client, row: post_mailgun(client, row, key="another key"),
        lambda client, row: post_mailgun(client, row, token="töken"),
        lambda client, row: post_resend(client, row, secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
        lambda client, row: post_postal(
            client, row, key=rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ),
    ],
)
def test_a_report_with_a_wrong_signature_is_refused(client, sent, post):
    assert post(client, sent).status_code == 400
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.SENT
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("post", DELIVERED)
def test_a_report_on_a_message_that_is_not_ours_is_ignored(client, sent, post):
    OutboxMessage.objects.update(provider_message_id="other")
    stranger = OutboxMessage(pk=uuid.uuid4())
    assert post(client, stranger).status_code == 200
    assert not DeliveryEvent.objects.exists()


def test_a_mailgun_signature_can_not_be_used_for_another_report(client, sent):
    post_mailgun(client, sent)
    assert post_mailgun(client, sent, "failed", severity="permanent").status_code == 200
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.DELIVERED
    assert DeliveryEvent.objects.count() == 1


def test_a_bounce_and_a_rejection_say_why(client, sent):
    post_postmark(client, sent, "Bounce", Type="HardBounce", ID=4, Details="550 no such mailbox")
    sent.refresh_from_db()
    assert (sent.state, sent.last_error) == (OutboxMessage.State.BOUNCED, "550 no such mailbox")


def test_a_late_delivery_report_does_not_take_a_bounce_back(client, sent):
    post_postmark(client, sent, "Bounce", Type="HardBounce", ID=4, Details="550 no such mailbox")
    post_postmark(client, sent)
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.BOUNCED
    assert DeliveryEvent.objects.count() == 2


def test_a_temporary_failure_is_noted_and_changes_nothing(client, sent):
    post_mailgun(client, sent, "failed", severity="temporary")
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.SENT
    assert DeliveryEvent.objects.get().kind == "deferred"


def test_a_delivery_that_we_had_given_up_ends_the_retries(client, sent):
    OutboxMessage.objects.update(state="queued", attempts=3)
    post_postmark(client, sent)
    sent.refresh_from_db()
    assert sent.state == OutboxMessage.State.DELIVERED
    assert tasks.send_due_mail() == 0


def test_a_provider_that_is_not_set_up_is_not_found(client, settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    assert client.post(reverse("anymail:mailgun_tracking_webhook"), {}, "application/json", **BASIC).status_code == 404


@pytest.mark.parametrize("body", ["", "[]", "null", "7", '"x"', "{", '{"RecordType": {}}', '{"RecordType": "Bounce"}'])
@pytest.mark.parametrize("name", ["postmark", "mailgun", "resend", "postal", "amazon_ses", "brevo", "sparkpost"])
def test_nonsense_is_a_bad_request_and_no_error(client, sent, name, body):
    answer = client.post(reverse(f"anymail:{name}_tracking_webhook"), body, "application/json", **BASIC)
    assert answer.status_code in (200, 400), answer.content
    assert not DeliveryEvent.objects.exists()


def test_only_delivery_reports_are_taken_in():
    from portal.views.mail import provider_routes

    names = [route.name for route in provider_routes()]
    assert len(names) > 8
    assert not [name for name in names if "inbound" in name]
