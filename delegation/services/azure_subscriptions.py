"""Subscriptions: provisioned by a partner, created by the customer, renamed, cancelled (DOMAIN §8)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from delegation import azure_names
from delegation.models import AzureSubscription
from delegation.services import azure_assignments as assignments
from delegation.services import azure_rows as rows
from portal import access, clock
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import ChannelRole, Pair, Scope, SecurityGroup, Tenant, User
from portal.writes import writes
from relationships import catalogue as types
from relationships.models import Relationship

State = AzureSubscription.State
_RESELLERS = (types.RESELLER, types.INDIRECT_RESELLER)


@writes
def provision_subscription(*, pair: Pair, actor: User, name: str, offer: str) -> AzureSubscription:
    """A new subscription of the customer's, by its partner: AdminAgents is Owner of it at once, as a foreign group.

    An indirect reseller's provider gets it instead, where it has a relationship with the customer too. Raises
    PermissionDenied without `subscriptions.provision` for this customer, Refused without a reseller relationship.
    """
    row = Pair.objects.select_for_update(of=("self",)).select_related("partner__profile", "customer").get(pk=pair.pk)
    decision = access.require(actor, Capability.SUBSCRIPTIONS_PROVISION, row)
    if not _resells(row):
        raise Refused(_("Only a reseller of this customer can provision a subscription for it."))
    subscription = _create(row.customer, actor, name, offer, provisioned_by=row.partner)
    owner = _owning(row)
    agents = SecurityGroup.objects.get(tenant_id=owner.partner_id, kind=SecurityGroup.Kind.ADMIN_AGENTS)
    rows.record(
        "azure.subscription_provisioned",
        actor=actor,
        tenant=row.customer,
        target=subscription,
        decision=decision,
        partner=row.partner,
        after={"name": subscription.scope.name, "offer": subscription.offer},
    )
    assignments.give_owner(subscription, agents, actor, decision, partner=row.partner)
    return subscription


def _resells(pair: Pair) -> bool:
    in_force = Relationship.objects.filter(pair=pair, ended_at__isnull=True, partner_type__in=_RESELLERS)
    return pair.is_in_force and in_force.exists()


def _owning(pair: Pair) -> Pair:
    """Whose AdminAgents become Owner: an indirect reseller's provider, where it works for the customer (DOMAIN §8)."""
    profile = pair.partner.partner_profile
    if profile is None or profile.channel_role != ChannelRole.INDIRECT_RESELLER:
        return pair
    providers = Pair.objects.filter(
        customer_id=pair.customer_id,
        started_at__isnull=False,
        ended_at__isnull=True,
        partner__profile__channel_role=ChannelRole.INDIRECT_PROVIDER,
        partner__profile__approved_at__isnull=False,
        partner__profile__disabled_at__isnull=True,
    ).order_by("started_at", "id")
    return next((provider for provider in providers if _resells(provider)), pair)


@writes
def create_subscription(*, tenant: Tenant, actor: User, name: str, offer: str) -> AzureSubscription:
    """A new subscription by the customer itself; whoever creates it is its Owner.

    Raises PermissionDenied without `subscriptions.manage`, Refused where it is held on behalf only.
    """
    decision = access.require(actor, Capability.SUBSCRIPTIONS_MANAGE, tenant)
    if decision.is_on_behalf:
        raise Refused(_("On behalf of a customer a subscription is provisioned, as its partner."))
    subscription = _create(tenant, actor, name, offer)
    rows.record(
        "azure.subscription_created",
        actor=actor,
        tenant=tenant,
        target=subscription,
        decision=decision,
        after={"name": subscription.scope.name, "offer": subscription.offer},
    )
    assignments.give_owner(subscription, actor.own_group, actor, decision)
    return subscription


def root_of(tenant: Tenant) -> Scope:
    """The scope above all subscriptions; made with the first of them, or with the first elevation."""
    root = Scope(tenant=tenant, kind=Scope.Kind.ROOT, name="/", lineage=[], created_at=clock.now())
    Scope.objects.bulk_create([root], ignore_conflicts=True)
    return Scope.objects.get(tenant=tenant, kind=Scope.Kind.ROOT)


def _create(
    tenant: Tenant, actor: User, name: str, offer: str, provisioned_by: Tenant | None = None
) -> AzureSubscription:
    root = root_of(tenant)
    scope = Scope(
        tenant=tenant,
        kind=Scope.Kind.SUBSCRIPTION,
        parent=root,
        name=azure_names.subscription_name(name),
        created_at=clock.now(),
    )
    scope.lineage = [root.pk, scope.pk]
    scope.save(force_insert=True)
    return AzureSubscription.objects.create(
        scope=scope,
        tenant=tenant,
        offer=azure_names.offer(offer),
        provisioned_by=provisioned_by,
        created_by=actor,
    )


@writes
def rename_subscription(*, subscription: AzureSubscription, actor: User, name: str) -> AzureSubscription:
    """Give it another name; the same one changes nothing. Raises PermissionDenied unless actor is its Owner."""
    row, scope = rows.locked(subscription.scope)
    decision = access.require(actor, Capability.AZURE_MANAGE_SUBSCRIPTION, scope)
    rows.require_active(row)
    before, after = scope.name, azure_names.subscription_name(name)
    if before == after:
        return row
    scope.name = row.scope.name = after
    scope.save(update_fields=["name"])
    rows.record(
        "azure.subscription_renamed",
        actor=actor,
        tenant=row.tenant_id,
        target=row,
        decision=decision,
        before={"name": before},
        after={"name": after},
    )
    return row


@writes
def cancel_subscription(*, subscription: AzureSubscription, actor: User) -> AzureSubscription:
    """End it for good: nothing is added or changed in it any more; what it has, role assignments too, is kept.

    Cancelling a cancelled one changes nothing. Raises PermissionDenied unless actor is its Owner.
    """
    row, scope = rows.locked(subscription.scope)
    decision = access.require(actor, Capability.AZURE_MANAGE_SUBSCRIPTION, scope)
    if row.state == State.CANCELLED:
        return row
    row.state, row.cancelled_at = State.CANCELLED, clock.now()
    row.save(update_fields=["state", "cancelled_at"])
    rows.record("azure.subscription_cancelled", actor=actor, tenant=row.tenant_id, target=row, decision=decision)
    return row
