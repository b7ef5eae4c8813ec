"""Random histories of GDAP against what DOMAIN §6 says, with a clock that jumps; slower, so not a unit test.

The model below is written from the document over plain values; it knows nothing of the services, of rows or of paths.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from delegation import services, verification
from delegation.models import GdapRelationship
from portal import access, clock
from portal.errors import Refused
from portal.models import AuditEntry, SecurityGroup
from relationships.models import Relationship
from tests.conftest import Cast
from tests.delegation.granting import GLOBAL, HELPDESK, READER, USERS, custom, group, ids, roles

pytestmark = pytest.mark.races

#: As many as issue 3 asks for; GDAP_HISTORIES plays more.
HISTORIES, STEPS = int(os.environ.get("GDAP_HISTORIES", "500")), 20
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = (READER, HELPDESK, USERS, GLOBAL)
some_roles = st.sets(st.sampled_from(NAMES), min_size=1, max_size=3)
picks = st.integers(min_value=0, max_value=9)
#: Who is in which group.
GROUPS = {
    "HelpdeskAgents": {"helpdesk-agent"},
    "Team": {"admin-agent", "partner-user"},
    "AdminAgents": {"admin-agent"},
}
BY_DAP = {"admin-agent": GLOBAL, "helpdesk-agent": HELPDESK}


@dataclass
class Said:
    """One relationship as the document has it."""

    row: GdapRelationship
    asked: set[str]
    days: int
    extends: bool
    lapses: datetime
    status: str = "pending"
    in_force: set[str] = field(default_factory=set)
    ends: datetime | None = None
    offer: Any = None
    offered: tuple[set[str], int, bool] | None = None
    is_forbidden: bool = False
    groups: dict[str, set[str]] = field(default_factory=dict)

    def now(self, at: datetime) -> str:
        """Time ends it whether or not anything ran."""
        if self.status == "pending" and at >= self.lapses:
            return "lapsed"
        if self.status == "active" and not self.extends and self.ends is not None and at >= self.ends:
            return "expired"
        return self.status

    def roll(self, at: datetime) -> None:
        """With auto-extend the end moves on by 180 days at its instant."""
        while self.extends and self.ends is not None and self.ends <= at:
            self.ends += timedelta(days=180)

    def begin(self, granted: set[str], days: int, at: datetime) -> None:
        """Approved: active from this instant, plans apply as far as they were granted."""
        self.status, self.in_force, self.ends = "active", set(granted), at + timedelta(days=days)
        self.groups = {name: held & granted for name, held in self.groups.items() if held & granted}


TALLY = {"histories": 0, "steps": 0, "refused": 0, "approved": 0}


class Histories(RuleBasedStateMachine):
    """Everything that the two sides and time can do to up to three relationships."""

    cast: Cast
    groups: dict[str, SecurityGroup]

    def __init__(self) -> None:
        super().__init__()
        TALLY["histories"] += 1
        self.at = START
        self.token = clock._fixed.set(self.at)
        self.point = transaction.atomic()
        self.point.__enter__()
        self.said: list[Said] = []

    def teardown(self) -> None:
        """Undo the history."""
        transaction.set_rollback(True)
        self.point.__exit__(None, None, None)
        clock._fixed.reset(self.token)

    def _try(self, is_legal: bool, act: Callable[[], Any]) -> Any:
        """Do it; it is refused exactly where the document says so, and then nothing is written."""
        TALLY["steps"] += 1
        count = AuditEntry.objects.count()
        try:
            with transaction.atomic():
                done = act()
        except Refused:
            assert not is_legal
            assert AuditEntry.objects.count() == count
            TALLY["refused"] += 1
            return None
        assert is_legal
        assert AuditEntry.objects.count() > count, "a change without its audit row"
        return done

    def _pick(self, pick: int) -> Said:
        return self.said[pick % len(self.said)]

    @initialize(asked=some_roles, days=st.sampled_from([1, 30, 200]), extends=st.booleans(), answer=st.booleans())
    def begin(self, asked: set[str], days: int, extends: bool, answer: bool) -> None:
        """Most histories begin with something that can go on, half of them with roles in force."""
        self.request(asked, days, extends and GLOBAL not in asked)
        if answer:
            self.assign(0, "Team", asked)
            self.approve(0)

    @precondition(lambda self: len(self.said) < 3)
    @rule(asked=some_roles, days=st.sampled_from([1, 30, 200, 731]), extends=st.booleans())
    def request(self, asked: set[str], days: int, extends: bool) -> None:
        """Draft and lock."""

        def act() -> GdapRelationship:
            row = services.create_request(
                partner=self.cast.fabrikam,
                actor=self.cast["admin-agent"],
                display_name=f"Request {len(self.said)}",
                duration_days=days,
                auto_extend=extends,
                roles=roles(*asked),
            )
            return services.lock_request(relationship=row, actor=self.cast["admin-agent"])

        row = self._try(days <= 730 and not (extends and GLOBAL in asked), act)
        if row is not None:
            self.said.append(Said(row, asked, days, extends, self.at + timedelta(days=90)))

    @precondition(lambda self: self.said)
    @rule(pick=picks)
    def approve(self, pick: int) -> None:
        """*Approve all*."""
        one = self._pick(pick)
        act = lambda: services.approve_request(relationship=one.row, actor=self.cast["global-admin"], version=1)  # noqa: E731
        if self._try(one.now(self.at) == "pending", act) is not None:
            one.begin(one.asked, one.days, self.at)
            TALLY["approved"] += 1

    @precondition(lambda self: self.said)
    @rule(pick=picks, offered=some_roles, days=st.sampled_from([1, 20, 200]), forbids=st.booleans())
    def counter(self, pick: int, offered: set[str], days: int, forbids: bool) -> None:
        """Offer less."""
        one = self._pick(pick)
        is_within = offered <= one.asked and days <= one.days
        is_less = offered != one.asked or days != one.days or forbids
        is_legal = one.now(self.at) == "pending" and one.offered is None and is_within and is_less
        offer = self._try(
            is_legal,
            lambda: services.counter_offer(
                relationship=one.row,
                actor=self.cast["delegation-admin"],
                role_ids=ids(*offered),
                duration_days=days,
                is_extension_forbidden=forbids,
                version=1,
            ),
        )
        if offer is not None:
            one.offer, one.offered = offer, (offered, days, forbids)

    @precondition(lambda self: any(one.offer for one in self.said))
    @rule(pick=picks)
    def accept(self, pick: int) -> None:
        """The partner takes the counter-offer: exactly that."""
        countered = [one for one in self.said if one.offer]
        one = countered[pick % len(countered)]
        is_legal = one.now(self.at) == "pending" and one.offered is not None
        act = lambda: services.accept_counter_offer(offer=one.offer, actor=self.cast["admin-agent"])  # noqa: E731
        if self._try(is_legal, act) is not None and one.offered:
            granted, days, one.is_forbidden = one.offered
            one.extends = one.extends and not one.is_forbidden
            one.begin(granted, days, self.at)
            TALLY["approved"] += 1

    @precondition(lambda self: any(one.now(self.at) == "pending" for one in self.said))
    @rule(pick=picks, is_withdrawn=st.booleans())
    def refuse(self, pick: int, is_withdrawn: bool) -> None:
        """Withdraw or decline."""
        one = self._pick(pick)
        actor = self.cast["admin-agent" if is_withdrawn else "global-admin"]
        if is_withdrawn and one.status == "withdrawn":
            return
        act: Callable[[], Any] = (
            (lambda: services.withdraw_request(relationship=one.row, actor=actor))
            if is_withdrawn
            else (lambda: services.decline_request(relationship=one.row, actor=actor, version=1))
        )
        if self._try(one.now(self.at) == "pending", act) is not None:
            one.status = "withdrawn" if is_withdrawn else "declined"

    @precondition(lambda self: self.said)
    @rule(pick=picks, name=st.sampled_from(sorted(GROUPS)), held=some_roles)
    def assign(self, pick: int, name: str, held: set[str]) -> None:
        """Plan or assign."""
        one = self._pick(pick)
        status = one.now(self.at)
        can_hold = {"pending": one.asked, "active": one.in_force}.get(status, set())
        act = lambda: services.assign_group(  # noqa: E731
            relationship=one.row, group=self.groups[name], role_ids=ids(*held), actor=self.cast["partner-admin"]
        )
        if self._try(bool(can_hold) and held <= can_hold and name not in one.groups, act) is not None:
            one.groups[name] = held

    @precondition(lambda self: any(one.status == "active" for one in self.said))
    @rule(pick=picks, is_on=st.booleans(), is_partner=st.booleans())
    def extend(self, pick: int, is_on: bool, is_partner: bool) -> None:
        """Switch auto-extend from either side."""
        running = [one for one in self.said if one.status == "active"]
        one = running[pick % len(running)]
        if one.now(self.at) == "active" and one.extends == is_on:
            return  # changes nothing
        may_last = not is_on or (GLOBAL not in one.in_force and not (is_partner and one.is_forbidden))
        actor = self.cast["partner-admin" if is_partner else "global-admin"]
        act = lambda: services.set_auto_extend(relationship=one.row, is_on=is_on, actor=actor)  # noqa: E731
        if self._try(one.now(self.at) == "active" and may_last, act) is not None:
            one.roll(self.at)
            one.extends = is_on
            one.is_forbidden = one.is_forbidden and not is_on

    @precondition(lambda self: any(one.status == "active" for one in self.said))
    @rule(pick=picks, gone=some_roles)
    def narrow(self, pick: int, gone: set[str]) -> None:
        """The partner gives roles back."""
        running = [one for one in self.said if one.status == "active"]
        one = running[pick % len(running)]
        is_legal = one.now(self.at) == "active" and gone < one.in_force
        if one.now(self.at) == "active" and not gone <= one.in_force:
            return  # some are gone already, or were never there: services tests have these
        act = lambda: services.remove_roles(  # noqa: E731
            relationship=one.row, role_ids=ids(*gone), actor=self.cast["admin-agent"]
        )
        if self._try(is_legal, act) is not None:
            one.in_force -= gone
            one.groups = {name: held - gone for name, held in one.groups.items() if held - gone}

    @precondition(lambda self: any(one.now(self.at) == "active" for one in self.said))
    @rule(pick=picks, is_customer=st.booleans())
    def end(self, pick: int, is_customer: bool) -> None:
        """Terminate or *Remove roles*."""
        running = [one for one in self.said if one.now(self.at) == "active"]
        one = running[pick % len(running)]
        if is_customer:
            self._try(True, lambda: services.remove_by_customer(relationship=one.row, actor=self.cast["billing-admin"]))
        else:
            self._try(True, lambda: services.terminate(relationship=one.row, actor=self.cast["admin-agent"]))
        one.status = "ended"

    @rule(days=st.sampled_from([0, 1, 10, 30, 91, 181]), is_exact=st.booleans())
    def jump(self, days: int, is_exact: bool) -> None:
        """Time passes, or goes to the very instant of the next end."""
        ahead = [end for one in self.said for end in (one.ends, one.lapses) if end is not None and end > self.at]
        self.at = min(ahead) if is_exact and ahead else self.at + timedelta(days=days)
        clock._fixed.set(self.at)

    @rule()
    def sweep(self) -> None:
        """The jobs run: they record, and change no answer."""
        services.expire_gdap(), services.extend_gdap(), services.lapse_gdap(), services.remind_gdap()

    @invariant()
    def access_is_what_the_document_says(self) -> None:
        """For everybody, by every relationship, now; instead of DAP where there is any."""
        for person in ("helpdesk-agent", "admin-agent", "partner-user", "sales-agent"):
            granular = {
                role
                for one in self.said
                if one.now(self.at) == "active"
                for name, held in one.groups.items()
                if person in GROUPS[name]
                for role in held
            }
            expected = granular or ({BY_DAP[person]} if person in BY_DAP else set())
            held = access.rights(self.cast[person], self.cast.contoso)
            assert {path.role_name for path in held.paths} == expected, person

    @invariant()
    def what_was_granted_stays_within_what_was_asked(self) -> None:
        """In force ⊆ granted ⊆ requested; one outcome each; paths equal the truth."""
        for one in self.said:
            row = GdapRelationship.objects.get(pk=one.row.pk)
            found = list(row.roles.all())
            granted = {role.role_id for role in found if role.is_granted}
            in_force = {role.role_id for role in found if role.is_in_force}
            assert in_force <= granted <= {role.role_id for role in found} == set(ids(*one.asked))
            assert in_force == set(ids(*one.in_force))
            assert (row.status_now == "active") == (one.now(self.at) == "active")
            outcomes = AuditEntry.objects.filter(
                tenant=self.cast.fabrikam,
                target_id=str(row.pk),
                action__in=("gdap.approved", "gdap.declined", "gdap.withdrawn", "gdap.lapsed"),
            )
            assert outcomes.count() <= 1
        assert verification.differences() == []


@pytest.mark.timeout(3600)
def test_every_history_is_what_the_document_says(
    dap_cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Relationship.objects.create(
        pair=dap_cast.pair,
        partner=dap_cast.fabrikam,
        customer=dap_cast.contoso,
        partner_type="reseller",
        started_at=START - timedelta(days=1),
    )
    team = custom(dap_cast.fabrikam, "Team", dap_cast["admin-agent"], dap_cast["partner-user"])
    built_in = {name: group(dap_cast.fabrikam, kind) for name, kind in
                (("HelpdeskAgents", "helpdesk_agents"), ("AdminAgents", "admin_agents"))}  # fmt: skip
    monkeypatch.setattr(Histories, "cast", dap_cast, raising=False)
    monkeypatch.setattr(Histories, "groups", built_in | {"Team": team}, raising=False)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
            derandomize=True,
        ),
    )
    with capsys.disabled():
        print(f"\n{TALLY}")  # noqa: T201 - wanted
    assert TALLY["histories"] >= HISTORIES
    assert TALLY["approved"] > HISTORIES // 10
