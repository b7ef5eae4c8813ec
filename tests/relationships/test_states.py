"""Every state × every event, by the services and by raw SQL (DOMAIN §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from portal import clock
from portal.errors import Refused
from relationships import services, states, texts
from relationships.models import DeviceConsent, Invitation, InvitationAnswer, Relationship
from tests.cast import Cast
from tests.relationships.asking import accept, decline, draft, opened

State = Invitation.State
PAST = "past"  # open in the row, past its date


def in_state(cast: Cast, state: str) -> Invitation:
    """An invitation that came into this state by the services."""
    if state == State.DRAFT:
        return draft(cast)
    invitation = opened(cast, days=1)
    later = clock.now() + timedelta(days=1)
    if state == State.ACCEPTED:
        accept(invitation, cast["global-admin"])
    elif state == State.DECLINED:
        decline(invitation, cast["global-admin"])
    elif state == State.CANCELLED:
        services.cancel_invitation(invitation=invitation, actor=cast["admin-agent"])
    elif state in (State.EXPIRED, PAST):
        clock._fixed.set(later)
        if state == State.EXPIRED:
            assert services.expire_due() == 1
    invitation.refresh_from_db()
    return invitation


@pytest.fixture(autouse=True)
def _clock() -> Any:
    """Tests may move the clock on for good; it is put back after each."""
    with clock.fixed(clock.now()):
        yield


EVENTS: dict[str, Callable[[Invitation, Cast], Any]] = {
    "edit": lambda row, cast: services.edit_draft(
        invitation=row, actor=cast["admin-agent"], body=f"Look: {texts.personal_link(row)}"
    ),
    "open": lambda row, cast: services.open_invitation(invitation=row, actor=cast["admin-agent"]),
    "send": lambda row, cast: services.send_invitation(invitation=row, actor=cast["admin-agent"]),
    "resend": lambda row, cast: services.resend_invitation(invitation=row, actor=cast["admin-agent"]),
    "replace": lambda row, cast: services.replace_link(invitation=row, actor=cast["admin-agent"]),
    "cancel": lambda row, cast: services.cancel_invitation(invitation=row, actor=cast["admin-agent"]),
    "accept": lambda row, cast: accept(row, cast["global-admin"]),
    "decline": lambda row, cast: decline(row, cast["global-admin"]),
    "forward": lambda row, cast: services.forward_invitation(
        invitation=row, actor=cast["user"], version=row.link_version, to=cast["billing-admin"]
    ),
    "expire": lambda row, cast: services.expire_due(),
}
#: What each event leads to in each state; what isn't here is refused and changes nothing.
LEGAL = {
    (State.DRAFT, "edit"): State.DRAFT,
    (State.DRAFT, "open"): State.OPEN,
    (State.DRAFT, "send"): State.OPEN,
    (State.DRAFT, "replace"): State.DRAFT,
    (State.DRAFT, "cancel"): State.CANCELLED,
    (State.DRAFT, "expire"): State.DRAFT,
    (State.OPEN, "open"): State.OPEN,
    (State.OPEN, "send"): State.OPEN,
    (State.OPEN, "resend"): State.OPEN,
    (State.OPEN, "replace"): State.OPEN,
    (State.OPEN, "cancel"): State.CANCELLED,
    (State.OPEN, "accept"): State.ACCEPTED,
    (State.OPEN, "decline"): State.DECLINED,
    (State.OPEN, "forward"): State.OPEN,
    (State.OPEN, "expire"): State.OPEN,
    (PAST, "expire"): State.EXPIRED,
    (State.CANCELLED, "cancel"): State.CANCELLED,
    (State.ACCEPTED, "expire"): State.ACCEPTED,
    (State.DECLINED, "expire"): State.DECLINED,
    (State.CANCELLED, "expire"): State.CANCELLED,
    (State.EXPIRED, "expire"): State.EXPIRED,
}


@contextmanager
def undone() -> Iterator[None]:
    """Everything inside is undone, so that one invitation serves many tries."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("state", [*State.values, PAST])
def test_every_event_in_every_state(cast: Cast, state: str) -> None:
    invitation = in_state(cast, state)
    before = Invitation.objects.filter(pk=invitation.pk).values().get()
    answers = InvitationAnswer.objects.count()
    for event, act in EVENTS.items():
        with undone():
            row = Invitation.objects.select_related("partner").get(pk=invitation.pk)
            if (state, event) in LEGAL:
                act(row, cast)
                assert Invitation.objects.get(pk=row.pk).state == LEGAL[(state, event)], event
                continue
            with pytest.raises(Refused):
                act(row, cast)
            assert Invitation.objects.filter(pk=row.pk).values().get() == before, event
            assert InvitationAnswer.objects.count() == answers, event


def run(statement: str, values: list[Any]) -> int:
    """Raw SQL with the run-time login; how many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


@pytest.mark.parametrize("old", State.values)
def test_the_database_itself_refuses_every_other_move(cast: Cast, old: str) -> None:
    invitation = in_state(cast, old)
    # A draft has no dates: opening sets them in the same statement, as the service does.
    statement = """UPDATE relationships_invitation SET state = %s, opened_at = coalesce(opened_at, now()),
        expires_at = coalesce(expires_at, now()) WHERE id = %s"""
    for new in State.values:
        with undone():
            if new == old or new in states.INVITATION[old]:
                assert run(statement, [new, invitation.pk]) == 1, new
                continue
            with pytest.raises(DatabaseError, match="illegal move"):
                run(statement, [new, invitation.pk])


CHANGES = (
    "subject = 'x'",
    "body = 'x'",
    "with_dap = NOT with_dap",
    "with_device_consent = NOT with_device_consent",
    "days = days + 1",
    "language = 'de'",
    "customer_address = 'x@y.example'",
    "limited_to_domain = 'y.example'",
    "opened_at = now()",
    "expires_at = now()",
)


def test_the_database_itself_freezes_an_open_invitation(cast: Cast) -> None:
    frozen, drafted = opened(cast), draft(cast)
    for change in CHANGES:
        statement = f"UPDATE relationships_invitation SET {change} WHERE id = %s"  # noqa: S608 - our own words
        with pytest.raises(DatabaseError, match="frozen"):
            run(statement, [frozen.pk])
        with undone():
            assert run(statement, [drafted.pk]) == 1


def test_the_database_itself_keeps_answers_and_history(cast: Cast) -> None:
    invitation = in_state(cast, State.ACCEPTED)
    for table in ("invitation", "invitationanswer", "relationship", "deviceconsent"):
        with pytest.raises(DatabaseError, match="delete"):
            run(f"DELETE FROM relationships_{table} WHERE true OR %s", [True])  # noqa: S608 - our own words
    with pytest.raises(DatabaseError, match="update"):
        run("UPDATE relationships_invitationanswer SET is_accepted = false WHERE invitation_id = %s", [invitation.pk])
    services.end_relationship(relationship=Relationship.objects.get(), actor=cast["admin-agent"])
    with pytest.raises(DatabaseError, match="update"):
        run("UPDATE relationships_relationship SET ended_at = NULL WHERE invitation_id = %s", [invitation.pk])


def test_device_consent_moves_forward_only(cast: Cast) -> None:
    accept(opened(cast), cast["billing-admin"])
    statement = "UPDATE relationships_deviceconsent SET state = %s WHERE customer_id = %s"
    for old, ahead in states.DEVICE_CONSENT.items():
        for new in DeviceConsent.State.values:
            with undone():
                run(statement, [old, cast.contoso.pk])
                if new == old or new in ahead:
                    assert run(statement, [new, cast.contoso.pk]) == 1, (old, new)
                    continue
                with pytest.raises(DatabaseError, match="illegal move"):
                    run(statement, [new, cast.contoso.pk])


def test_a_named_invitation_is_used_once_and_uses_stay_below_the_most(cast: Cast) -> None:
    invitation = opened(cast)
    with pytest.raises(DatabaseError, match="invitation_uses"):
        run("UPDATE relationships_invitation SET uses = 2 WHERE id = %s", [invitation.pk])
