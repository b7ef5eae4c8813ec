"""Removing delegated admin against everything that may happen at the same moment (DOMAIN §4, §5)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from delegation import services, verification
from delegation.models import DapGrant
from portal import access, audit
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.models import AuditEntry, Pair, SecurityGroup, TenantGrant, User
from portal.services import people
from portal.writes import write
from relationships import offers
from relationships import services as relationship_services
from relationships.models import Invitation, Relationship
from tests import factories
from tests.cast import Cast
from tests.races.hammer import LOOPS, Hammer, until
from tests.races.web import Browser, serving

pytestmark = pytest.mark.races

HELD = 0.5


class Two:
    """Two people at once, each on a connection of their own."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)

    def start(self, act: Callable[[], object]) -> Future[object]:
        """Let one of them begin."""
        return self.pool.submit(self._run, act)

    @staticmethod
    def _run(act: Callable[[], object]) -> object:
        try:
            return act()
        finally:
            connections.close_all()


@pytest.fixture
def two(transactional_db: None):
    found = Two()
    yield found
    found.pool.shutdown()


@pytest.fixture
def story(transactional_db: None, dap_cast: Cast) -> Cast:
    return dap_cast


class Held:
    """Something done inside a write that stays open until `release`."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.is_done, self.may_end = act, threading.Event(), threading.Event()

    def __call__(self) -> None:
        with write():
            self.act()
            self.is_done.set()
            assert self.may_end.wait(30)

    def reached(self) -> None:
        assert self.is_done.wait(30), "it never got that far"


def work_on_behalf(cast: Cast) -> None:
    """What every service does: ask for the right (which locks its path), then change something."""
    person = User.objects.get(pk=cast["user"].pk)
    decision = access.require(cast["admin-agent"], Can.USERS_EDIT, person)
    User.objects.filter(pk=person.pk).update(display_name="Changed on behalf")
    audit.record("user.edited", actor=cast["admin-agent"], tenant=cast.contoso, target=person, decision=decision)


def endings() -> dict[str, Callable[[Cast], object]]:
    """Everything that takes the agent's access away, by name."""
    return {
        "grant": lambda cast: services.remove_dap(grant=cast.dap, actor=cast["global-admin"]),
        "given up": lambda cast: services.give_up_dap(grant=cast.dap, actor=cast["partner-admin"]),
        "membership": _leave_group,
        "groups": lambda cast: services.limit_groups(
            pair=cast.pair,
            groups=[SecurityGroup.objects.get(tenant=cast.fabrikam, kind="helpdesk_agents")],
            actor=cast["partner-admin"],
        ),
    }


def _leave_group(cast: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=cast.fabrikam, kind="admin_agents")
    with write():
        people.take_from_group(cast["admin-agent"], group, actor=cast["partner-admin"])


def _in_one_write(act: Callable[[], object]) -> None:
    with write():
        act()


def is_changed(cast: Cast) -> bool:
    return User.objects.get(pk=cast["user"].pk).display_name == "Changed on behalf"


@pytest.mark.parametrize("ending", endings())
def test_a_write_under_way_commits_before_the_ending(story: Cast, two: Two, ending: str) -> None:
    work = Held(lambda: work_on_behalf(story))
    first = two.start(work)
    work.reached()
    second = two.start(lambda: endings()[ending](story))
    assert not wait([second], timeout=HELD).done, "the ending didn't wait for the write"
    assert not is_changed(story)
    work.may_end.set()
    first.result(30)
    second.result(30)
    assert is_changed(story)
    assert not access.decide(story["admin-agent"], Can.USERS_EDIT, story.contoso).allowed
    kinds = list(AuditEntry.objects.filter(tenant=story.contoso).order_by("seq").values_list("action", flat=True))
    assert "user.edited" in kinds
    assert verification.differences() == []


@pytest.mark.parametrize("ending", endings())
def test_a_write_that_comes_after_the_ending_does_nothing(story: Cast, two: Two, ending: str) -> None:
    held = Held(lambda: endings()[ending](story))
    first = two.start(held)
    held.reached()
    second = two.start(lambda: _in_one_write(lambda: work_on_behalf(story)))
    assert not wait([second], timeout=HELD).done, "the write didn't wait for the ending"
    held.may_end.set()
    first.result(30)
    with pytest.raises(PermissionDenied):
        second.result(30)
    assert not is_changed(story)
    assert not AuditEntry.objects.filter(tenant=story.contoso, action="user.edited").exists()
    assert verification.differences() == []


def test_two_removals_at_once_are_one(story: Cast, two: Two) -> None:
    acts = [two.start(lambda: services.remove_dap(grant=story.dap, actor=story["global-admin"])) for _ in range(2)]
    for act in acts:
        act.result(30)
    assert AuditEntry.objects.filter(tenant=story.contoso, action="dap.removed").count() == 1
    assert not TenantGrant.objects.filter(pair=story.pair).exists()


def test_a_limit_of_groups_brings_no_removed_path_back(story: Cast, two: Two) -> None:
    removal = Held(lambda: services.remove_dap(grant=story.dap, actor=story["global-admin"]))
    first = two.start(removal)
    removal.reached()
    group = SecurityGroup.objects.get(tenant=story.fabrikam, kind="admin_agents")
    second = two.start(lambda: services.limit_groups(pair=story.pair, groups=[group], actor=story["partner-admin"]))
    assert not wait([second], timeout=HELD).done
    removal.may_end.set()
    first.result(30)
    second.result(30)
    assert not TenantGrant.objects.filter(pair=story.pair).exists()
    assert verification.differences() == []


def _invited(cast: Cast) -> Invitation:
    row = relationship_services.create_invitation(
        partner=cast.fabrikam,
        actor=cast["admin-agent"],
        with_dap=True,
        customer_name="Contoso",
        customer_address="global-admin@contoso.example",
    )
    return relationship_services.open_invitation(invitation=row, actor=cast["admin-agent"])


def _accept(cast: Cast, row: Invitation, digest: str) -> object:
    try:
        return relationship_services.accept_invitation(
            invitation=row, actor=cast["global-admin"], version=row.link_version, digest=digest
        )
    except relationship_services.OfferChanged as changed:
        return changed


def _end(cast: Cast, relationship: Relationship) -> object:
    return relationship_services.end_relationship(relationship=relationship, actor=cast["partner-admin"])


def _at_once(cast: Cast, two: Two, *, is_ended_first: bool) -> Relationship:
    """End the relationship and accept an invitation to a new one, both at once; the one that was to end."""
    row = _invited(cast)
    digest = offers.offer(row, cast.contoso).digest
    relationship = Relationship.objects.get(ended_at__isnull=True)
    pair_of_acts = [lambda: _end(cast, relationship), lambda: _accept(cast, row, digest)]
    for act in [two.start(act) for act in (pair_of_acts if is_ended_first else reversed(pair_of_acts))]:
        act.result(30)
    return relationship


@pytest.mark.parametrize("is_ended_first", [True, False])
def test_end_of_relationship_against_acceptance(
    transactional_db: None, settings: Any, cast: Cast, two: Two, is_ended_first: bool
) -> None:
    """Whichever comes first, the other sees what it left: never DAP without a relationship, nothing half done."""
    settings.MANDATE_INVITATIONS_PER_USER_AND_DAY = 1_000
    _accept_now(cast)
    for _round in range(20):
        ended = _at_once(cast, two, is_ended_first=is_ended_first)
        pair = Pair.objects.get()
        in_force = Relationship.objects.filter(ended_at__isnull=True).exists()
        assert pair.is_in_force == in_force
        assert DapGrant.objects.filter(ended_at__isnull=True).exists() == in_force
        assert TenantGrant.objects.filter(pair=pair).exists() == in_force
        assert Relationship.objects.get(pk=ended.pk).ended_at is not None
        assert verification.differences() == []
        if not in_force:
            _accept_now(cast)
    for tenant in (cast.contoso, cast.fabrikam):
        assert audit.verify(tenant.pk) is None


def _accept_now(cast: Cast) -> None:
    row = _invited(cast)
    digest = offers.offer(row, cast.contoso).digest
    relationship_services.accept_invitation(
        invitation=row, actor=cast["global-admin"], version=row.link_version, digest=digest
    )


@pytest.mark.timeout(1200)
def test_no_request_sent_after_the_removals_answer_is_allowed(story: Cast) -> None:
    """Again and again on the real web server: grant, be let in, remove by the page, be refused from that answer on."""
    page = reverse("users-csv", args=[story.contoso.slug])
    removal = reverse("partner-remove-dap", args=[story.contoso.slug, story.pair.pk])
    grant = story.dap
    with serving() as port:
        administrator = Browser(port, story["global-admin"])
        hammers = [Hammer(port, story[name], page) for name in ("helpdesk-agent", "admin-agent")]
        for hammer in hammers:
            hammer.start()
        refused = 0
        try:
            for _loop in range(LOOPS):
                granted = time.monotonic()
                until(lambda: all(hammer.since(granted, 200) for hammer in hammers))  # noqa: B023 - used at once
                assert administrator.post(removal, reason="") == 302
                answered = time.monotonic()
                until(lambda: all(hammer.since(answered) for hammer in hammers))  # noqa: B023
                answers = [status for hammer in hammers for status in hammer.since(answered)]
                assert set(answers) == {403}
                refused += len(answers)
                grant = factories.dap(story.pair, story["global-admin"])
        finally:
            for hammer in hammers:
                hammer.is_over.set()
            for hammer in hammers:
                hammer.join(60)
            administrator.close()
    assert refused >= 2 * LOOPS
    assert DapGrant.objects.filter(ended_at__isnull=False).count() == LOOPS
    assert DapGrant.objects.get(ended_at__isnull=True) == grant
    assert verification.differences() == []
