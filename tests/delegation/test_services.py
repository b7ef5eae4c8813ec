"""DAP ends at once and only it; limits of groups narrow; the index of paths stays what the rows say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.http import Http404

from delegation import services, verification
from delegation.models import DapGrant
from portal import access
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, OutboxMessage, PairGrant, SecurityGroup, TenantGrant
from tests.cast import Cast


@pytest.fixture(autouse=True)
def _index_is_the_truth(db: None) -> Iterator[None]:
    """What `manage.py access verify` finds, after every story: nothing."""
    yield
    assert verification.differences() == []


def actions(tenant) -> list[str]:
    return list(AuditEntry.objects.filter(tenant=tenant).order_by("seq").values_list("action", flat=True))


def mailed(kind: str) -> set[str]:
    return set(OutboxMessage.objects.filter(kind=kind).values_list("to_address", flat=True))


def test_global_administrator_removes_dap_and_both_sides_are_told(dap_cast: Cast) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"], reason="new partner")
    grant = DapGrant.objects.get(pk=dap_cast.dap.pk)
    assert (grant.ended_by_side, grant.end_reason, grant.ended_by) == (
        "customer",
        "new partner",
        dap_cast["global-admin"],
    )
    assert not TenantGrant.objects.filter(pair=dap_cast.pair).exists()
    assert mailed("dap_removed") == {"admin-agent@fabrikam.example", "global-admin@contoso.example"}
    for tenant in (dap_cast.contoso, dap_cast.fabrikam):
        assert actions(tenant)[-1] == "dap.removed"


@pytest.mark.parametrize(
    "persona",
    ["billing-admin", "user-admin", "delegation-admin", "user", "admin-agent", "helpdesk-agent", "sales-agent"],
)
def test_nobody_else_of_either_side_removes_dap(dap_cast: Cast, persona: str) -> None:
    with pytest.raises(PermissionDenied):
        services.remove_dap(grant=dap_cast.dap, actor=dap_cast[persona])
    assert DapGrant.objects.get(pk=dap_cast.dap.pk).ended_at is None
    assert access.decide(dap_cast["helpdesk-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed


@pytest.mark.parametrize("persona", ["stranger-partner", "stranger-customer", "stranger-partner-admin"])
def test_strangers_do_not_find_the_grant(dap_cast: Cast, persona: str) -> None:
    for service in (services.remove_dap, services.give_up_dap):
        with pytest.raises(Http404):
            service(grant=dap_cast.dap, actor=dap_cast[persona])


def test_removing_twice_changes_nothing(dap_cast: Cast) -> None:
    first = services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"], reason="first")
    again = services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"], reason="second")
    assert (again.ended_at, again.end_reason) == (first.ended_at, "first")
    assert actions(dap_cast.contoso).count("dap.removed") == 1
    assert OutboxMessage.objects.filter(kind="dap_removed").count() == 2


@pytest.mark.parametrize("persona", ["admin-agent", "partner-admin"])
def test_partner_gives_dap_up(dap_cast: Cast, persona: str) -> None:
    services.give_up_dap(grant=dap_cast.dap, actor=dap_cast[persona], reason="not needed")
    assert DapGrant.objects.get(pk=dap_cast.dap.pk).ended_by_side == "partner"
    assert not access.decide(dap_cast["admin-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert mailed("dap_given_up") == {"admin-agent@fabrikam.example", "global-admin@contoso.example"}
    assert actions(dap_cast.contoso)[-1] == "dap.given_up"


@pytest.mark.parametrize("persona", ["sales-agent", "helpdesk-agent", "partner-user"])
def test_other_people_of_the_partner_cannot_give_it_up(dap_cast: Cast, persona: str) -> None:
    with pytest.raises(PermissionDenied):
        services.give_up_dap(grant=dap_cast.dap, actor=dap_cast[persona])


def test_customer_cannot_give_up_in_the_partners_name(dap_cast: Cast) -> None:
    with pytest.raises(Http404):
        services.give_up_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])


def test_limited_groups_take_the_others_out_and_give_nothing(dap_cast: Cast) -> None:
    helpdesk = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="helpdesk_agents")
    sales = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="sales_agents")
    services.limit_groups(pair=dap_cast.pair, groups=[helpdesk, sales], actor=dap_cast["admin-agent"])
    assert access.decide(dap_cast["helpdesk-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert not access.decide(dap_cast["sales-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert not access.decide(dap_cast["admin-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    assert not access.decide(dap_cast["admin-agent"], Can.CUSTOMERS_VIEW, dap_cast.pair).allowed
    assert access.decide(dap_cast["partner-admin"], Can.CUSTOMERS_LIMIT_GROUPS, dap_cast.pair).allowed
    services.limit_groups(pair=dap_cast.pair, groups=None, actor=dap_cast["partner-admin"])
    assert access.decide(dap_cast["admin-agent"], Can.USERS_VIEW, dap_cast.contoso).allowed
    entries = AuditEntry.objects.filter(tenant=dap_cast.fabrikam, action="relationship.groups_limited").order_by("seq")
    assert [json.loads(entry.data)["after"]["groups"] for entry in entries] == [
        ["HelpdeskAgents", "SalesAgents"],
        ["Everyone"],
    ]


def test_choosing_the_same_groups_again_changes_nothing(dap_cast: Cast) -> None:
    group = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="admin_agents")
    for _time in range(2):
        services.limit_groups(pair=dap_cast.pair, groups=[group], actor=dap_cast["admin-agent"])
    assert actions(dap_cast.fabrikam).count("relationship.groups_limited") == 1


@pytest.mark.parametrize("persona", ["sales-agent", "helpdesk-agent", "partner-user"])
def test_limiting_takes_the_right(dap_cast: Cast, persona: str) -> None:
    with pytest.raises(PermissionDenied):
        services.limit_groups(pair=dap_cast.pair, groups=None, actor=dap_cast[persona])


def test_no_group_and_foreign_groups_are_refused(dap_cast: Cast) -> None:
    foreign = SecurityGroup.objects.get(tenant=dap_cast.litware, kind="admin_agents")
    hidden = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="everyone")
    for groups in ([], [foreign], [hidden]):
        with pytest.raises(Refused):
            services.limit_groups(pair=dap_cast.pair, groups=groups, actor=dap_cast["admin-agent"])
    assert set(PairGrant.objects.filter(content_object=dap_cast.pair).values_list("source", flat=True)) == {"default"}


def test_limit_after_removal_brings_no_path_back(dap_cast: Cast) -> None:
    services.remove_dap(grant=dap_cast.dap, actor=dap_cast["global-admin"])
    group = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="admin_agents")
    services.limit_groups(pair=dap_cast.pair, groups=[group], actor=dap_cast["admin-agent"])
    assert not TenantGrant.objects.filter(pair=dap_cast.pair).exists()
