"""Resource groups and resources: created, tagged, moved, deleted (DOMAIN §8)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from delegation import azure_names
from delegation.models import AzureAssignment
from delegation.services import azure_assignments as assignments
from delegation.services import azure_rows as rows
from portal import access, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Scope, User
from portal.writes import writes

Kind = Scope.Kind
NAME_TAKEN: dict[str, tuple[object, str | None]] = {
    "scope_name_once": (_("There is one with this name here already."), "name")
}


@writes
def create_scope(
    *, parent: Scope, actor: User, name: str, resource_type: str = "", tags: Mapping[str, str] | None = None
) -> Scope:
    """A resource group in a subscription, or (with its type) a resource in a resource group.

    Raises PermissionDenied without `azure.manage_resources` there, Refused (with the field) for a name that is taken
    or can't be, below a resource, and in a cancelled subscription.
    """
    subscription, above = rows.locked(parent)
    decision = access.require(actor, Capability.AZURE_MANAGE_RESOURCES, above)
    rows.require_active(subscription)
    made = drafted(above, name, resource_type, tags or {})
    with rows.refusing(NAME_TAKEN):
        made.save(force_insert=True)
    _record("azure.scope_created", made, actor, decision, after={"tags": azure_names.written_tags(made.tags)})
    return made


def drafted(above: Scope, name: str, resource_type: str, tags: Mapping[str, str]) -> Scope:
    """A scope below another, its fields checked, not stored. Raises Refused."""
    if above.kind == Kind.SUBSCRIPTION:
        kind, checked, its_type = Kind.RESOURCE_GROUP, azure_names.group_name(name), ""
    elif above.kind == Kind.RESOURCE_GROUP:
        kind, checked = Kind.RESOURCE, azure_names.resource_name(name)
        its_type = azure_names.resource_type(resource_type)
    else:
        raise Refused(_("Nothing can be made below a resource."))
    scope = Scope(
        tenant_id=above.tenant_id,
        kind=kind,
        parent=above,
        name=checked,
        resource_type=its_type,
        tags=azure_names.tags(tags),
        created_at=clock.now(),
    )
    scope.lineage = [*above.lineage, scope.pk]
    return scope


@writes
def tag_scope(*, scope: Scope, actor: User, tags: Mapping[str, str]) -> Scope:
    """Give it these tags instead of those it has; the same again change nothing. Raises like `create_scope`."""
    subscription, row = rows.locked(scope)
    decision = access.require(actor, Capability.AZURE_MANAGE_RESOURCES, row)
    rows.require_active(subscription)
    before, after = row.tags, azure_names.tags(tags)
    if before == after:
        return row
    row.tags = after
    row.save(update_fields=["tags"])
    _record(
        "azure.scope_tagged",
        row,
        actor,
        decision,
        before={"tags": azure_names.written_tags(before)},
        after={"tags": azure_names.written_tags(after)},
    )
    return row


@writes
def move_resource(*, scope: Scope, actor: User, to: Scope) -> Scope:
    """Take a resource to another resource group of the tenant; where it is already changes nothing.

    What was assigned to it stays within the subscription and ends in another one, as every role from above does.
    Raises PermissionDenied without `azure.manage_resources` at both, Refused for anything but a resource, a target
    that is no resource group of the tenant, a name that is taken there, and in a cancelled subscription.
    """
    here, there = Scope.objects.get(pk=scope.pk), Scope.objects.get(pk=to.pk)
    if here.kind != Kind.RESOURCE or there.kind != Kind.RESOURCE_GROUP or here.tenant_id != there.tenant_id:
        raise Refused(_("A resource moves to a resource group of the same organisation."), field="to")
    for one in sorted((here, there), key=lambda one: one.lineage[1]):
        rows.lock_subscription(one)  # both, in one order for everybody
    subscription, row = rows.locked(scope)
    target_subscription, target = rows.locked(to)
    decision = access.require(actor, Capability.AZURE_MANAGE_RESOURCES, row)
    access.require(actor, Capability.AZURE_MANAGE_RESOURCES, target)
    rows.require_active(subscription)
    rows.require_active(target_subscription)
    if row.parent_id == target.pk:
        return row
    before = rows.place(row)
    if subscription.pk != target_subscription.pk:
        assignments.end_with_scopes(row, actor, decision, AzureAssignment.EndReason.SCOPE_MOVED)
    row.parent, row.lineage = target, [*target.lineage, row.pk]
    with rows.refusing(NAME_TAKEN):
        row.save(update_fields=["parent", "lineage"])
    _record("azure.scope_moved", row, actor, decision, before={"scope": before}, after={"scope": rows.place(row)})
    return row


@writes
def delete_scope(*, scope: Scope, actor: User) -> Scope:
    """Delete a resource group with all in it, or a resource; every role assigned there or below ends, now.

    Deleting a deleted one changes nothing. Raises PermissionDenied without `azure.manage_resources` there, Refused
    for a subscription (it is cancelled instead).
    """
    found = Scope.objects.filter(pk=scope.pk).first()
    if found is not None and found.deleted_at is not None:
        access.require(actor, Capability.AZURE_MANAGE_RESOURCES, found)
        return found
    _subscription, row = rows.locked(scope)
    decision = access.require(actor, Capability.AZURE_MANAGE_RESOURCES, row)
    if row.kind == Kind.SUBSCRIPTION:
        raise Refused(_("A subscription isn't deleted but cancelled."))
    place = rows.place(row)
    ended = assignments.end_with_scopes(row, actor, decision, AzureAssignment.EndReason.SCOPE_DELETED)
    row.deleted_at = clock.now()
    count = Scope.objects.filter(lineage__contains=[row.pk], deleted_at__isnull=True).update(deleted_at=row.deleted_at)
    _record(
        "azure.scope_deleted", row, actor, decision, place=place, resources=count - 1 or None, roles=len(ended) or None
    )
    return row


def _record(action: str, scope: Scope, actor: User, decision: Decision, *, place: str = "", **data: object) -> None:
    names = {} if action == "azure.scope_moved" else {"scope": place or rows.place(scope)}
    rows.record(action, actor=actor, tenant=scope.tenant_id, target=scope, decision=decision, **names, **data)
