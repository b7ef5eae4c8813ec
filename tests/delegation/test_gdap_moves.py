"""The move from DAP to GDAP: what is proposed, how far it is, and that it never leaves a gap (DOMAIN §7)."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest

from delegation import gdap_move, gdap_move_losses, gdap_move_needs, gdap_templates, services, verification
from delegation.models import DapGrant, GdapRelationship
from delegation.services.gdap_moves import Blocked
from portal import access, clock
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.models import Pair
from portal.services import people, service_requests
from tests import factories
from tests.conftest import Cast
from tests.delegation.granting import GLOBAL, HELPDESK, READER, USERS, approve, group, ids
from tests.delegation.test_gdap_templates import template


def work(cast: Cast) -> None:
    """Fabrikam's people do what they do: one blocks an account, one opens a service request."""
    people.block_person(person=cast["user"], actor=cast["admin-agent"])
    service_requests.open_request(
        tenant=cast.contoso, actor=cast["helpdesk-agent"], title="Printer", description="It does not print."
    )


def propose(cast: Cast) -> gdap_move_needs.Proposal:
    return gdap_move_needs.propose(_pair(cast))


def ask(cast: Cast, proposal: gdap_move_needs.Proposal | None = None, by: str = "admin-agent") -> GdapRelationship:
    chosen = proposal or propose(cast)
    return services.request_move(pair=cast.pair, actor=cast[by], roles=chosen.roles, plans=chosen.plans)


def give_up(cast: Cast, **more: bool) -> DapGrant | None:
    return services.give_up_for_gdap(pair=cast.pair, actor=cast["admin-agent"], **more)


def state(cast: Cast) -> str:
    return gdap_move.state_of(_pair(cast))


def _pair(cast: Cast) -> Pair:
    return Pair.objects.select_related("partner", "customer").get(pk=cast.pair.pk)


def test_the_smallest_roles_are_proposed_for_what_each_groups_people_used(dap_cast: Cast) -> None:
    work(dap_cast)
    admins, helpdesk = propose(dap_cast).groups
    assert [use.capability for use in admins.uses] == [Can.USERS_EDIT]
    assert admins.role_names == [USERS]
    assert [use.capability for use in helpdesk.uses] == [Can.SERVICE_REQUESTS_MANAGE]
    assert helpdesk.role_names == ["Service Support Administrator"]
    assert GLOBAL not in [role.name for role, _reason in propose(dap_cast).role_rows]


def test_what_is_long_ago_or_another_customers_is_not_proposed(dap_cast: Cast) -> None:
    other, administrator = factories.tenant("Other")
    factories.dap(factories.pair(dap_cast.fabrikam, other), administrator)
    people.block_person(person=factories.person(other, "somebody"), actor=dap_cast["admin-agent"])
    with mock.patch.object(clock, "now", return_value=clock.now() - timedelta(days=91)):
        service_requests.open_request(
            tenant=dap_cast.contoso, actor=dap_cast["helpdesk-agent"], title="x", description="x"
        )
    assert [needs.uses for needs in propose(dap_cast).groups] == [(), ()]
    assert {tuple(needs.tasks) for needs in propose(dap_cast).groups} == {(Can.USERS_VIEW,)}


def test_a_template_is_taken_as_it_plans(dap_cast: Cast) -> None:
    desk = group(dap_cast.fabrikam)
    row = template(dap_cast, "Desk", READER, USERS, plans=[(desk, ids(READER))])
    choice = gdap_templates.choice(dap_cast.fabrikam, f"own:{row.pk}")
    proposal = gdap_move_needs.from_template(_pair(dap_cast), choice)
    assert {needs.group.name: set(needs.role_ids) for needs in proposal.groups} == {
        "AdminAgents": set(ids(READER, USERS)),
        "HelpdeskAgents": set(ids(READER)),
    }


def test_a_move_from_the_proposal_to_the_end_without_a_gap(dap_cast: Cast) -> None:
    cast = dap_cast
    work(cast)
    assert state(cast) == "open"
    request = ask(cast)
    assert (state(cast), request.status, request.customer) == ("requested", "approvalPending", cast.contoso)
    with pytest.raises(Blocked) as blocked:
        give_up(cast)
    assert blocked.value.code == "not_in_force"
    approve(cast, request, version=None)
    assert state(cast) == "checked"
    assert access.decide(cast["admin-agent"], Can.USERS_EDIT, cast.contoso).allowed
    assert give_up(cast) is not None
    assert (state(cast), give_up(cast)) == ("done", None)
    assert access.decide(cast["admin-agent"], Can.USERS_EDIT, cast.contoso).allowed
    assert access.decide(cast["helpdesk-agent"], Can.SERVICE_REQUESTS_MANAGE, cast.contoso).allowed
    assert not access.decide(cast["admin-agent"], Can.ROLES_ASSIGN, cast.contoso).allowed
    assert verification.differences() == []


def test_a_second_request_is_refused_while_one_waits_or_is_in_force(dap_cast: Cast) -> None:
    request = ask(dap_cast)
    for code in ("pending", "in_place"):
        with pytest.raises(Blocked) as blocked:
            ask(dap_cast)
        assert blocked.value.code == code
        if code == "pending":
            approve(dap_cast, request, version=None)
    assert GdapRelationship.objects.count() == 1


def test_dap_stays_where_nobody_has_roles_yet_or_somebody_is_left_out(dap_cast: Cast) -> None:
    cast = dap_cast
    proposal = propose(cast)
    request = services.request_move(pair=cast.pair, actor=cast["admin-agent"], roles=proposal.roles, plans=[])
    approve(cast, request, version=None)
    assert state(cast) == "approved"
    for more in ({}, {"is_confirmed": True}):
        with pytest.raises(Blocked) as blocked:
            give_up(cast, **more)
        assert blocked.value.code == "not_assigned"
    admins = proposal.groups[0]
    services.assign_group(relationship=request, group=admins.group, role_ids=admins.role_ids, actor=cast["admin-agent"])
    assert state(cast) == "approved"
    with pytest.raises(Blocked) as blocked:
        give_up(cast)
    assert (blocked.value.code, blocked.value.values) == ("left_out", {"count": 1})
    assert give_up(cast, is_confirmed=True) is not None


def test_dap_stays_where_something_used_lately_would_be_lost(dap_cast: Cast) -> None:
    cast = dap_cast
    work(cast)
    least = gdap_move_needs.propose(_pair(cast), {})
    approve(cast, ask(cast, least), version=None)
    (admins,) = [loss for loss in gdap_move_losses.compare(_pair(cast)) if loss.dap[0].name == GLOBAL]
    assert (admins.people, admins.lost_used, Can.ROLES_ASSIGN in admins.lost) == (1, (Can.USERS_EDIT,), True)
    with pytest.raises(Blocked) as blocked:
        give_up(cast)
    assert blocked.value.code == "loses"
    assert DapGrant.objects.get().ended_at is None


def test_the_comparison_shows_what_is_planned_before_the_approval(dap_cast: Cast) -> None:
    work(dap_cast)
    request = ask(dap_cast)
    without, planned = (gdap_move_losses.compare(_pair(dap_cast), row) for row in (None, request))
    assert {loss.is_left_out for loss in without} == {True}
    assert {loss.is_left_out for loss in planned} == {False}
    assert {(loss.dap[0].name, loss.lost_used) for loss in planned} == {(GLOBAL, ()), (HELPDESK, ())}


def test_only_who_may(dap_cast: Cast) -> None:
    proposal = propose(dap_cast)
    for who in ("sales-agent", "helpdesk-agent", "partner-admin"):
        with pytest.raises(PermissionDenied):
            ask(dap_cast, proposal, who)
    for who in ("sales-agent", "helpdesk-agent"):
        with pytest.raises(PermissionDenied):
            services.give_up_for_gdap(pair=dap_cast.pair, actor=dap_cast[who])
