"""Giving DAP up against what would take GDAP away, and against the approval: never a gap (DOMAIN §7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from delegation import gdap_move_needs, services, verification
from delegation.models import DapGrant, GdapRelationship
from delegation.services.gdap_moves import Blocked
from portal import clock
from portal.models import Pair
from tests import factories
from tests.conftest import Cast, build_dap_cast
from tests.races.together import at_once

pytestmark = pytest.mark.races
ROUNDS = 6


@pytest.fixture
def stage(transactional_db: None) -> Cast:
    """A committed cast with DAP, which several connections see."""
    return build_dap_cast()


def requested(cast: Cast) -> GdapRelationship:
    pair = Pair.objects.select_related("partner", "customer").get(pk=cast.pair.pk)
    proposal = gdap_move_needs.propose(pair)
    return services.request_move(pair=pair, actor=cast["admin-agent"], roles=proposal.roles, plans=proposal.plans)


def give_up(cast: Cast) -> Callable[[], Any]:
    return lambda: services.give_up_for_gdap(pair=cast.pair, actor=cast["admin-agent"])


def renew_dap(cast: Cast) -> None:
    """As before the round: DAP, and no GDAP."""
    for row in GdapRelationship.objects.in_force(clock.now()):
        services.terminate(relationship=row, actor=cast["admin-agent"])
    if not DapGrant.objects.filter(ended_at__isnull=True).exists():
        factories.dap(factories.pair(cast.fabrikam, cast.contoso), cast["global-admin"])


def test_an_approval_and_giving_up_leave_no_gap(stage: Cast) -> None:
    """Given up only after the approval; before it, it is refused and DAP stays."""
    for turn in range(ROUNDS):
        row = requested(stage)
        calls = [
            lambda row=row: services.approve_request(relationship=row, actor=stage["global-admin"]),
            give_up(stage),
        ]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        blocked = [one for one in found if isinstance(one, Blocked)]
        assert GdapRelationship.objects.in_force(clock.now()).count() == 1
        assert DapGrant.objects.filter(ended_at__isnull=True).exists() == bool(blocked)
        assert [one.code for one in blocked] in ([], ["not_in_force"])
        assert verification.differences() == []
        renew_dap(stage)


def test_the_partners_own_ending_and_giving_up_leave_no_gap(stage: Cast) -> None:
    """Whoever comes second sees the other: DAP isn't given up for a relationship that has just ended."""
    for turn in range(ROUNDS):
        row = requested(stage)
        services.approve_request(relationship=row, actor=stage["global-admin"])
        calls = [partial(services.terminate, relationship=row, actor=stage["admin-agent"]), give_up(stage)]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        row.refresh_from_db()
        grant = DapGrant.objects.latest("started_at")
        if any(isinstance(one, Blocked) for one in found):
            assert grant.ended_at is None
        else:  # DAP went first, with GDAP in its place; then the partner ended that too
            assert grant.ended_at is not None
            assert grant.ended_at <= row.ended_at
        assert verification.differences() == []
        renew_dap(stage)


def test_two_requests_at_once_make_one(stage: Cast) -> None:
    for _turn in range(ROUNDS):
        found = at_once(lambda: requested(stage), lambda: requested(stage))
        assert len([one for one in found if isinstance(one, Blocked)]) == 1
        (row,) = GdapRelationship.objects.pending(clock.now())
        services.withdraw_request(relationship=row, actor=stage["admin-agent"])
