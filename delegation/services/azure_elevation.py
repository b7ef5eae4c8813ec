"""A customer's Global Administrator as User Access Administrator of every subscription, for 8 hours (DOMAIN §8)."""

from __future__ import annotations

from delegation.models import ELEVATED_FOR, AzureElevation
from delegation.services import azure_notices
from delegation.services import azure_rows as rows
from delegation.services.azure_subscriptions import root_of
from portal import access, catalogue, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.models import PathKind, RoleAssignment, Tenant, User
from portal.services import people
from portal.writes import writes


@writes
def elevate(*, tenant: Tenant, actor: User) -> AzureElevation:
    """Make oneself User Access Administrator of all of the tenant's subscriptions; it ends by itself after 8 hours.

    Elevating again while elevated changes nothing. All Global Administrators are told. Raises PermissionDenied unless
    actor is a Global Administrator of the tenant's own.
    """
    people.lock_people(tenant.pk)
    decision = access.require(actor, Capability.AZURE_ELEVATE, tenant)
    held = AzureElevation.objects.select_for_update().filter(user=actor, ended_at__isnull=True).first()
    if held is not None and not held.is_over:
        return held
    if held is not None:
        _end(held, None, None)
    now = clock.now()
    made = AzureElevation.objects.create(tenant=tenant, user=actor, started_at=now, until=now + ELEVATED_FOR)
    role = catalogue.azure_roles()[catalogue.AZURE_USER_ACCESS_ADMINISTRATOR]
    access.grant_scope(
        root_of(tenant), actor.own_group.pk, role.codename, kind=PathKind.ELEVATED, source=made.source, until=made.until
    )
    rows.record(
        "azure.elevated", actor=actor, tenant=tenant, target=made, decision=decision, after={"until": made.until}
    )
    azure_notices.tell_elevated(made, tenant)
    return made


@writes
def end_elevation(*, elevation: AzureElevation, actor: User) -> AzureElevation:
    """End one's own elevation, or that of another Global Administrator, now. An ended one stays as it is.

    What was assigned meanwhile stays, marked. Raises PermissionDenied unless actor is a Global Administrator of the
    tenant's own.
    """
    people.lock_people(elevation.tenant_id)
    row = AzureElevation.objects.select_for_update(of=("self",)).select_related("user").get(pk=elevation.pk)
    decision = access.require(actor, Capability.AZURE_ELEVATE, row)
    if not row.is_over:
        _end(row, actor, decision)
    return row


def end_with_role(assignment: RoleAssignment, actor: User) -> None:
    """Part of the write that takes a directory role: nobody stays elevated who is no Global Administrator any more."""
    if assignment.role_id != catalogue.GLOBAL_ADMINISTRATOR:
        return
    held = AzureElevation.objects.select_for_update(of=("self",)).select_related("user")
    for row in held.filter(user=assignment.user_id, tenant=assignment.tenant_id, ended_at__isnull=True):
        _end(row, actor, None)


def _end(row: AzureElevation, actor: User | None, decision: Decision | None) -> None:
    row.ended_at, row.ended_by = min(clock.now(), row.until), actor
    row.save(update_fields=["ended_at", "ended_by"])
    access.revoke_scope_sources([row.source])
    rows.record("azure.elevation_ended", actor=actor, tenant=row.tenant_id, target=row, decision=decision)
