"""What the database itself refuses about GDAP, by raw SQL with the run-time login (DOMAIN §6, docs/gdap.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from delegation import states
from delegation.models import GdapAssignment, GdapRelationship, GdapRole
from portal import clock
from portal.models import SecurityGroup
from tests import factories
from tests.conftest import Cast

Status = GdapRelationship.Status
READER, HELPDESK, GLOBAL = "Directory Readers", "Helpdesk Administrator", "Global Administrator"
#: How a row gets into each status.
WAYS = {
    "created": (),
    "approvalPending": ("approvalPending",),
    "approved": ("approvalPending", "approved"),
    "activating": ("approvalPending", "approved", "activating"),
    "active": ("approvalPending", "approved", "activating", "active"),
}
WAYS["expiring"] = (*WAYS["active"], "expiring")
WAYS["expired"] = (*WAYS["expiring"], "expired")
WAYS["terminationRequested"] = (*WAYS["active"], "terminationRequested")
WAYS["terminating"] = (*WAYS["terminationRequested"], "terminating")
WAYS["terminated"] = (*WAYS["terminating"], "terminated")


def run(statement: str, *values: Any) -> int:
    """Raw SQL, its deferred rules asked at once; how many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        count = cursor.rowcount
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return count


@contextmanager
def undone() -> Iterator[None]:
    """Everything inside is undone."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def refused(match: str) -> Iterator[None]:
    """The database refuses, and nothing of it stays."""
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        yield


_MOVE = """
UPDATE delegation_gdaprelationship SET status = %(status)s,
    locked_at = coalesce(locked_at, %(now)s), locked_by_id = coalesce(locked_by_id, created_by_id),
    lapses_at = coalesce(lapses_at, %(now)s + interval '90 days'),
    customer_id = coalesce(customer_id, %(customer)s), pair_id = coalesce(pair_id, %(pair)s),
    granted_days = coalesce(granted_days, duration_days), approved_at = coalesce(approved_at, %(now)s),
    approved_by_id = coalesce(approved_by_id, %(by)s), activated_at = coalesce(activated_at, %(now)s),
    ends_at = coalesce(ends_at, %(now)s + interval '30 days'),
    ended_at = CASE WHEN %(status)s IN ('expired', 'terminated') THEN %(now)s END,
    end_reason = CASE WHEN %(status)s = 'terminated' THEN 'ended_by_partner' ELSE '' END
WHERE id = %(id)s
"""


def move(cast: Cast, row: GdapRelationship, status: str) -> int:
    """Set the status, with everything that the statuses ahead need."""
    values = {
        "status": status,
        "now": clock.now(),
        "customer": cast.contoso.pk,
        "pair": cast.pair.pk,
        "by": cast["global-admin"].pk,
        "id": row.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        return cursor.rowcount


def draft(cast: Cast, name: str = "Support", *roles: str, **fields: Any) -> GdapRelationship:
    """A draft with two roles that could be granted."""
    row = GdapRelationship.objects.create(
        partner=cast.fabrikam,
        display_name=name,
        name_key=name.casefold(),
        duration_days=30,
        created_at=clock.now(),
        created_by=cast["admin-agent"],
        **fields,
    )
    for role in roles or (READER, HELPDESK):
        GdapRole.objects.create(relationship=row, role_id=factories.role(role))
    return row


def in_status(cast: Cast, status: str) -> GdapRelationship:
    """A row in this status, by legal moves only; nothing is in between when the test's transaction is looked at."""
    row = draft(cast)
    for step in WAYS[status]:
        assert move(cast, row, step) == 1
        if step == "approved":
            GdapRole.objects.filter(relationship=row).update(is_granted=True)
    row.refresh_from_db()
    return row


@pytest.fixture
def paired(cast: Cast) -> Cast:
    cast.pair = factories.pair(cast.fabrikam, cast.contoso)
    return cast


def test_the_table_of_moves_names_every_status() -> None:
    assert set(states.GDAP) == set(Status.values) == {new for way in WAYS.values() for new in way} | {"created"}
    assert {status for status, ahead in states.GDAP.items() if not ahead} == set(states.FINAL)


@pytest.mark.parametrize("old", Status.values)
def test_every_move_but_the_legal_ones_is_refused(paired: Cast, old: str) -> None:
    with undone():
        row = in_status(paired, old)
        for new in Status.values:
            with undone():
                if new in states.GDAP[old] or (new == old and old not in states.FINAL):
                    assert move(paired, row, new) == 1, new
                else:
                    with refused("illegal move|Cannot update"):
                        move(paired, row, new)


@pytest.mark.parametrize("status", Status.values)
def test_no_transaction_leaves_a_row_in_between(paired: Cast, status: str) -> None:
    with undone():
        row = in_status(paired, status)
        if status in states.IN_BETWEEN:
            with refused("in between"):
                run("SELECT 1")
        else:
            assert run("SELECT 1") == 1
            assert GdapRelationship.objects.get(pk=row.pk).status == status


@pytest.mark.parametrize("status", Status.values)
def test_only_a_draft_can_be_deleted(paired: Cast, status: str) -> None:
    with undone():
        row = in_status(paired, status)
        with transaction.atomic():
            if status == "created":
                assert run("DELETE FROM delegation_gdaprole WHERE relationship_id = %s", row.pk) == 2
                assert run("DELETE FROM delegation_gdaprelationship WHERE id = %s", row.pk) == 1
                return
        with refused("frozen"):
            run("DELETE FROM delegation_gdaprole WHERE relationship_id = %s", row.pk)
        with refused("Cannot delete"):
            run("DELETE FROM delegation_gdaprelationship WHERE id = %s", row.pk)


def test_a_row_starts_as_a_draft(paired: Cast) -> None:
    for status in Status.values[1:]:
        with refused("starts as created"):
            draft(paired, status=status)


CHANGES = (
    "display_name = 'x'",
    "name_key = 'x'",
    "duration_days = 1",
    "customer_name = 'x'",
    "customer_address = 'x@y.example'",
    "limited_to_domain = 'y.example'",
    "language = 'de'",
    "subject = 'x'",
    "body = 'x'",
    "created_at = created_at - interval '1 day'",
)


def test_a_locked_request_is_frozen(paired: Cast) -> None:
    row, free = in_status(paired, "approvalPending"), draft(paired, "Other")
    for change in CHANGES:
        statement = f"UPDATE delegation_gdaprelationship SET {change} WHERE id = %s"  # noqa: S608 - our own words
        with undone():
            assert run(statement, free.pk) == 1, change
        with refused("frozen"):
            run(statement, row.pk)
    for change in ("locked_at = now()", "lapses_at = now()", "auto_extend = true", "customer_id = NULL"):
        with refused("frozen"):
            run(f"UPDATE delegation_gdaprelationship SET {change} WHERE id = %s", row.pk)  # noqa: S608 - our words
    with refused("frozen"):
        GdapRole.objects.create(relationship=row, role_id=factories.role("Global Reader"))


@pytest.mark.parametrize("days", [-1, 0, 731, 40_000])
def test_a_duration_is_1_to_730_days(paired: Cast, days: int) -> None:
    with refused("gdap_duration|duration_days|out of range"):
        run("UPDATE delegation_gdaprelationship SET duration_days = %s WHERE id = %s", days, draft(paired).pk)


def test_granted_stays_within_requested(paired: Cast) -> None:
    row = in_status(paired, "approvalPending")
    with refused("gdap_granted_within_requested"):
        run("UPDATE delegation_gdaprelationship SET granted_days = 31 WHERE id = %s", draft(paired, "Other").pk)
    with refused("granted once"):
        run("UPDATE delegation_gdaprole SET is_granted = true WHERE relationship_id = %s", row.pk)
    active = in_active(paired, "Second")
    for change in ("is_granted = false", "is_granted = NULL", "role_id = 'x'", "reason = 'x'"):
        with refused("granted once"):
            run(f"UPDATE delegation_gdaprole SET {change} WHERE relationship_id = %s", active.pk)  # noqa: S608 - ours
    statement = "UPDATE delegation_gdaprole SET removed_at = now() WHERE relationship_id = %s AND role_id = %s"
    assert run(statement, active.pk, factories.role(READER)) == 1
    with refused("granted once"):
        run("UPDATE delegation_gdaprole SET removed_at = NULL WHERE relationship_id = %s", active.pk)


def in_active(cast: Cast, name: str, *roles: str) -> GdapRelationship:
    """An active one with this name."""
    row = draft(cast, name, *roles)
    for step in WAYS["active"]:
        move(cast, row, step)
        if step == "approved":
            GdapRole.objects.filter(relationship=row).update(is_granted=True)
    row.refresh_from_db()
    return row


def test_an_active_one_has_its_roles_decided_and_one_in_force(paired: Cast) -> None:
    for granted in (None, False):
        with undone():
            row = draft(paired, f"With {granted}")
            for step in WAYS["active"]:
                move(paired, row, step)
                if step == "approved" and granted is False:
                    GdapRole.objects.filter(relationship=row).update(is_granted=False)
            with refused("decided"):
                run("SELECT 1")


def test_a_name_is_taken_for_ever_and_by_one_partner_only(paired: Cast) -> None:
    in_status(paired, "terminated")
    with refused("gdap_name_once_per_partner"):
        draft(paired, "SUPPORT")
    with undone():
        paired.fabrikam = paired.litware
        assert draft(paired, "Support").pk


def test_full_control_never_extends_by_itself(paired: Cast) -> None:
    for name in (GLOBAL, "Privileged Role Administrator", "Privileged Authentication Administrator"):
        with refused("never extends"):
            draft(paired, name, name, auto_extend=True)
        row = in_active(paired, f"Active {name}", name, READER)
        with refused("never extends"):
            run("UPDATE delegation_gdaprelationship SET auto_extend = true WHERE id = %s", row.pk)
        statement = "UPDATE delegation_gdaprole SET removed_at = now() WHERE relationship_id = %s AND role_id = %s"
        assert run(statement, row.pk, factories.role(name)) == 1
        assert run("UPDATE delegation_gdaprelationship SET auto_extend = true WHERE id = %s", row.pk) == 1


# ── assignments ──


def group_of(home: Any, kind: str = "helpdesk_agents") -> SecurityGroup:
    return SecurityGroup.objects.get(tenant=home, kind=kind)


def assign(row: GdapRelationship, group: SecurityGroup, *roles: str, state: str = "active") -> GdapAssignment:
    """As a row, without the service."""
    return GdapAssignment.objects.create(
        relationship=row,
        group=group,
        group_name=group.name,
        role_ids=[factories.role(name) for name in roles],
        state=state,
        created_at=clock.now(),
        created_by=row.created_by,
    )


def test_an_assignment_stays_within_the_relationship(paired: Cast) -> None:
    row, waiting = in_active(paired, "Active"), in_status(paired, "approvalPending")
    group = group_of(paired.fabrikam)
    with refused("roles of the relationship"):
        assign(row, group, "Global Reader")
    with refused("roles of the relationship"):
        assign(waiting, group, READER)  # active before its relationship is
    for foreign in (group_of(paired.litware), group_of(paired.fabrikam, "everyone")):
        with refused("roles of the relationship"):
            assign(row, foreign, READER)
    with refused("gdap_assignment_has_roles"):
        assign(row, group)
    assert assign(waiting, group, READER, state="planned").pk
    made = assign(row, group, READER, HELPDESK)
    with refused("gdap_group_once"):
        assign(row, group, READER)
    with refused("still holds"):
        run("UPDATE delegation_gdaprole SET removed_at = now() WHERE relationship_id = %s", row.pk)
    with refused("roles of the relationship"):
        run("UPDATE delegation_gdapassignment SET role_ids = '{x}' WHERE id = %s", made.pk)
    with refused("kept"):
        run("DELETE FROM delegation_gdapassignment WHERE id = %s", made.pk)
    assert run("UPDATE delegation_gdapassignment SET state = 'deleted', deleted_at = now() WHERE id = %s", made.pk) == 1
    assert assign(row, group, READER).pk


@pytest.mark.parametrize("old", states.ASSIGNMENT)
def test_assignments_move_forward_only(paired: Cast, old: str) -> None:
    row = in_active(paired, "Active")
    made = assign(row, group_of(paired.fabrikam), READER, state="planned" if old == "planned" else "active")
    dates = "deleted_at = CASE WHEN %s = 'deleted' THEN now() END"
    statement = f"UPDATE delegation_gdapassignment SET state = %s, {dates} WHERE id = %s"  # noqa: S608 - our own words
    if old == "deleted":
        run(statement, old, old, made.pk)
    for new in states.ASSIGNMENT:
        with undone():
            if new in states.ASSIGNMENT[old] or (new == old and old != "deleted"):
                assert run(statement, new, new, made.pk) == 1
            else:
                with refused("illegal move|Cannot update"):
                    run(statement, new, new, made.pk)


# ── counter-offers ──

_OFFER = """
INSERT INTO delegation_gdapcounteroffer (id, relationship_id, customer_id, role_ids, duration_days,
    is_extension_forbidden, reason, state, made_at, made_by_id)
VALUES (gen_random_uuid(), %s, %s, %s, %s, false, '', 'open', now(), %s)
"""


def test_a_counter_offer_stays_within_the_request(paired: Cast) -> None:
    row, over = in_status(paired, "approvalPending"), in_active(paired, "Active")
    reader, by = [factories.role(READER)], paired["global-admin"].pk
    for where, roles, days in (
        (row, [factories.role("Global Reader")], 30),
        (row, reader, 31),
        (row, reader, 0),
        (over, reader, 30),
    ):
        with refused("counter-offer"):
            run(_OFFER, where.pk, paired.contoso.pk, roles, days, by)
    with refused("gdap_counter_offer_has_roles"):
        run(_OFFER, row.pk, paired.contoso.pk, [], 30, by)
    assert run(_OFFER, row.pk, paired.contoso.pk, reader, 29, by) == 1
    with refused("gdap_one_open_counter_offer"):
        run(_OFFER, row.pk, paired.contoso.pk, reader, 29, by)
    with refused("never changed"):
        run("UPDATE delegation_gdapcounteroffer SET duration_days = 30")
    with refused("Cannot delete"):
        run("DELETE FROM delegation_gdapcounteroffer")
    for old, ahead in states.COUNTER_OFFER.items():
        for new in states.COUNTER_OFFER:
            with undone():
                run("UPDATE delegation_gdapcounteroffer SET state = %s", old)
                if new == old or new in ahead:
                    assert run("UPDATE delegation_gdapcounteroffer SET state = %s", new) == 1
                else:
                    with refused("illegal move"):
                        run("UPDATE delegation_gdapcounteroffer SET state = %s", new)


# ── time is part of the read ──


def test_the_end_is_computed_on_read(paired: Cast) -> None:
    row = in_active(paired, "Active")
    end = row.ends_at
    for extends, at, expected in (
        (False, end, end),
        (True, end - timedelta(microseconds=1), end),
        (True, end, end + timedelta(days=180)),
        (True, end + timedelta(days=180), end + timedelta(days=360)),
        (True, end + timedelta(days=359), end + timedelta(days=360)),
    ):
        row.auto_extend = extends
        assert row.end_at(at) == expected
    row.auto_extend = False
    for at, expected in ((end - timedelta(microseconds=1), "active"), (end, "expired")):
        with clock.fixed(at):
            assert row.status_now == expected
            assert GdapRelationship.objects.in_force(at).filter(pk=row.pk).exists() == (expected == "active")
            assert GdapRelationship.objects.due(at).filter(pk=row.pk).exists() == (expected == "expired")
    waiting = in_status(paired, "approvalPending")
    for at, expected in ((waiting.lapses_at - timedelta(microseconds=1), ""), (waiting.lapses_at, "lapsed")):
        with clock.fixed(at):
            assert waiting.end_reason_now == expected
            assert waiting.status_now == ("terminated" if expected else "approvalPending")
            assert GdapRelationship.objects.pending(at).filter(pk=waiting.pk).exists() == (not expected)
            assert GdapRelationship.objects.lapsed(at).filter(pk=waiting.pk).exists() == bool(expected)
