"""Two real connections at once on one Azure subscription (DOMAIN §8)."""

from __future__ import annotations

import pytest

from delegation import services, verification
from delegation.models import AzureAssignment
from portal import access, audit
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import Scope
from portal.services import groups
from tests.cast import Cast
from tests.conftest import build_dap_cast
from tests.delegation.granting import custom
from tests.delegation.provisioning import CONTRIBUTOR, OWNER, agents, give, group_in, own, resource_in
from tests.races.together import at_once, refusals

pytestmark = pytest.mark.races

ROUNDS = 8


@pytest.fixture
def stage(transactional_db: None) -> Cast:
    """A committed cast, which several connections see."""
    return build_dap_cast()


def consistent(cast: Cast) -> bool:
    return verification.differences() == [] and audit.verify(cast.contoso.pk) is None


def in_force(scope: Scope) -> int:
    return AzureAssignment.objects.filter(scope=scope, ended_at__isnull=True).count()


def test_two_who_remove_each_other_leave_an_owner(stage: Cast) -> None:
    for turn in range(ROUNDS):
        scope = own(stage, by="billing-admin").scope
        first = AzureAssignment.objects.get(scope=scope)
        second = give(scope, stage["billing-admin"], stage["user"], OWNER)
        calls = [
            lambda second=second: services.remove_azure_assignment(assignment=second, actor=stage["billing-admin"]),
            lambda first=first: services.remove_azure_assignment(assignment=first, actor=stage["user"]),
        ]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        assert len(refusals(found)) == 1
        assert isinstance(refusals(found)[0], (PermissionDenied, Refused))
        assert in_force(scope) == 1
        assert consistent(stage)


def test_two_owners_who_remove_themselves_leave_one(stage: Cast) -> None:
    for _round in range(ROUNDS):
        scope = own(stage, by="billing-admin").scope
        first = AzureAssignment.objects.get(scope=scope)
        second = give(scope, stage["billing-admin"], stage["user"], OWNER)
        found = at_once(
            lambda first=first: services.remove_azure_assignment(assignment=first, actor=stage["billing-admin"]),
            lambda second=second: services.remove_azure_assignment(assignment=second, actor=stage["user"]),
        )
        (loser,) = refusals(found)
        assert isinstance(loser, Refused)
        assert in_force(scope) == 1
        assert consistent(stage)


def test_the_same_twice_at_once_exists_once(stage: Cast) -> None:
    scope = own(stage).scope
    for turn in range(ROUNDS):
        group = group_in(scope, stage["global-admin"], f"group-{turn}")
        found = at_once(*(lambda group=group: give(group, stage["global-admin"], agents(stage)) for _call in range(3)))
        assert len(refusals(found)) == 2
        assert all(isinstance(one, Refused) for one in refusals(found))
        assert in_force(group) == 1
        assert consistent(stage)


def test_the_limit_holds_with_two_at_once(stage: Cast, settings: object) -> None:
    for turn in range(ROUNDS):
        settings.MANDATE_AZURE_ASSIGNMENTS_PER_SUBSCRIPTION = 2  # type: ignore[attr-defined]
        scope = own(stage, f"Limited {turn}").scope
        found = at_once(
            lambda scope=scope: give(scope, stage["global-admin"], stage["user"]),
            lambda scope=scope: give(scope, stage["global-admin"], stage["user-admin"]),
        )
        assert len(refusals(found)) == 1
        assert in_force(scope) == 2


def test_removing_against_a_write_by_it_is_one_order(stage: Cast) -> None:
    """Whoever writes after the removal's answer is refused; the write under way is done before it."""
    scope = own(stage).scope
    for turn in range(ROUNDS):
        made = give(scope, stage["global-admin"], stage["user"], CONTRIBUTOR)
        calls = [
            lambda made=made: services.remove_azure_assignment(assignment=made, actor=stage["global-admin"]),
            lambda turn=turn: group_in(scope, stage["user"], f"group-{turn}"),
        ]
        found = at_once(*(calls if turn % 2 else reversed(calls)))
        is_refused = bool(refusals(found))
        assert Scope.objects.filter(name=f"group-{turn}").exists() is not is_refused
        assert not access.decide(stage["user"], Can.AZURE_VIEW, scope).allowed
        with pytest.raises(PermissionDenied):
            group_in(scope, stage["user"], "later")
        assert consistent(stage)


def test_deleting_a_group_against_giving_it_a_role(stage: Cast) -> None:
    scope = own(stage).scope
    for turn in range(ROUNDS):
        group = custom(stage.contoso, f"Group {turn}", stage["user"])
        at_once(
            lambda group=group: groups.delete_group(group=group, actor=stage["global-admin"]),
            lambda group=group: give(scope, stage["global-admin"], group),
        )
        assert not access.decide(stage["user"], Can.AZURE_VIEW, scope).allowed
        assert consistent(stage)


def test_deleting_a_scope_against_giving_a_role_there_leaves_no_path(stage: Cast) -> None:
    scope = own(stage).scope
    for turn in range(ROUNDS):
        group = group_in(scope, stage["global-admin"], f"group-{turn}")
        resource = resource_in(group, stage["global-admin"])
        at_once(
            lambda group=group: services.delete_scope(scope=group, actor=stage["global-admin"]),
            lambda resource=resource: give(resource, stage["global-admin"], stage["user"]),
        )
        assert in_force(resource) == 0
        assert not access.has_any_scope(stage["user"], stage.contoso)
        assert consistent(stage)


def test_moving_against_moving_back_and_deleting(stage: Cast) -> None:
    one, two = own(stage, "One").scope, own(stage, "Two").scope
    for turn in range(ROUNDS):
        here, there = (group_in(scope, stage["global-admin"], f"group-{turn}") for scope in (one, two))
        resource = resource_in(here, stage["global-admin"])
        give(resource, stage["global-admin"], stage["user"])
        at_once(
            lambda resource=resource, there=there: services.move_resource(
                scope=resource, actor=stage["global-admin"], to=there
            ),
            lambda here=here: services.delete_scope(scope=here, actor=stage["global-admin"]),
        )
        found = Scope.objects.get(pk=resource.pk)
        assert found.deleted_at is not None or found.parent_id == there.pk
        assert found.lineage[:-1] == found.parent.lineage
        assert not access.decide(stage["user"], Can.AZURE_VIEW, found).allowed
        assert consistent(stage)


def test_elevating_twice_at_once_is_one_elevation(stage: Cast) -> None:
    found = at_once(
        *(lambda: services.elevate(tenant=stage.contoso, actor=stage["global-admin"]) for _call in range(3))
    )
    assert len({row.pk for row in found}) == 1
    assert consistent(stage)
