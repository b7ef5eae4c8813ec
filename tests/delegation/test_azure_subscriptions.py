"""Subscriptions: who provisions, creates, renames and cancels them, and what that gives (DOMAIN §8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.http import Http404

from delegation import services, verification
from delegation.models import AzureSubscription
from portal import access, clock
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, ChannelRole, PartnerProfile, Scope
from relationships import services as relationships
from tests import factories
from tests.cast import Cast
from tests.delegation.provisioning import OWNER, agents, azure_role, give, own, owner_of, provisioned, resell


def test_provisioning_makes_admin_agents_owner_at_once_as_a_foreign_group(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    owner = owner_of(subscription)
    assert (owner.principal, owner.role.name, owner.principal_type) == (agents(cast), OWNER, "foreign_group")
    assert (owner.pair, owner.created_by, owner.created_by_partner) == (cast.pair, cast["admin-agent"], cast.fabrikam)
    assert subscription.provisioned_by == cast.fabrikam
    decision = access.decide(cast["admin-agent"], Can.AZURE_MANAGE_SUBSCRIPTION, subscription.scope)
    assert decision.allowed
    assert decision.is_on_behalf
    assert not access.decide(cast["helpdesk-agent"], Can.AZURE_VIEW, subscription.scope).allowed
    assert not access.decide(cast["global-admin"], Can.AZURE_VIEW, subscription.scope).allowed
    assert verification.differences() == []
    for tenant in (cast.contoso, cast.fabrikam):
        assert set(
            AuditEntry.objects.filter(tenant=tenant, action__startswith="azure.").values_list("action", flat=True)
        ) == {
            "azure.subscription_provisioned",
            "azure.assigned",
        }


@pytest.mark.parametrize("who", ["sales-agent", "helpdesk-agent", "partner-admin", "partner-user"])
def test_only_an_admin_agent_provisions(dap_cast: Cast, who: str) -> None:
    resell(dap_cast.pair)
    with pytest.raises(PermissionDenied):
        services.provision_subscription(pair=dap_cast.pair, actor=dap_cast[who], name="Production", offer="Azure plan")


@pytest.mark.parametrize("who", ["global-admin", "stranger-partner", "stranger-customer"])
def test_whoever_is_not_of_the_partner_finds_no_such_relationship(dap_cast: Cast, who: str) -> None:
    resell(dap_cast.pair)
    with pytest.raises(Http404):
        services.provision_subscription(pair=dap_cast.pair, actor=dap_cast[who], name="Production", offer="Azure plan")


def test_provisioning_needs_a_reseller_relationship_in_force(dap_cast: Cast) -> None:
    resell(dap_cast.pair, "advisor")
    with pytest.raises(Refused, match="Only a reseller"):
        services.provision_subscription(
            pair=dap_cast.pair, actor=dap_cast["admin-agent"], name="Production", offer="Azure plan"
        )
    assert not AzureSubscription.objects.exists()


def test_existing_subscriptions_give_a_new_partner_nothing_with_or_without_dap(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    resell(cast.pair)
    for who in ("admin-agent", "helpdesk-agent", "partner-admin"):
        assert not access.decide(cast[who], Can.AZURE_VIEW, subscription.scope).allowed
        assert not access.has_any_scope(cast[who], cast.contoso)


def test_removing_dap_leaves_the_role_and_deleting_the_assignment_ends_it_at_once(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    services.remove_dap(grant=cast.dap, actor=cast["global-admin"])
    assert access.decide(cast["admin-agent"], Can.AZURE_ASSIGN_ROLES, subscription.scope).allowed
    services.elevate(tenant=cast.contoso, actor=cast["global-admin"])
    services.remove_azure_assignment(assignment=owner_of(subscription), actor=cast["global-admin"])
    assert not access.decide(cast["admin-agent"], Can.AZURE_VIEW, subscription.scope).allowed
    assert verification.differences() == []


def test_ending_the_relationship_leaves_the_role_to_strangers(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = provisioned(cast)
    relationship = cast.pair.relationships.get(partner_type="reseller")
    relationships.end_relationship(relationship=relationship, actor=cast["partner-admin"])
    assert not access.is_insider(cast["admin-agent"], cast.contoso.pk)
    assert access.decide(cast["admin-agent"], Can.AZURE_MANAGE_SUBSCRIPTION, subscription.scope).allowed
    assert not access.decide(cast["helpdesk-agent"], Can.AZURE_VIEW, subscription.scope).allowed


def test_an_indirect_resellers_provider_becomes_owner_and_may_add_the_reseller(dap_cast: Cast) -> None:
    cast = dap_cast
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(channel_role=ChannelRole.INDIRECT_RESELLER)
    tailspin, _administrator = factories.partner(
        "Tailspin", domain="tailspin.example", channel_role=ChannelRole.INDIRECT_PROVIDER
    )
    seller = factories.agent(tailspin, "agent", "admin_agents", domain="tailspin.example")
    provider = factories.pair(tailspin, cast.contoso)
    resell(provider)
    subscription = provisioned(cast)
    assert owner_of(subscription).pair == provider
    assert subscription.provisioned_by == cast.fabrikam
    assert not access.decide(cast["admin-agent"], Can.AZURE_VIEW, subscription.scope).allowed
    give(subscription.scope, seller, agents(cast), OWNER)
    assert access.decide(cast["admin-agent"], Can.AZURE_MANAGE_SUBSCRIPTION, subscription.scope).allowed


def test_without_a_provider_the_indirect_reseller_itself_is_owner(dap_cast: Cast) -> None:
    PartnerProfile.objects.filter(tenant=dap_cast.fabrikam).update(channel_role=ChannelRole.INDIRECT_RESELLER)
    assert owner_of(provisioned(dap_cast)).pair == dap_cast.pair


@pytest.mark.parametrize("who", ["global-admin", "billing-admin"])
def test_whoever_creates_the_customers_own_subscription_is_its_owner(dap_cast: Cast, who: str) -> None:
    subscription = own(dap_cast, by=who)
    owner = owner_of(subscription)
    assert (owner.principal.person, owner.role_id, owner.principal_type) == (dap_cast[who], azure_role(OWNER), "user")
    assert subscription.provisioned_by is None
    assert access.decide(dap_cast[who], Can.AZURE_MANAGE_SUBSCRIPTION, subscription.scope).allowed


def test_on_behalf_nobody_creates_the_customers_own(dap_cast: Cast) -> None:
    assert access.decide(dap_cast["admin-agent"], Can.SUBSCRIPTIONS_MANAGE, dap_cast.contoso).allowed
    with pytest.raises(Refused, match="provisioned"):
        own(dap_cast, by="admin-agent")
    for who in ("user", "user-admin"):
        with pytest.raises(PermissionDenied):
            own(dap_cast, by=who)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb", "a\x00b"])
def test_a_name_that_cant_be_is_refused(dap_cast: Cast, name: str) -> None:
    with pytest.raises(Refused) as refused:
        own(dap_cast, name=name)
    assert refused.value.field == "name"


def test_an_owner_renames_and_cancels_and_nobody_else(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    give(subscription.scope, cast["global-admin"], cast["user-admin"], "Contributor")
    for act in (
        lambda who: services.rename_subscription(subscription=subscription, actor=cast[who], name="New"),
        lambda who: services.cancel_subscription(subscription=subscription, actor=cast[who]),
    ):
        for who in ("user-admin", "billing-admin", "admin-agent"):
            with pytest.raises(PermissionDenied):
                act(who)
        act("global-admin")
    subscription.refresh_from_db()
    assert (subscription.scope.name, subscription.state) == ("New", "cancelled")
    count = AuditEntry.objects.filter(tenant=cast.contoso).count()
    services.cancel_subscription(subscription=subscription, actor=cast["global-admin"])
    assert AuditEntry.objects.filter(tenant=cast.contoso).count() == count


def test_in_a_cancelled_subscription_roles_can_only_be_taken_away(dap_cast: Cast) -> None:
    cast = dap_cast
    subscription = own(cast)
    held = give(subscription.scope, cast["global-admin"], cast["user"])
    services.cancel_subscription(subscription=subscription, actor=cast["global-admin"])
    for act in (
        lambda: give(subscription.scope, cast["global-admin"], cast["billing-admin"]),
        lambda: services.create_scope(parent=subscription.scope, actor=cast["global-admin"], name="web"),
        lambda: services.rename_subscription(subscription=subscription, actor=cast["global-admin"], name="New"),
    ):
        with pytest.raises(Refused, match="cancelled"):
            act()
    services.remove_azure_assignment(assignment=held, actor=cast["global-admin"])
    assert not access.decide(cast["user"], Can.AZURE_VIEW, subscription.scope).allowed


def test_the_database_keeps_subscriptions_and_their_ends(dap_cast: Cast) -> None:
    subscription = own(dap_cast)
    rows = AzureSubscription.objects.filter(pk=subscription.pk)
    for write in (
        rows.delete,
        lambda: rows.update(state="cancelled"),
        lambda: Scope.objects.filter(pk=subscription.pk).delete(),
        lambda: Scope.objects.filter(pk=subscription.pk).update(kind="resource"),
        lambda: Scope.objects.filter(pk=subscription.pk).update(tenant=dap_cast.woodgrove),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            write()


def test_time_is_part_of_the_read(dap_cast: Cast) -> None:
    subscription = own(dap_cast)
    end = clock.now() + timedelta(days=1)
    give(subscription.scope, dap_cast["global-admin"], dap_cast["user"], until=end)
    for moment, is_allowed in ((end - timedelta(microseconds=1), True), (end, False)):
        with clock.fixed(moment):
            assert access.decide(dap_cast["user"], Can.AZURE_VIEW, subscription.scope).allowed is is_allowed
