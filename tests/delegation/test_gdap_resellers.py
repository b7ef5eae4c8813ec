"""A request of an indirect provider through a reseller: the reseller answers first, then the customer (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import Http404

from delegation import gdap_customer, gdap_offers, services
from delegation.models import GdapRelationship
from portal import clock
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, OutboxMessage, PartnerProfile, Tenant
from portal.services import groups
from relationships import services as relationship_services
from relationships.models import Relationship
from relationships.services import Closed
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import READER, ids, pending
from tests.delegation.reselling import asked, channel, passed_on, through

Row = GdapRelationship


@pytest.fixture
def sold(cast: Cast) -> Cast:
    """Litware is an indirect provider, Fabrikam the reseller of Contoso."""
    return channel(cast)


def in_chain(tenant: Tenant, row: Row) -> list[str]:
    """What a tenant's audit log has about it."""
    found = AuditEntry.objects.filter(tenant=tenant, target_id=str(row.pk)).order_by("seq")
    return list(found.values_list("action", flat=True))


def told(kind: str) -> set[str]:
    """Who got a mail."""
    return set(OutboxMessage.objects.filter(kind=kind).values_list("to_address", flat=True))


def test_the_customer_hears_of_it_once_the_reseller_has_approved(sold: Cast) -> None:
    row = asked(sold)
    assert (row.status, row.reseller_answer, row.status_label) == (
        "approvalPending",
        "pending",
        "Waits for the reseller",
    )
    assert told("gdap_reseller_asked") == {"admin-agent@fabrikam.example"}
    assert not gdap_customer.addressed_to(sold.contoso).exists()
    assert in_chain(sold.contoso, row) == []
    with pytest.raises(Closed) as closed:
        services.approve_request(relationship=row, actor=sold["global-admin"], version=1)
    assert closed.value.obstacle.kind == "reseller"
    with pytest.raises(Refused, match="Fabrikam Cloud decides first"):
        services.send_request(relationship=row, actor=sold["stranger-partner"])

    services.approve_for_customer(relationship=row, actor=sold["admin-agent"])
    assert told("gdap_reseller_answered") == {"admin-agent@litware.example"}
    assert gdap_customer.addressed_to(sold.contoso).get() == row
    row = services.send_request(relationship=row, actor=sold["stranger-partner"])
    offer = gdap_offers.offer(row, sold.contoso)
    assert (offer.partner_name, offer.reseller_name) == ("Litware Advisors", "Fabrikam Cloud")
    row = services.approve_request(relationship=row, actor=sold["global-admin"])
    assert (row.status, row.pair.partner) == ("active", sold.litware)
    assert in_chain(sold.contoso, row) == ["gdap.reseller_approved", "gdap.sent", "gdap.approved"]
    assert in_chain(sold.fabrikam, row) == ["gdap.locked", "gdap.reseller_approved", "gdap.sent"]


def test_a_rejection_ends_it_and_the_customer_never_hears_of_it(sold: Cast) -> None:
    row = asked(sold)
    row = services.reject_for_customer(relationship=row, actor=sold["admin-agent"], reason="We do this ourselves.")
    assert (row.status, row.end_reason, row.reseller_answer) == ("terminated", "declined", "rejected")
    assert (row.ended_by, row.end_note, row.status_label) == (
        sold["admin-agent"],
        "We do this ourselves.",
        "Rejected by the reseller",
    )
    assert told("gdap_reseller_answered") == {"admin-agent@litware.example"}
    assert not gdap_customer.addressed_to(sold.contoso).exists()
    assert in_chain(sold.contoso, row) == []
    assert in_chain(sold.fabrikam, row) == ["gdap.locked", "gdap.reseller_rejected"]


def test_what_nobody_answers_lapses_without_the_customer_hearing_of_it(sold: Cast) -> None:
    row = asked(sold)
    with clock.fixed(row.lapses_at):
        assert services.lapse_gdap() == 1
    assert in_chain(sold.contoso, row) == []
    assert in_chain(sold.fabrikam, row) == ["gdap.locked", "gdap.lapsed"]


# ── who may, when ──

Act = Callable[[Row, Any], Any]
EVENTS: dict[str, Act] = {
    "approve for": lambda row, who: services.approve_for_customer(relationship=row, actor=who),
    "reject for": lambda row, who: services.reject_for_customer(relationship=row, actor=who),
    "approve": lambda row, who: services.approve_request(relationship=row, actor=who, version=1),
    "decline": lambda row, who: services.decline_request(relationship=row, actor=who, version=1),
    "counter": lambda row, who: services.counter_offer(
        relationship=row, actor=who, role_ids=ids(READER), duration_days=10, version=1
    ),
    "withdraw": lambda row, who: services.withdraw_request(relationship=row, actor=who),
}
RESELLER, PROVIDER, CUSTOMER = {"admin-agent"}, {"stranger-partner"}, {"global-admin", "delegation-admin"}
PEOPLE = (
    "admin-agent", "sales-agent", "helpdesk-agent", "partner-admin", "stranger-partner", "stranger-partner-admin",
    "global-admin", "delegation-admin", "billing-admin", "stranger-customer",
)  # fmt: skip
#: (place, event) → who, status and the reseller's answer afterwards. What isn't here is refused.
LEGAL: dict[tuple[str, str], tuple[set[str], str, str]] = {
    ("asked", "approve for"): (RESELLER, "approvalPending", "approved"),
    ("asked", "reject for"): (RESELLER, "terminated", "rejected"),
    ("asked", "withdraw"): (PROVIDER, "terminated", "pending"),
    ("passed on", "approve for"): (RESELLER, "approvalPending", "approved"),
    ("passed on", "approve"): (CUSTOMER, "active", "approved"),
    ("passed on", "decline"): (CUSTOMER, "terminated", "approved"),
    ("passed on", "counter"): (CUSTOMER, "approvalPending", "approved"),
    ("passed on", "withdraw"): (PROVIDER, "terminated", "approved"),
    ("rejected", "reject for"): (RESELLER, "terminated", "rejected"),
    ("withdrawn", "withdraw"): (PROVIDER, "terminated", "pending"),
    ("active", "approve for"): (RESELLER, "active", "approved"),
}
PLACES: dict[str, Callable[[Cast], Row]] = {
    "draft": through,
    "asked": asked,
    "passed on": passed_on,
    "rejected": lambda cast: services.reject_for_customer(relationship=asked(cast), actor=cast["admin-agent"]),
    "withdrawn": lambda cast: services.withdraw_request(relationship=asked(cast), actor=cast["stranger-partner"]),
    "active": lambda cast: services.approve_request(relationship=passed_on(cast), actor=cast["global-admin"]),
}


@contextmanager
def undone() -> Iterator[None]:
    """Everything inside is undone, so that one relationship serves many tries."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def seen(row: Row) -> tuple[Any, int, int]:
    """What an event could change."""
    found = Row.objects.filter(pk=row.pk).values().get()
    return found, row.counter_offers.count(), AuditEntry.objects.count()


@pytest.mark.parametrize("place", PLACES)
def test_every_event_by_everybody(sold: Cast, place: str) -> None:
    row = PLACES[place](sold)
    before = seen(row)
    for event, act in EVENTS.items():
        may, status, answer = LEGAL.get((place, event), (set(), "", ""))
        for name in PEOPLE:
            with undone():
                if name in may:
                    act(Row.objects.get(pk=row.pk), sold[name])
                    after = Row.objects.get(pk=row.pk)
                    assert (after.status, after.reseller_answer) == (status, answer), (event, name)
                else:
                    with pytest.raises((Refused, PermissionDenied, Http404)), transaction.atomic():
                        act(Row.objects.get(pk=row.pk), sold[name])
                    assert seen(row) == before, (event, name)


def test_only_groups_that_work_for_the_customer_answer(sold: Cast) -> None:
    row = asked(sold)
    others = groups.create_group(tenant=sold.fabrikam, actor=sold["partner-admin"], name="Others")
    services.limit_groups(pair=sold.pair, groups=[others], actor=sold["partner-admin"])
    with pytest.raises(PermissionDenied):
        services.approve_for_customer(relationship=row, actor=sold["admin-agent"])


def test_a_request_without_a_reseller_has_nothing_to_approve(sold: Cast) -> None:
    row = pending(sold)
    with pytest.raises(Http404):
        services.approve_for_customer(relationship=row, actor=sold["admin-agent"])


# ── through whom ──


def test_only_an_indirect_provider_asks_and_only_through_the_customers_reseller(sold: Cast) -> None:
    wingtip, _admin = factories.partner("Wingtip IT", domain="wingtip.example", channel_role="indirect_reseller")
    for options in ({"reseller": wingtip}, {"customer": sold.woodgrove}, {"reseller": sold.litware}):
        with pytest.raises(Refused) as refused:
            through(sold, **options)
        assert refused.value.field == "reseller"
    PartnerProfile.objects.filter(tenant=sold.litware).update(channel_role="direct_bill")
    sold.litware = Tenant.objects.select_related("profile").get(pk=sold.litware.pk)
    with pytest.raises(Refused, match="Only indirect providers"):
        through(sold)


def test_a_relationship_that_ended_meanwhile_stops_it_at_every_step(sold: Cast) -> None:
    draft, waiting, open_to_answer = through(sold), asked(sold), passed_on(sold)
    relationship_services.end_relationship(relationship=Relationship.objects.get(), actor=sold["partner-admin"])
    with pytest.raises(Refused):
        services.lock_request(relationship=draft, actor=sold["stranger-partner"])
    with pytest.raises(Refused):
        services.approve_for_customer(relationship=waiting, actor=sold["admin-agent"])
    with pytest.raises(Closed):
        services.approve_request(relationship=open_to_answer, actor=sold["global-admin"])


def test_an_amendment_goes_through_the_same_reseller(sold: Cast) -> None:
    row = services.approve_request(relationship=passed_on(sold), actor=sold["global-admin"])
    draft = services.prepare_amendment(relationship=row, actor=sold["stranger-partner"])
    assert (draft.reseller, draft.reseller_answer) == (sold.fabrikam, "pending")
    services.lock_request(relationship=draft, actor=sold["stranger-partner"])
    with pytest.raises(Closed):
        services.approve_request(relationship=draft, actor=sold["global-admin"])
    services.approve_for_customer(relationship=draft, actor=sold["admin-agent"])
    services.approve_request(relationship=draft, actor=sold["global-admin"])
    row.refresh_from_db()
    assert row.end_reason == "replaced"


def test_a_draft_may_come_to_have_a_reseller_or_none(sold: Cast) -> None:
    row = through(sold)
    edit = {"relationship": row, "actor": sold["stranger-partner"]}
    row = services.edit_request(**edit, version=1, reseller=None, customer=None)
    assert (row.reseller, row.reseller_answer) == (None, "")
    row = services.edit_request(**edit, version=2, reseller=sold.fabrikam, customer=sold.contoso)
    assert (row.reseller, row.reseller_answer) == (sold.fabrikam, "pending")


# ── what the database refuses, whoever writes ──

_ACTIVE = "status = 'approved'"
_REJECTED = "reseller_answer = 'rejected', reseller_answered_at = now(), reseller_answered_by_id = created_by_id"
_APPROVED = _REJECTED.replace("rejected", "approved")
_DECLINED = "status = 'terminated', ended_at = now(), end_reason = 'declined'"


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("draft", _APPROVED),
        ("draft", "reseller_id = partner_id"),
        ("draft", "reseller_id = customer_id"),
        ("draft", "reseller_id = NULL"),
        ("draft", "reseller_answer = ''"),
        ("asked", "reseller_answer = 'approved'"),
        ("asked", "reseller_id = NULL, reseller_answer = ''"),
        ("asked", _ACTIVE),
        ("asked", _DECLINED),
        ("asked", _REJECTED),
        ("passed on", f"{_REJECTED}, {_DECLINED}"),
        ("passed on", "reseller_answer = 'pending', reseller_answered_at = NULL, reseller_answered_by_id = NULL"),
        ("rejected", _APPROVED),
    ],
)
def test_the_database_refuses(sold: Cast, place: str, change: str) -> None:
    row = PLACES[place](sold)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE delegation_gdaprelationship SET {change} WHERE id = %s", [row.pk])  # noqa: S608


def test_the_database_refuses_a_counter_offer_before_the_reseller_has_approved(sold: Cast) -> None:
    row = asked(sold)
    made = {"customer": sold.contoso, "made_by": sold["global-admin"], "made_at": clock.now(), "duration_days": 5}
    with pytest.raises(DatabaseError), transaction.atomic():
        row.counter_offers.create(role_ids=ids(READER), **made)
    services.approve_for_customer(relationship=row, actor=sold["admin-agent"])
    assert row.counter_offers.create(role_ids=ids(READER), **made)


def test_the_database_knows_who_is_a_reseller(sold: Cast) -> None:
    wingtip, _admin = factories.partner("Wingtip IT", domain="wingtip.example")
    row = through(sold)
    with pytest.raises(DatabaseError, match="indirect"), transaction.atomic():
        Row.objects.filter(pk=row.pk).update(reseller=wingtip)
