"""Story 9: an end is exact, with or without a job; what a provider reports stands beside the invitation."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest

from tests.browser.stack import WEBHOOK_LOGIN
from tests.browser.steps import send
from tests.launched import ROOT, wait_for


@pytest.fixture
def invitation(somebody, mailbox):
    """(its page, its personal link, its id) of an invitation that the portal sent."""
    agent = somebody("sales-agent@fabrikam.example")
    link = send(agent, mailbox, customer="Lucerne Publishing", address="office@lucerne.example")
    return agent.path, link, agent.path.rsplit("/", 1)[1]


def state(stack, key: str) -> str:
    """What the row says, whatever the time."""
    return str(stack.rows("SELECT state FROM relationships_invitation WHERE id = %s", key)[0][0])


def let_time_pass(stack, key: str, remaining: str = "0") -> None:
    """As if it had been opened so long ago that only this is left; nobody but the owner of the database can do that."""
    stack.rows("ALTER TABLE relationships_invitation DISABLE TRIGGER USER")
    stack.rows(
        "UPDATE relationships_invitation SET expires_at = expires_at - passed, opened_at = opened_at - passed, "
        "sent_at = sent_at - passed FROM (SELECT id AS key, expires_at - now() - %s::interval AS passed "
        "FROM relationships_invitation) AS time WHERE id = key AND id = %s",
        remaining,
        key,
    )
    stack.rows("ALTER TABLE relationships_invitation ENABLE TRIGGER USER")


def test_invitation_past_its_end_is_expired_without_any_job_and_then_with_it(somebody, stack, invitation) -> None:
    page, link, key = invitation
    worker = stack.child("celery", "worker")
    processes = [worker, *worker.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        let_time_pass(stack, key)
        agent = somebody("sales-agent@fabrikam.example")
        agent.open(page)
        agent.sees("Expired")
        assert not agent.offered("Resend")
        agent.open("/p/fabrikam/invitations?q=lucerne&state=expired")
        agent.sees("Lucerne Publishing")
        customer = somebody("global-admin@northwind.example")
        customer.open(link)
        assert customer.status == 410
        customer.is_at("This request has expired")
        assert state(stack, key) == "open", "no job has run"
    finally:
        for process in processes:
            process.resume()
    wait_for(lambda: state(stack, key) == "expired", 90, stack.text)


def test_reminder_comes_a_day_before_the_end_with_the_same_link(stack, mailbox, invitation) -> None:
    _page, link, key = invitation
    before = mailbox.newest()
    let_time_pass(stack, key, remaining="20 hours")
    remind = ["-m", "celery", "-A", "portal", "call", "relationships.tasks.remind_invitations"]
    subprocess.run([sys.executable, *remind], cwd=ROOT, env=stack.environment, check=True, capture_output=True)
    mail = mailbox.wait("office@lucerne.example", after=before)
    assert mail.link("/i/") == link


@pytest.mark.parametrize("kind", ["bounced", "rejected"])
def test_provider_reports_stand_beside_the_invitation(somebody, stack, invitation, kind) -> None:
    page, _link, key = invitation
    message = stack.rows("SELECT id FROM portal_outboxmessage WHERE about_id = %s AND kind = 'invitation'", key)[0][0]
    report = {
        "RecordType": "Bounce",
        "Type": "HardBounce" if kind == "bounced" else "Blocked",
        "TypeCode": 1,
        "ID": 4711 if kind == "bounced" else 4712,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message",
        "Details": "smtp; 550 5.1.1 no such mailbox",
        "Email": "office@lucerne.example",
        "BouncedAt": "2026-11-21T10:00:00Z",
        "Metadata": {"outbox": str(message)},
    }
    provider = somebody().context.request

    def tell(name: str, password: str) -> int:
        login = base64.b64encode(f"{name}:{password}".encode()).decode()
        address = f"{stack.url}/webhooks/postmark/tracking/"
        return int(provider.post(address, data=report, headers={"Authorization": f"Basic {login}"}).status)

    assert tell("someone", "else") == 400
    agent = somebody("sales-agent@fabrikam.example")
    agent.open(page)
    agent.doesnt_see("no such mailbox")
    assert tell(*WEBHOOK_LOGIN) == 200
    agent.open(page)
    agent.sees("Bounced" if kind == "bounced" else "Rejected", "550 5.1.1 no such mailbox")
