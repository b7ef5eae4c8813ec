"""Time: expiry at once for everybody, the sweep that records it, reminders (DOMAIN §3, §16)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal import audit, clock
from portal.models import AuditEntry, OutboxMessage, PartnerProfile
from relationships import services
from relationships.models import Invitation
from relationships.services import Closed, sweeps
from relationships.tasks import expire_invitations, remind_invitations
from tests.cast import Cast
from tests.relationships.asking import ADDRESS, accept, draft, opened

START = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def after(**span: float) -> Any:
    """Hold the clock so long after the start."""
    return clock.fixed(START + timedelta(**span))


@pytest.fixture
def sent(cast: Cast, settings: object) -> Invitation:
    """Sent by the portal at the start, for 30 days."""
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 10_000
    with after():
        return services.send_invitation(invitation=draft(cast, days=30), actor=cast["admin-agent"])


def test_it_is_expired_for_everybody_at_its_moment_without_any_job(cast: Cast, sent: Invitation) -> None:
    with after(days=30, seconds=-1):
        assert sent.state_now == "open"
    with after(days=30):
        assert (sent.state_now, Invitation.objects.get().state) == ("expired", "open")
        with pytest.raises(Closed) as closed:
            accept(sent, cast["global-admin"])
        assert closed.value.obstacle.kind == "expired"
        assert not Invitation.objects.open_at(clock.now()).exists()


def test_the_sweep_records_audits_and_tells_the_sender_once(cast: Cast, sent: Invitation) -> None:
    with after(days=30, seconds=-1):
        assert expire_invitations() == 0
    with after(days=31):
        assert [expire_invitations(), expire_invitations()] == [1, 0]
    row = Invitation.objects.get()
    assert (row.state, row.ended_at) == ("expired", START + timedelta(days=30))
    entry = AuditEntry.objects.get(action="invitation.expired")
    assert (entry.tenant, entry.target_id, entry.actor_id) == (cast.fabrikam, str(sent.pk), None)
    assert audit.verify(cast.fabrikam.pk) is None
    message = OutboxMessage.objects.get(kind="invitations_expired")
    assert message.to_user == cast["admin-agent"]
    assert message.context["values"]["count"] == 1


def test_batches_leave_nothing_and_take_nothing_twice(cast: Cast, sent: Invitation) -> None:
    with after():
        for _number in range(6):
            opened(cast, by="sales-agent", days=1)
    with after(days=2):
        assert services.expire_due(batch=2) == 6
        assert services.expire_due(batch=2) == 0
    assert AuditEntry.objects.filter(action="invitation.expired").count() == 6
    assert Invitation.objects.filter(state="open").get() == sent
    told = OutboxMessage.objects.filter(kind="invitations_expired", to_user=cast["sales-agent"])
    assert sum(message.context["values"]["count"] for message in told) == 6


def test_the_sweep_needs_the_same_statements_for_many_rows(cast: Cast, sent: Invitation) -> None:
    counts = []
    for number in (1, 30):
        with after():
            for _number in range(number):
                opened(cast, days=1)
        with (
            after(days=2),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            assert services.expire_due() == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_batch_that_fails_changes_nothing(cast: Cast, sent: Invitation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rows: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(sweeps, "_tell_senders", fail)
    with after(days=31), pytest.raises(RuntimeError):
        services.expire_due()
    assert Invitation.objects.get().state == "open"
    assert not AuditEntry.objects.filter(action="invitation.expired").exists()


def reminders() -> list[int]:
    rows = OutboxMessage.objects.filter(kind="invitation_reminder").order_by("created_at")
    return [row.context["values"]["days"] for row in rows]


def test_reminders_7_and_1_days_before_the_end_once_each(sent: Invitation) -> None:
    told = []
    for day in range(32):
        with after(days=day, hours=1):
            told += [day] * remind_invitations() + [day] * remind_invitations()
    assert told == [23, 29]
    assert reminders() == [7, 1]
    message = OutboxMessage.objects.filter(kind="invitation_reminder").first()
    assert (message.to_address, message.context["link"][3]) == (ADDRESS, 1)


def test_after_a_downtime_only_the_latest_reminder_is_sent(sent: Invitation) -> None:
    with after(days=29, hours=12):
        assert remind_invitations() == 1
        assert remind_invitations() == 0
    assert reminders() == [1]


def test_no_reminder_after_the_end(sent: Invitation) -> None:
    with after(days=30):
        assert remind_invitations() == 0


def test_no_reminder_for_what_the_portal_did_not_send(cast: Cast) -> None:
    with after():
        opened(cast)
    with after(days=29, hours=12):
        assert remind_invitations() == 0


@pytest.mark.parametrize(("days", "expected"), [(7, [1]), (8, [7, 1]), (1, [])])
def test_no_reminder_whose_moment_lay_before_the_first_mail(cast: Cast, days: int, expected: list[int]) -> None:
    with after():
        services.send_invitation(invitation=draft(cast, days=days), actor=cast["admin-agent"])
    for hour in range(0, 24 * days, 6):
        with after(hours=hour):
            remind_invitations()
    assert reminders() == expected


@pytest.mark.parametrize("event", ["cancel", "accept", "disable", "block"])
def test_no_reminder_for_what_can_not_be_accepted_any_more(cast: Cast, sent: Invitation, event: str) -> None:
    with after(days=1):
        if event == "cancel":
            services.cancel_invitation(invitation=sent, actor=cast["admin-agent"])
        elif event == "accept":
            accept(sent, cast["global-admin"])
        elif event == "disable":
            PartnerProfile.objects.filter(tenant=cast.fabrikam).update(disabled_at=clock.now())
        else:
            pair = accept(opened(cast), cast["global-admin"]).pair
            services.block_partner(pair=pair, actor=cast["global-admin"])
    with after(days=29, hours=12):
        assert remind_invitations() == 0
    assert reminders() == []
