"""Two real connections at once: last administrators, agents, request numbers, a write against its right's end."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from delegation import queries
from delegation import services as delegation
from portal import access, audit, catalogue
from portal.catalogue import Capability
from portal.errors import PermissionDenied
from portal.models import AuditEntry, Membership, OutboxMessage, RoleAssignment, SecurityGroup, ServiceRequest, User
from portal.services import groups, on_behalf, people, service_requests
from tests import factories
from tests.cast import Cast, build_dap_cast
from tests.races.together import at_once

pytestmark = pytest.mark.races

GLOBAL = catalogue.GLOBAL_ADMINISTRATOR


@pytest.fixture
def stage(transactional_db: None) -> Cast:
    """A committed cast with DAP, which several connections see."""
    return build_dap_cast()


def administrators(cast: Cast) -> int:
    return RoleAssignment.objects.filter(
        tenant=cast.contoso, role_id=GLOBAL, ended_at__isnull=True, user__blocked_at__isnull=True
    ).count()


def two_administrators(cast: Cast, round_: int) -> tuple[User, User]:
    """Exactly two Global Administrators in Contoso."""
    first = cast["global-admin"]
    second = factories.person(cast.contoso, f"second-{round_}", "Global Administrator")
    return first, second


def test_two_last_global_administrators_removing_each_other_leave_one(stage: Cast) -> None:
    first, second = two_administrators(stage, 0)
    for round_ in range(8):
        roles = {person: RoleAssignment.objects.get(user=person, ended_at__isnull=True) for person in (first, second)}
        found = at_once(
            lambda roles=roles: people.remove_role(assignment=roles[second], actor=first),
            lambda roles=roles: people.remove_role(assignment=roles[first], actor=second),
        )
        assert sum(isinstance(one, Exception) for one in found) == 1, (round_, found)
        assert administrators(stage) == 1
        remaining = RoleAssignment.objects.get(tenant=stage.contoso, role_id=GLOBAL, ended_at__isnull=True).user
        other = second if remaining.pk == first.pk else first
        people.assign_role(person=other, role_id=GLOBAL, actor=remaining)
    assert audit.verify(stage.contoso.pk) is None


@pytest.mark.parametrize("service", [people.block_person, people.delete_person])
def test_two_last_global_administrators_blocking_or_deleting_each_other_leave_one(stage: Cast, service: Any) -> None:
    for round_ in range(4):
        remaining = RoleAssignment.objects.get(
            tenant=stage.contoso, role_id=GLOBAL, ended_at__isnull=True, user__blocked_at__isnull=True
        ).user
        second = factories.person(stage.contoso, f"second-{round_}", "Global Administrator")
        at_once(
            lambda remaining=remaining, second=second: service(person=second, actor=remaining),
            lambda remaining=remaining, second=second: service(person=remaining, actor=second),
        )
        assert administrators(stage) == 1, round_
    assert audit.verify(stage.contoso.pk) is None


def test_role_removal_against_block_of_the_other_leaves_one(stage: Cast) -> None:
    for round_ in range(4):
        remaining = RoleAssignment.objects.get(
            tenant=stage.contoso, role_id=GLOBAL, ended_at__isnull=True, user__blocked_at__isnull=True
        )
        second = factories.person(stage.contoso, f"second-{round_}", "Global Administrator")
        at_once(
            lambda remaining=remaining, second=second: people.remove_role(assignment=remaining, actor=second),
            lambda remaining=remaining, second=second: people.block_person(person=second, actor=remaining.user),
        )
        assert administrators(stage) == 1, round_


def test_two_admin_agents_removing_each_other_end_without_a_deadlock(stage: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=stage.fabrikam, kind="admin_agents")
    first = stage["admin-agent"]
    second = factories.agent(stage.fabrikam, "second-agent", "admin_agents")
    for _round in range(4):
        at_once(
            lambda: groups.remove_member(group=group, person=second, actor=first),
            lambda: groups.remove_member(group=group, person=first, actor=second),
        )
        assert Membership.objects.filter(group_id=group.pk).count() == 1
        for person in (first, second):
            groups.add_member(group=group, person=person, actor=stage["partner-admin"])


def test_numbers_of_service_requests_have_no_gaps_and_no_doubles(stage: Cast) -> None:
    def open_one() -> ServiceRequest:
        return service_requests.open_request(
            tenant=stage.contoso, actor=stage["helpdesk-admin"], title="Title", description="Words"
        )

    at_once(*[open_one] * 6)
    at_once(*[open_one] * 6)
    numbers = ServiceRequest.objects.filter(tenant=stage.contoso).order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 13))


def test_a_write_on_behalf_commits_before_the_removal_or_not_at_all(stage: Cast) -> None:
    """Whatever the order: a block by the partner's person is never later than the end of its grant."""
    for _round in range(6):
        grant = queries.active_dap(stage.pair)
        found = at_once(
            lambda: people.block_person(person=stage["user"], actor=stage["admin-agent"]),
            lambda grant=grant: delegation.remove_dap(grant=grant, actor=stage["global-admin"]),
        )
        order = _actions(stage, ("user.blocked", "dap.removed"))
        if isinstance(found[0], Exception):
            assert order[-1] == "dap.removed"
        else:
            assert order[-2:] == ["user.blocked", "dap.removed"]
        assert not access.decide(stage["admin-agent"], Capability.USERS_EDIT, stage.contoso).allowed
        if not isinstance(found[0], Exception):
            people.unblock_person(person=stage["user"], actor=stage["global-admin"])
        factories.dap(stage.pair, stage["global-admin"])


def _actions(cast: Cast, wanted: tuple[str, ...]) -> list[str]:
    rows = AuditEntry.objects.filter(tenant=cast.contoso, action__in=wanted).order_by("seq")
    return list(rows.values_list("action", flat=True))


def test_a_write_on_behalf_against_the_end_of_its_membership(stage: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=stage.fabrikam, kind="admin_agents")
    agent = stage["admin-agent"]
    for round_ in range(6):
        new_name = f"Name {round_}"
        found = at_once(
            lambda new_name=new_name: people.rename_person(person=stage["user"], actor=agent, display_name=new_name),
            lambda: groups.remove_member(group=group, person=agent, actor=stage["partner-admin"]),
        )
        name = User.objects.get(pk=stage["user"].pk).display_name
        assert (name == new_name) == (not isinstance(found[0], Exception))
        with pytest.raises(PermissionDenied):
            people.rename_person(person=stage["user"], actor=agent, display_name="Late")
        groups.add_member(group=group, person=agent, actor=stage["partner-admin"])


def test_two_who_assign_the_same_role_make_one_assignment(stage: Cast) -> None:
    second = factories.person(stage.contoso, "second", "Global Administrator")
    at_once(
        lambda: people.assign_role(person=stage["user"], role_id=GLOBAL, actor=stage["global-admin"]),
        lambda: people.assign_role(person=stage["user"], role_id=GLOBAL, actor=second),
    )
    assert RoleAssignment.objects.filter(user=stage["user"]).count() == 1


@pytest.mark.parametrize("round_", range(10))
def test_two_first_sign_ins_on_behalf_at_once_are_one_notice(stage: Cast, round_: int) -> None:
    on_behalf.switch_notice(tenant=stage.contoso, actor=stage["global-admin"], is_on=True)

    def come(name: str) -> bool:
        rights = access.rights(stage[name], stage.contoso)
        return on_behalf.tell_of_first(actor=stage[name], customer=stage.contoso, rights=rights)

    names = ("helpdesk-agent", "admin-agent", "helpdesk-agent", "admin-agent")
    found = at_once(*(partial(come, name) for name in names))
    assert sorted(found) == [False, False, False, True]
    assert OutboxMessage.objects.filter(kind="on_behalf_first_of_day").count() == 1
    assert AuditEntry.objects.filter(tenant=stage.contoso, action="on_behalf.first_of_day").count() == 1
    assert audit.verify(stage.contoso.pk) is None
