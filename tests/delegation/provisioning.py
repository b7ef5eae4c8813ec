"""Short cuts of the Azure tests: subscriptions, scopes and roles, through the services."""

from __future__ import annotations

from typing import Any

from delegation import services
from delegation.models import AzureAssignment, AzureSubscription
from portal import catalogue, clock
from portal.models import Pair, Scope, SecurityGroup, User
from relationships.models import Relationship
from tests.cast import Cast

OWNER, CONTRIBUTOR, READER = "Owner", "Contributor", "Reader"
ACCESS, RBAC = "User Access Administrator", "Role Based Access Control Administrator"


def azure_role(name: str) -> str:
    """Id of an Azure role by its name."""
    return catalogue.azure_roles_by_name()[name].id


def resell(pair: Pair, partner_type: str = "reseller") -> Relationship:
    """The relationship on which provisioning rests."""
    return Relationship.objects.create(
        pair=pair, partner=pair.partner, customer=pair.customer, partner_type=partner_type, started_at=clock.now()
    )


def provisioned(cast: Cast, name: str = "Production") -> AzureSubscription:
    """By Fabrikam's Admin agent for Contoso: AdminAgents is Owner."""
    if not Relationship.objects.filter(pair=cast.pair, partner_type="reseller", ended_at__isnull=True).exists():
        resell(cast.pair)
    return services.provision_subscription(pair=cast.pair, actor=cast["admin-agent"], name=name, offer="Azure plan")


def own(cast: Cast, name: str = "Own", by: str = "global-admin") -> AzureSubscription:
    """Contoso's own: who creates it is Owner."""
    return services.create_subscription(tenant=cast.contoso, actor=cast[by], name=name, offer="Pay as you go")


def group_in(parent: Scope, actor: User, name: str = "web") -> Scope:
    """A resource group."""
    return services.create_scope(parent=parent, actor=actor, name=name)


def resource_in(parent: Scope, actor: User, name: str = "vm-1") -> Scope:
    """A resource."""
    return services.create_scope(
        parent=parent, actor=actor, name=name, resource_type="Microsoft.Compute/virtualMachines"
    )


def give(
    scope: Scope, actor: User, principal: SecurityGroup | User, role: str = READER, **more: Any
) -> AzureAssignment:
    """A role to a group or a person."""
    held_by = principal.own_group if isinstance(principal, User) else principal
    return services.add_assignment(scope=scope, actor=actor, principal=held_by, role_id=azure_role(role), **more)


def agents(cast: Cast, kind: str = "admin_agents") -> SecurityGroup:
    """One of Fabrikam's built-in groups."""
    return SecurityGroup.objects.get(tenant=cast.fabrikam, kind=kind)


def owner_of(subscription: AzureSubscription) -> AzureAssignment:
    """Its first Owner's assignment."""
    return subscription.role_assignments.order_by("started_at", "pk").first()
