"""Two real connections at once on one GDAP request or relationship (DOMAIN §6, docs/gdap.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from delegation import services, verification
from delegation.models import GdapRelationship, GdapReminder
from portal import audit, clock
from portal.errors import Conflict
from portal.models import AuditEntry, OutboxMessage, Pair
from relationships.models import Relationship
from tests.conftest import Cast, build_cast
from tests.delegation import reselling
from tests.delegation.granting import HELPDESK, READER, active, assign, draft, group, ids, pending
from tests.races.test_invitations import at_once, refusals

pytestmark = pytest.mark.races

ROUNDS = 8
OUTCOMES = ("gdap.approved", "gdap.withdrawn", "gdap.declined", "gdap.lapsed")


@pytest.fixture
def stage(transactional_db: None) -> Cast:
    """A committed cast, which several connections see."""
    return build_cast()


def approval(cast: Cast, row: GdapRelationship, who: str = "global-admin") -> Callable[[], Any]:
    """Approve by the link."""
    return lambda: services.approve_request(relationship=row, actor=cast[who], version=1)


def settled(cast: Cast, row: GdapRelationship) -> GdapRelationship:
    """One outcome, all of it: the row, its audit rows, the type and the paths agree."""
    found = GdapRelationship.objects.get(pk=row.pk)
    outcomes = AuditEntry.objects.filter(tenant=cast.fabrikam, target_id=str(row.pk), action__in=OUTCOMES)
    assert outcomes.count() == 1
    in_force = GdapRelationship.objects.in_force(clock.now()).exists()
    assert Relationship.objects.filter(partner_type="gdap", ended_at__isnull=True).exists() == in_force
    assert Pair.objects.filter(started_at__isnull=False, ended_at__isnull=True).exists() == in_force
    assert verification.differences() == []
    for tenant in (cast.fabrikam, cast.contoso):
        assert audit.verify(tenant.pk) is None
    return found


def close(cast: Cast) -> None:
    """End what a round left in force."""
    for row in GdapRelationship.objects.in_force(clock.now()):
        services.terminate(relationship=row, actor=cast["admin-agent"])


RIVALS: dict[str, Callable[[Cast, GdapRelationship], Any]] = {
    "withdraw": lambda cast, row: services.withdraw_request(relationship=row, actor=cast["admin-agent"]),
    "decline": lambda cast, row: services.decline_request(relationship=row, actor=cast["delegation-admin"], version=1),
    "approve": lambda cast, row: services.approve_request(relationship=row, actor=cast["delegation-admin"], version=1),
    "another customer": lambda cast, row: services.approve_request(
        relationship=row, actor=cast["stranger-customer"], version=1
    ),
}


@pytest.mark.parametrize("rival", RIVALS)
def test_an_approval_and_its_rival_give_one_outcome(stage: Cast, rival: str) -> None:
    for turn in range(ROUNDS):
        row = pending(stage)
        assign(stage, row, group(stage.fabrikam))
        calls = [approval(stage, row), lambda row=row: RIVALS[rival](stage, row)]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        assert len(refusals(found)) == 1
        found = settled(stage, row)
        assert found.status in ("active", "terminated")
        close(stage)


def test_an_approval_and_the_lapse_give_one_outcome(stage: Cast) -> None:
    for _round in range(ROUNDS):
        row = pending(stage)
        before, after = row.lapses_at.replace(microsecond=0), row.lapses_at

        def approve(row: GdapRelationship = row, at: Any = before) -> Any:
            with clock.fixed(at):
                return approval(stage, row)()

        def lapse(at: Any = after) -> int:
            with clock.fixed(at):
                return services.lapse_gdap()

        found = at_once(approve, lapse)
        with clock.fixed(before):
            status = settled(stage, row).status
            assert status == ("terminated" if refusals(found) else "active")
            close(stage)


def test_removing_against_extending_leaves_nothing_in_force(stage: Cast) -> None:
    for _round in range(ROUNDS):
        row = active(stage)
        assign(stage, row, group(stage.fabrikam))
        at_once(
            lambda row=row: services.remove_by_customer(relationship=row, actor=stage["global-admin"]),
            lambda row=row: services.set_auto_extend(relationship=row, is_on=True, actor=stage["partner-admin"]),
        )
        found = settled(stage, row)
        assert (found.status, found.end_reason) == ("terminated", "removed_by_customer")


def test_removing_against_assigning_leaves_no_path(stage: Cast) -> None:
    for _round in range(ROUNDS):
        row = active(stage)
        at_once(
            lambda row=row: services.terminate(relationship=row, actor=stage["partner-admin"]),
            lambda row=row: assign(stage, row, group(stage.fabrikam)),
        )
        assert settled(stage, row).status == "terminated"


def test_of_two_edits_one_conflicts(stage: Cast) -> None:
    row = active(stage)
    made = assign(stage, row, group(stage.fabrikam))
    for turn in range(ROUNDS):
        made.refresh_from_db()
        chosen = (ids(READER, HELPDESK), ids(HELPDESK)) if turn % 2 else (ids(READER), ids(READER, HELPDESK))
        before = made.version
        found = at_once(
            *(
                lambda roles=roles: services.edit_assignment(
                    assignment=made, role_ids=roles, version=made.version, actor=stage["admin-agent"]
                )
                for roles in chosen
            )
        )
        made.refresh_from_db()
        assert made.version - before + len(refusals(found)) >= 1
        assert all(isinstance(one, Conflict) for one in refusals(found))
        assert made.version <= before + 1
        assert verification.differences() == []
    waiting = draft(stage)
    found = at_once(
        *(
            lambda days=days: services.edit_request(
                relationship=waiting, actor=stage["admin-agent"], version=1, duration_days=days
            )
            for days in (5, 6)
        )
    )
    (loser,) = refusals(found)
    assert isinstance(loser, Conflict)


def test_reminders_on_several_machines_go_out_once(stage: Cast) -> None:
    rows = [active(stage, duration_days=50) for _number in range(12)]

    def remind() -> int:
        with clock.fixed(rows[0].ends_at - timedelta(hours=5)):
            return services.remind_gdap(batch=3)

    assert sum(at_once(remind, remind, remind)) == len(rows)
    assert list(GdapReminder.objects.values_list("days", flat=True)) == [1] * len(rows)
    told = OutboxMessage.objects.filter(kind="gdap_ending", to_user=stage["admin-agent"])
    assert sum(message.context["values"]["count"] for message in told) == len(rows)


@pytest.mark.parametrize("rival", ["reject", "withdraw", "approve"])
def test_a_resellers_approval_and_its_rival_give_one_outcome(stage: Cast, rival: str) -> None:
    reselling.channel(stage)
    ours, provider = stage["admin-agent"], stage["stranger-partner"]
    rivals: dict[str, Callable[[GdapRelationship], Any]] = {
        "reject": lambda row: services.reject_for_customer(relationship=row, actor=ours),
        "withdraw": lambda row: services.withdraw_request(relationship=row, actor=provider),
        "approve": lambda row: services.approve_for_customer(relationship=row, actor=ours),
    }
    for turn in range(ROUNDS):
        row = reselling.asked(stage)
        calls = [
            lambda row=row: services.approve_for_customer(relationship=row, actor=ours),
            lambda row=row: rivals[rival](row),
        ]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        row.refresh_from_db()
        acts = ("gdap.reseller_approved", "gdap.reseller_rejected", "gdap.withdrawn")
        audited = AuditEntry.objects.filter(tenant=stage.litware, target_id=str(row.pk), action__in=acts).count()
        both = rival == "withdraw" and row.reseller_answer == "approved"  # approved, then withdrawn
        assert (audited, len(refusals(found))) == ((2, 0) if both else (1, 0 if rival == "approve" else 1))
        assert (row.status == "terminated") is (rival == "withdraw" or row.reseller_answer == "rejected")
