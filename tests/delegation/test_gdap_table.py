"""Every (status, event, actor) of docs/gdap.md by the services; what isn't in the table changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.http import Http404

from delegation import services, verification
from delegation.models import GdapCounterOffer, GdapRelationship
from portal import clock
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, TenantGrant
from tests import factories
from tests.conftest import Cast
from tests.delegation.granting import HELPDESK, READER, active, assign, draft, group, ids, offered, pending

Row = GdapRelationship
DOMAIN = "contoso.example"
#: created, approvalPending (with and without a counter-offer), active, each past its time, and every end.
PLACES = (
    "created", "approvalPending", "countered", "lapsing", "active", "extending", "past", "expired", "withdrawn",
    "declined", "lapsed", "ended_by_partner", "removed_by_customer", "replaced",
)  # fmt: skip


def in_place(cast: Cast, place: str) -> Row:
    """A relationship that came there by the services; the clock may have moved on."""
    if place == "created":
        return draft(cast, limited_to_domain=DOMAIN)
    if place in ("approvalPending", "countered", "lapsing", "withdrawn", "declined", "lapsed"):
        return _waiting(cast, place)
    row = active(cast, auto_extend=place == "extending", limited_to_domain=DOMAIN)
    admin = cast["admin-agent"]
    if place in ("past", "expired"):
        clock._fixed.set(row.ends_at)
        if place == "expired":
            assert services.expire_gdap() == 1
    elif place == "ended_by_partner":
        services.terminate(relationship=row, actor=admin)
    elif place == "removed_by_customer":
        services.remove_by_customer(relationship=row, actor=cast["global-admin"])
    elif place == "replaced":
        newer = draft(cast, replaces=row)
        services.lock_request(relationship=newer, actor=admin)
        services.approve_request(relationship=newer, actor=cast["global-admin"])
    return Row.objects.get(pk=row.pk)


def _waiting(cast: Cast, place: str) -> Row:
    row = pending(cast, limited_to_domain=DOMAIN)
    if place == "countered":
        offered(cast, row)
    elif place == "withdrawn":
        services.withdraw_request(relationship=row, actor=cast["admin-agent"])
    elif place == "declined":
        services.decline_request(relationship=row, actor=cast["global-admin"], version=1)
    elif place in ("lapsing", "lapsed"):
        clock._fixed.set(row.lapses_at)
        if place == "lapsed":
            assert services.lapse_gdap() == 1
    return Row.objects.get(pk=row.pk)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Tests may move the clock on for good; it is put back after each."""
    with clock.fixed(clock.now()):
        yield


def _offer(row: Row) -> GdapCounterOffer:
    """The row's counter-offer, or one that stands for none."""
    found = row.counter_offers.order_by("-made_at").first()
    if found is None:
        raise Refused("there is none")
    return found


Act = Callable[[Row, Any, Cast], Any]
EVENTS: dict[str, Act] = {
    "edit": lambda row, who, cast: services.edit_request(
        relationship=row, actor=who, version=row.version, duration_days=29
    ),
    "delete": lambda row, who, cast: services.delete_request(relationship=row, actor=who),
    "lock": lambda row, who, cast: services.lock_request(relationship=row, actor=who),
    "withdraw": lambda row, who, cast: services.withdraw_request(relationship=row, actor=who),
    "approve": lambda row, who, cast: services.approve_request(relationship=row, actor=who, version=1),
    "decline": lambda row, who, cast: services.decline_request(relationship=row, actor=who, version=1),
    "counter": lambda row, who, cast: services.counter_offer(
        relationship=row, actor=who, role_ids=ids(READER), duration_days=10, version=1
    ),
    "take back": lambda row, who, cast: services.withdraw_counter_offer(offer=_offer(row), actor=who),
    "accept": lambda row, who, cast: services.accept_counter_offer(offer=_offer(row), actor=who),
    "extend": lambda row, who, cast: services.set_auto_extend(relationship=row, is_on=not row.auto_extend, actor=who),
    "remove roles": lambda row, who, cast: services.remove_roles(relationship=row, role_ids=ids(HELPDESK), actor=who),
    "terminate": lambda row, who, cast: services.terminate(relationship=row, actor=who),
    "remove": lambda row, who, cast: services.remove_by_customer(relationship=row, actor=who),
    "assign": lambda row, who, cast: services.assign_group(
        relationship=row, group=group(cast.fabrikam), role_ids=ids(READER), actor=who
    ),
    "amend": lambda row, who, cast: services.create_request(
        partner=cast.fabrikam, actor=who, replaces=row, display_name="More", roles={ids(READER)[0]: ""}
    ),
    "expire": lambda row, who, cast: services.expire_gdap() + services.extend_gdap() + services.lapse_gdap(),
}
#: Who may do it at all: partner-side people, customer-side people; the sweep asks nobody.
PARTNER_REQUEST, PARTNER = {"admin-agent"}, {"admin-agent", "partner-admin"}
APPROVERS = {"global-admin", "delegation-admin"}
ACTORS: dict[str, set[str]] = {
    "edit": PARTNER_REQUEST,
    "delete": PARTNER_REQUEST,
    "lock": PARTNER_REQUEST,
    "withdraw": PARTNER_REQUEST,
    "approve": APPROVERS,
    "decline": APPROVERS,
    "counter": APPROVERS,
    "take back": APPROVERS,
    "accept": PARTNER_REQUEST,
    "extend": PARTNER | APPROVERS,
    "remove roles": PARTNER,
    "terminate": PARTNER,
    "remove": APPROVERS | {"billing-admin"},
    "assign": PARTNER | {"partner-user-admin"},
    "amend": PARTNER,
}
PEOPLE = (
    "admin-agent", "helpdesk-agent", "sales-agent", "partner-admin", "partner-user-admin", "partner-user",
    "global-admin", "delegation-admin", "billing-admin", "user-admin", "stranger-partner", "stranger-customer",
)  # fmt: skip
DONE = ("expired", "past", "withdrawn", "declined", "lapsed", "lapsing", "ended_by_partner", "removed_by_customer",
        "replaced")  # fmt: skip
#: Nobody has answered these: there is no customer yet who could remove anything.
NOBODYS = ("withdrawn", "lapsed", "lapsing")
#: Where each event leads: the status afterwards. What isn't here is refused.
LEGAL: dict[tuple[str, str], str] = {
    ("created", "edit"): "created",
    ("created", "delete"): "gone",
    ("created", "lock"): "approvalPending",
    ("created", "assign"): "created",
    **{
        (place, event): status
        for place in ("approvalPending", "countered")
        for event, status in (
            ("lock", "approvalPending"), ("withdraw", "terminated"), ("approve", "active"),
            ("decline", "terminated"), ("assign", "approvalPending"),
        )
    },
    ("approvalPending", "counter"): "approvalPending",
    ("countered", "take back"): "approvalPending",
    ("countered", "accept"): "active",
    ("withdrawn", "withdraw"): "terminated",
    **{
        (place, event): status
        for place in ("active", "extending")
        for event, status in (
            ("extend", "active"), ("remove roles", "active"), ("terminate", "terminated"),
            ("remove", "terminated"), ("assign", "active"), ("amend", "active"),
        )
    },
    ("past", "amend"): "active",
    ("expired", "amend"): "expired",
    # Ending what has ended changes nothing.
    **{(place, "terminate"): "same" for place in DONE},
    **{(place, "remove"): "same" for place in DONE if place not in NOBODYS},
}  # fmt: skip
SWEPT = {"lapsing": "terminated", "past": "expired"}


@contextmanager
def undone() -> Iterator[None]:
    """Everything inside is undone, so that one relationship serves many tries."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def seen(row: Row) -> dict[str, Any]:
    """Everything that an event could change."""
    return {
        "row": Row.objects.filter(pk=row.pk).values().get(),
        "roles": list(row.roles.order_by("id").values()),
        "offers": list(row.counter_offers.order_by("id").values()),
        "assignments": list(row.assignments.order_by("id").values()),
        "paths": list(TenantGrant.objects.filter(kind="gdap").order_by("id").values()),
        "audit": AuditEntry.objects.count(),
        "all": Row.objects.count(),
    }


@pytest.fixture
def table(cast: Cast) -> Cast:
    cast.people["partner-user-admin"] = factories.person(
        cast.fabrikam, "user-admin", "User Administrator", domain="fabrikam.example"
    )
    return cast


@pytest.mark.parametrize("place", PLACES)
def test_every_event_by_everybody(table: Cast, place: str) -> None:
    row = in_place(table, place)
    before = seen(row)
    for event, act in EVENTS.items():
        expected = LEGAL.get((place, event))
        may = ACTORS.get(event, set()) if expected else set()
        with undone():
            for name in PEOPLE:
                if name not in may and event != "expire":
                    with pytest.raises((Refused, PermissionDenied, Http404)), transaction.atomic():
                        act(Row.objects.get(pk=row.pk), table[name], table)
            assert seen(row) == before, event
        for name in sorted(may):
            with undone():
                act(Row.objects.get(pk=row.pk), table[name], table)
                check(row, before, str(expected), (event, name))


def check(row: Row, before: dict[str, Any], expected: str, act: tuple[str, str]) -> None:
    """What an allowed event has led to; whatever changed has its audit row and its paths."""
    if expected == "gone":
        assert not Row.objects.filter(pk=row.pk).exists(), act
        return
    after = seen(row)
    if expected == "same":
        assert after == before, act
        return
    assert after["row"]["status"] == expected, act
    assert (after["audit"] > before["audit"]) is (after != before), act
    assert verification.differences() == [], act


@pytest.mark.parametrize("place", PLACES)
def test_time_does_nothing_but_what_is_due(table: Cast, place: str) -> None:
    row = in_place(table, place)
    before = seen(row)
    EVENTS["expire"](row, None, table)
    if place not in SWEPT:
        assert seen(row) == before
        return
    found = Row.objects.get(pk=row.pk)
    assert found.status == found.status_now == SWEPT[place]
    assert found.ended_at == (row.ends_at or row.lapses_at)
    after = seen(row)
    EVENTS["expire"](row, None, table)
    assert seen(row) == after
    assert verification.differences() == []


def test_everything_that_ended_gives_nothing(table: Cast) -> None:
    for place in ("past", "expired", "ended_by_partner", "removed_by_customer"):
        with undone(), clock.fixed(clock.now()):
            row = active(table, display_name=place)
            assign(table, row, group(table.fabrikam))
            assert table["helpdesk-agent"].has_perm("users.view", table.contoso)
            if place in ("past", "expired"):
                clock._fixed.set(row.ends_at)
                if place == "expired":
                    services.expire_gdap()
            elif place == "ended_by_partner":
                services.terminate(relationship=row, actor=table["admin-agent"])
            else:
                services.remove_by_customer(relationship=row, actor=table["global-admin"])
            assert not table["helpdesk-agent"].has_perm("users.view", table.contoso)
            assert verification.differences() == []
