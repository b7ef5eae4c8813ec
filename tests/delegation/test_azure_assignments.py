"""Azure role assignments: who adds and removes what, and what nobody can (DOMAIN §8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.http import Http404
from django.test import Client
from django.urls import reverse

from delegation import azure_queries, services, verification
from delegation.models import AzureAssignment
from portal import access, audit, clock
from portal.catalogue import Capability as Can
from portal.errors import Conflict, PermissionDenied, Refused
from portal.models import AuditEntry, Membership, OutboxMessage, Pair, SecurityGroup
from portal.services import groups, people
from relationships import services as relationships
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import custom
from tests.delegation.provisioning import (
    ACCESS,
    CONTRIBUTOR,
    OWNER,
    RBAC,
    READER,
    agents,
    azure_role,
    give,
    group_in,
    own,
    owner_of,
    provisioned,
    resource_in,
)

NOON = datetime(2100, 1, 1, 12, tzinfo=UTC)


def refused_by_the_database(write: Callable[[], object]) -> bool:
    """Whether the database itself says no, whoever writes."""
    try:
        with transaction.atomic():
            write()
    except DatabaseError:
        return True
    return False


def changed(row: AzureAssignment, **fields: object) -> Callable[[], object]:
    """The row, written past the services."""
    return lambda: AzureAssignment.objects.filter(pk=row.pk).update(**fields)


# ── who may ──


@pytest.mark.parametrize("role", [OWNER, ACCESS, RBAC])
def test_who_may_write_assignments_by_a_role(dap_cast: Cast, role: str) -> None:
    cast = dap_cast
    subscription = own(cast)
    group = group_in(subscription.scope, cast["global-admin"])
    give(subscription.scope, cast["global-admin"], cast["user-admin"], role)
    made = give(resource_in(group, cast["global-admin"]), cast["user-admin"], cast["user"])
    services.remove_azure_assignment(assignment=made, actor=cast["user-admin"])
    assert verification.differences() == []


@pytest.mark.parametrize("role", [CONTRIBUTOR, READER, "Support Request Contributor", "Billing Reader"])
def test_who_may_not(dap_cast: Cast, role: str) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = give(subscription.scope, cast["global-admin"], cast["user-admin"], role)
    for act in (
        lambda: give(subscription.scope, cast["user-admin"], cast["user"]),
        lambda: services.remove_azure_assignment(assignment=made, actor=cast["user-admin"]),
        lambda: services.describe_assignment(assignment=made, actor=cast["user-admin"], description="x", version=1),
        lambda: services.set_assignment_end(assignment=made, actor=cast["user-admin"], until=None, version=1),
        lambda: services.reinstate(scope=subscription.scope, pair=cast.pair, actor=cast["user-admin"]),
    ):
        with pytest.raises(PermissionDenied):
            act()
    with pytest.raises(Http404):
        give(subscription.scope, cast["stranger-customer"], cast["user"])


def test_a_right_in_one_group_says_nothing_about_another(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    web, data = (group_in(subscription.scope, cast["global-admin"], name) for name in ("web", "data"))
    give(web, cast["global-admin"], cast["user-admin"], OWNER)
    give(web, cast["user-admin"], cast["user"])
    for elsewhere in (data, subscription.scope):
        with pytest.raises(PermissionDenied):
            give(elsewhere, cast["user-admin"], cast["user"])


def test_dap_and_gdap_give_nothing_in_azure_and_an_azure_role_gives_nothing_else(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    for who in ("admin-agent", "helpdesk-agent"):
        assert access.rights(cast[who], cast.contoso).paths
        with pytest.raises(PermissionDenied):
            give(subscription.scope, cast[who], cast["user"])
    with pytest.raises(PermissionDenied):
        services.elevate(tenant=cast.contoso, actor=cast["admin-agent"])
    give(subscription.scope, cast["global-admin"], agents(cast, "helpdesk_agents"), ACCESS)
    made = give(subscription.scope, cast["helpdesk-agent"], cast["user"])
    assert made.created_by_partner == cast.fabrikam
    with pytest.raises(PermissionDenied):
        services.create_scope(parent=subscription.scope, actor=cast["helpdesk-agent"], name="web")
    assert not access.decide(cast["helpdesk-agent"], Can.ROLES_ASSIGN, cast.contoso).allowed


def test_a_write_by_a_foreign_group_stands_in_both_chains_with_its_path(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    made = give(subscription.scope, cast["admin-agent"], cast["user"])
    for tenant in (cast.contoso, cast.fabrikam):
        entry = AuditEntry.objects.get(tenant=tenant, action="azure.assigned", target_id=str(made.pk))
        assert (entry.on_behalf_tenant_id, entry.role) == (cast.contoso.pk, OWNER)
        assert entry.path == owner_of(subscription).source
        assert audit.verify(tenant.pk) is None


# ── what can't be added ──


def test_the_same_again_already_exists(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    give(subscription.scope, cast["global-admin"], cast["user"])
    with pytest.raises(Refused, match="already exists"):
        give(subscription.scope, cast["global-admin"], cast["user"])
    give(subscription.scope, cast["global-admin"], cast["user"], CONTRIBUTOR)
    give(group_in(subscription.scope, cast["global-admin"]), cast["global-admin"], cast["user"])


def test_one_whose_end_has_come_makes_room_before_any_sweep(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    end = clock.now() + timedelta(hours=1)
    first = give(subscription.scope, cast["global-admin"], cast["user"], until=end)
    with clock.fixed(end):
        second = give(subscription.scope, cast["global-admin"], cast["user"])
        assert access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed
        assert services.end_due_azure() == 0
    first.refresh_from_db()
    assert (first.ended_at, first.end_reason, second.ended_at) == (end, "ended", None)
    assert verification.differences() == []


def test_the_limit_counts_what_is_in_force_in_the_whole_subscription(dap_cast: Cast, settings: object) -> None:
    cast = dap_cast
    settings.MANDATE_AZURE_ASSIGNMENTS_PER_SUBSCRIPTION = 3  # type: ignore[attr-defined]
    subscription = own(cast)
    group = group_in(subscription.scope, cast["global-admin"])
    made = give(group, cast["global-admin"], cast["user"])
    end = clock.now() + timedelta(hours=1)
    give(subscription.scope, cast["global-admin"], cast["user"], until=end)
    with pytest.raises(Refused, match="at most 3"):
        give(group, cast["global-admin"], cast["billing-admin"])
    own(cast, "Another")
    services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])
    give(group, cast["global-admin"], cast["billing-admin"])
    with clock.fixed(end):
        give(group, cast["global-admin"], cast["user"])


def test_a_principal_without_any_relationship_is_refused_and_a_former_partners_too(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    theirs = SecurityGroup.objects.get(tenant=cast.litware, kind="admin_agents")
    pair = factories.pair(cast.litware, cast.woodgrove)
    for principal in (theirs, cast["stranger-partner"].own_group, cast["stranger-customer"].own_group):
        with pytest.raises(Refused) as refused:
            give(subscription.scope, cast["global-admin"], principal)
        assert refused.value.field == "principal"

    def added(principal: SecurityGroup, principal_type: str, by: Pair | None) -> Callable[[], object]:
        return lambda: AzureAssignment.objects.create(
            tenant=cast.contoso,
            subscription=subscription,
            scope=subscription.scope,
            role_id=azure_role(READER),
            principal=principal,
            principal_type=principal_type,
            pair=by,
            started_at=clock.now(),
        )

    assert refused_by_the_database(added(theirs, "group", None))
    assert refused_by_the_database(added(theirs, "foreign_group", pair))
    assert refused_by_the_database(added(theirs, "foreign_group", None))
    assert refused_by_the_database(added(agents(cast), "foreign_user", cast.pair))
    assert not refused_by_the_database(added(agents(cast), "foreign_group", cast.pair))
    relationship = provisioned(cast).provisioned_by.pairs_as_partner.get().relationships.get()
    relationships.end_relationship(relationship=relationship, actor=cast["partner-admin"])
    with pytest.raises(Refused):
        give(subscription.scope, cast["global-admin"], agents(cast, "helpdesk_agents"))
    with pytest.raises(Refused):
        services.reinstate(scope=subscription.scope, pair=cast.pair, actor=cast["global-admin"])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role_id": "no-such-role"}, "role"),
        ({"role_id": ""}, "role"),
        ({"until": NOON}, "until"),
        ({"until": NOON - timedelta(days=1)}, "until"),
        ({"description": "x" * 2049}, "description"),
        ({"description": "a\x00b"}, "description"),
    ],
)
def test_bad_input_is_refused_with_its_field(dap_cast: Cast, given: dict[str, Any], field: str) -> None:
    subscription = own(dap_cast)
    given = {"role_id": azure_role(READER), "principal": dap_cast["user"].own_group} | given
    with clock.fixed(NOON), pytest.raises(Refused) as refused:
        services.add_assignment(scope=subscription.scope, actor=dap_cast["global-admin"], **given)
    assert refused.value.field == field


def test_nobody_in_general_and_nobody_deleted_gets_a_role(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    everyone = SecurityGroup.objects.get(tenant=cast.contoso, kind="everyone")
    people.delete_person(person=cast["user"], actor=cast["global-admin"])
    for principal in (everyone, cast["user"].own_group, SecurityGroup(pk=-1)):
        with pytest.raises(Refused) as refused:
            give(subscription.scope, cast["global-admin"], principal)
        assert refused.value.field == "principal"


def test_a_partners_group_with_an_azure_role_is_a_delegating_one(dap_cast: Cast) -> None:
    """No guests, not edited with ordinary groups, and its members count as privileged people (DOMAIN §1, §2)."""
    cast = dap_cast
    subscription = own(cast)
    guest = factories.person(cast.fabrikam, "guest", domain="fabrikam.example", kind="guest")
    group = custom(cast.fabrikam, "Operators", cast["partner-user"])
    with_guest = custom(cast.fabrikam, "Visitors", guest)
    with pytest.raises(Refused, match="guests"):
        give(subscription.scope, cast["global-admin"], with_guest)
    assert not group.is_delegating
    made = give(subscription.scope, cast["global-admin"], group)
    group = SecurityGroup.objects.get(pk=group.pk)
    assert group.is_delegating
    assert group in SecurityGroup.objects.filter(SecurityGroup.delegating())
    assert groups.capability_for(group) == Can.DELEGATING_GROUPS_MANAGE
    assert access.is_privileged_person(cast["partner-user"])
    assert refused_by_the_database(lambda: Membership.objects.create(group_id=group.pk, user=guest, since=clock.now()))
    services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])
    assert not SecurityGroup.objects.get(pk=group.pk).is_delegating


def test_the_customers_own_group_with_an_azure_role_is_an_ordinary_one(dap_cast: Cast) -> None:
    cast = dap_cast
    group = custom(cast.contoso, "Operators", cast["user"])
    give(own(cast).scope, cast["global-admin"], group, OWNER)
    group = SecurityGroup.objects.get(pk=group.pk)
    assert not group.is_delegating
    assert groups.capability_for(group) == Can.GROUPS_MANAGE


# ── what never changes ──


def test_principal_role_and_scope_never_change_and_what_ended_is_final(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = give(subscription.scope, cast["global-admin"], cast["user"])
    group = group_in(subscription.scope, cast["global-admin"])
    for change in (
        {"role_id": azure_role(OWNER)},
        {"principal": cast["billing-admin"].own_group},
        {"scope": group},
        {"is_made_elevated": True},
        {"started_at": made.started_at - timedelta(days=1)},
        {"end_reason": "deleted"},
        {"ended_at": clock.now(), "end_reason": "ended"},
    ):
        assert refused_by_the_database(changed(made, **change))
    assert refused_by_the_database(AzureAssignment.objects.filter(pk=made.pk).delete)
    assert not refused_by_the_database(changed(made, description="x"))
    services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])
    assert refused_by_the_database(changed(made, ended_at=None, end_reason=""))


def test_a_stale_description_or_end_conflicts(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = give(subscription.scope, cast["global-admin"], cast["user"])
    by = {"assignment": made, "actor": cast["global-admin"]}
    described = services.describe_assignment(**by, description="Support", version=1)
    assert (described.description, described.version) == ("Support", 2)
    with pytest.raises(Conflict):
        services.describe_assignment(**by, description="Other", version=1)
    end = clock.now() + timedelta(days=1)
    with pytest.raises(Conflict):
        services.set_assignment_end(**by, until=end, version=1)
    ended = services.set_assignment_end(**by, until=end, version=2)
    assert services.set_assignment_end(**by, until=end, version=3).version == 3
    assert verification.differences() == []
    with clock.fixed(end):
        assert not access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed
        with pytest.raises(Conflict):
            services.set_assignment_end(**by, until=None, version=ended.version)
    services.remove_azure_assignment(**by)
    with pytest.raises(Conflict):
        services.describe_assignment(**by, description="Other", version=3)


# ── removal ──


def test_inherited_roles_are_removable_only_where_they_were_made(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    group = group_in(subscription.scope, cast["global-admin"])
    inherited = give(subscription.scope, cast["global-admin"], cast["user"])
    give(group, cast["global-admin"], cast["user-admin"], OWNER)
    with pytest.raises(PermissionDenied):
        services.remove_azure_assignment(assignment=inherited, actor=cast["user-admin"])
    assert access.decide(cast["user"], Can.AZURE_VIEW, group).paths[0].scope_id == subscription.pk


def test_removing_ends_at_once_and_removing_again_changes_nothing(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = give(subscription.scope, cast["global-admin"], cast["user"])
    for _turn in range(2):
        services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])
        assert not access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed
    assert AuditEntry.objects.filter(tenant=cast.contoso, action="azure.assignment_removed").count() == 1
    give(subscription.scope, cast["global-admin"], cast["user"])


def test_the_last_owner_stays_except_for_a_global_administrator_of_the_customer(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    owner = owner_of(subscription)
    end = clock.now() + timedelta(days=1)
    with pytest.raises(Refused, match="keeps an Owner"):
        services.remove_azure_assignment(assignment=owner, actor=cast["admin-agent"])
    with pytest.raises(Refused, match="keeps an Owner"):
        services.set_assignment_end(assignment=owner, actor=cast["admin-agent"], until=end, version=1)
    for change in ({"ended_at": clock.now(), "end_reason": "deleted"}, {"until": end}):
        for by in (cast["admin-agent"], cast["billing-admin"]):
            assert refused_by_the_database(changed(owner, changed_by=by, **change))
    give(subscription.scope, cast["admin-agent"], cast["billing-admin"], ACCESS)
    with pytest.raises(Refused, match="keeps an Owner"):
        services.remove_azure_assignment(assignment=owner, actor=cast["billing-admin"])
    services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    services.remove_azure_assignment(assignment=owner, actor=cast["global-admin"])
    assert verification.differences() == []


def test_the_last_own_owner_stays_though_a_partner_is_owner_too(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast, by="billing-admin")
    give(subscription.scope, cast["billing-admin"], agents(cast), OWNER)
    with pytest.raises(Refused, match="keeps an Owner"):
        services.remove_azure_assignment(assignment=owner_of(subscription), actor=cast["admin-agent"])
    second = give(subscription.scope, cast["admin-agent"], cast["user"], OWNER)
    services.remove_azure_assignment(assignment=owner_of(subscription), actor=cast["admin-agent"])
    with pytest.raises(Refused, match="keeps an Owner"):
        services.remove_azure_assignment(assignment=second, actor=cast["admin-agent"])
    partners = AzureAssignment.objects.get(principal=agents(cast))
    services.remove_azure_assignment(assignment=partners, actor=cast["user"])


def test_an_owner_that_ends_or_is_gone_is_not_what_keeps_the_last_one_free(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast, by="billing-admin")
    last = owner_of(subscription)
    give(subscription.scope, cast["billing-admin"], cast["user"], OWNER, until=clock.now() + timedelta(days=1))
    gone = custom(cast.contoso, "Gone", cast["user-admin"])
    nobody = give(subscription.scope, cast["billing-admin"], gone, OWNER)
    groups.delete_group(group=gone, actor=cast["global-admin"])
    with pytest.raises(Refused, match="keeps an Owner"):
        services.remove_azure_assignment(assignment=last, actor=cast["billing-admin"])
    services.remove_azure_assignment(assignment=nobody, actor=cast["billing-admin"])
    give(subscription.scope, cast["billing-admin"], cast["helpdesk-admin"], OWNER)
    services.remove_azure_assignment(assignment=last, actor=cast["billing-admin"])


def test_owners_below_the_subscription_come_and_go(dap_cast: Cast) -> None:
    subscription = own(dap_cast, by="billing-admin")
    group = group_in(subscription.scope, dap_cast["billing-admin"])
    made = give(group, dap_cast["billing-admin"], dap_cast["user"], OWNER)
    services.remove_azure_assignment(assignment=made, actor=dap_cast["user"])


# ── deleted principals ──


def test_a_deleted_groups_assignment_stays_without_identity_and_gives_nothing(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    group = custom(cast.contoso, "Operators", cast["user"])
    made = give(subscription.scope, cast["global-admin"], group, CONTRIBUTOR)
    assert access.decide(cast["user"], Can.AZURE_MANAGE_RESOURCES, subscription.scope).allowed
    groups.delete_group(group=group, actor=cast["global-admin"])
    made = AzureAssignment.objects.select_related("principal").get(pk=made.pk)
    assert (made.principal, made.principal_name, made.ended_at) == (None, "Operators", None)
    assert not access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed
    assert verification.differences() == []
    services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])


def test_a_deleted_persons_assignment_gives_nothing(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = give(subscription.scope, cast["global-admin"], cast["user"])
    people.delete_person(person=cast["user"], actor=cast["global-admin"])
    assert AzureAssignment.objects.get(pk=made.pk).ended_at is None
    assert not access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed
    assert verification.differences() == []
    services.remove_azure_assignment(assignment=made, actor=cast["global-admin"])


def test_the_pages_that_delete_say_which_azure_roles_end(dap_cast: Cast) -> None:
    cast = dap_cast
    scope = own(cast).scope
    group = custom(cast.contoso, "Operators", cast["user"])
    for place in (scope, group_in(scope, cast["global-admin"])):
        give(place, cast["global-admin"], group, CONTRIBUTOR)
    give(scope, cast["global-admin"], cast["user"], OWNER)
    client = Client()
    client.force_login(cast["global-admin"])
    here = {"tenant_slug": cast.contoso.slug}
    of_group = client.get(reverse("group-delete", kwargs=here | {"group_uid": group.uid})).context["ends"]
    assert {"label": "Mitwirkender", "detail": "Azure-Rolle an 2 Bereichen"} in of_group
    of_person = client.get(reverse("user-delete", kwargs=here | {"person_id": cast["user"].pk})).context["ends"]
    assert {"label": "Besitzer", "detail": "Azure-Rolle an 1 Bereich"} in of_person


def test_membership_is_read_live(dap_cast: Cast) -> None:
    subscription = provisioned(dap_cast)
    Membership.objects.filter(user=dap_cast["admin-agent"], group=agents(dap_cast).group).delete()
    assert not access.decide(dap_cast["admin-agent"], Can.AZURE_VIEW, subscription.scope).allowed


# ── reinstating, and what remains ──


def test_reinstating_makes_admin_agents_owner_again_in_one_step(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    made = services.reinstate(scope=subscription.scope, pair=cast.pair, actor=cast["global-admin"])
    assert (made.principal, made.role.name) == (agents(cast), OWNER)
    assert access.decide(cast["admin-agent"], Can.AZURE_MANAGE_SUBSCRIPTION, subscription.scope).allowed
    with pytest.raises(Refused, match="already exists"):
        services.reinstate(scope=subscription.scope, pair=cast.pair, actor=cast["global-admin"])


def test_what_remains_names_each_role_in_force_and_where(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    group = group_in(subscription.scope, cast["global-admin"])
    give(group, cast["global-admin"], agents(cast, "helpdesk_agents"), CONTRIBUTOR)
    over = give(subscription.scope, cast["global-admin"], agents(cast), READER)
    give(subscription.scope, cast["global-admin"], cast["user"], READER)
    services.remove_azure_assignment(assignment=over, actor=cast["global-admin"])
    found, _total = azure_queries.residuals(cast.pair, None)
    assert [(item.kind, item.detail) for item in found] == [("azure", "Contributor · HelpdeskAgents · Own / web")]


def test_the_last_role_that_earns_credit_is_told_apart(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    group = group_in(subscription.scope, cast["global-admin"])
    earning = give(group, cast["global-admin"], agents(cast), CONTRIBUTOR)
    reading = give(subscription.scope, cast["global-admin"], agents(cast), READER)
    assert azure_queries.is_last_that_earns(earning)
    assert not azure_queries.is_last_that_earns(reading)
    give(subscription.scope, cast["global-admin"], agents(cast, "helpdesk_agents"), OWNER)
    assert not azure_queries.is_last_that_earns(earning)


def test_a_privileged_role_for_a_partner_is_mailed_to_global_administrators(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    give(subscription.scope, cast["global-admin"], agents(cast), CONTRIBUTOR)
    give(subscription.scope, cast["global-admin"], agents(cast), READER)
    give(subscription.scope, cast["global-admin"], cast["user"], OWNER)
    told = OutboxMessage.objects.filter(kind="azure_role_given")
    assert [(message.to_user, message.tenant) for message in told] == [(cast["global-admin"], cast.contoso)]
