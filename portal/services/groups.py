"""Security groups and their members (DOMAIN §1, §2). Hidden groups are the portal's own and never come here."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, connection
from django.utils.translation import gettext_lazy as _

from portal import access, audit
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Membership, PairGrant, SecurityGroup, Tenant, TenantGrant, User
from portal.services import people
from portal.writes import writes


def capability_for(group: SecurityGroup) -> Capability:
    """Who edits this group's members: delegating ones only by the partner's table, never on behalf (DOMAIN §2)."""
    return Capability.DELEGATING_GROUPS_MANAGE if group.is_delegating else Capability.GROUPS_MANAGE


def _locked(group: SecurityGroup) -> SecurityGroup:
    """The group as it is now; one write at a time changes who holds what in a tenant."""
    people.lock_people(group.tenant_id)
    # Locked too: whoever gives the group roles in a customer's tenant looks at its members.
    rows = SecurityGroup.objects.select_for_update(of=("self",), no_key=True)
    found = rows.filter(pk=group.pk).exclude(kind__in=SecurityGroup.HIDDEN).first()
    if found is None:
        raise Refused(_("This group is not there any more."))
    return found


def _require(actor: User, group: SecurityGroup) -> Decision:
    return access.require(actor, capability_for(group), group)


def _custom_only(group: SecurityGroup) -> None:
    if group.kind != SecurityGroup.Kind.CUSTOM:
        raise Refused(_("A built-in group can't be renamed or deleted."))


@writes
def create_group(*, tenant: Tenant, actor: User, name: str) -> SecurityGroup:
    """A new security group without members; it gives nothing by itself (DOMAIN §2).

    Raises PermissionDenied without `groups.manage`, Refused for a name that is taken, ignoring case.
    """
    people.lock_people(tenant.pk)
    decision = access.require(actor, Capability.GROUPS_MANAGE, tenant)
    _free_name(tenant.pk, name)
    try:
        group = people.create_group(tenant, SecurityGroup.Kind.CUSTOM, name)
    except IntegrityError as taken:
        raise Refused(_("There is a group with this name already."), field="name") from taken
    audit.record("group.created", actor=actor, tenant=tenant, target=group, decision=decision, after={"name": name})
    return group


def _free_name(tenant_id: UUID, name: str, but: SecurityGroup | None = None) -> None:
    taken = SecurityGroup.objects.filter(tenant_id=tenant_id, name__iexact=name).exclude(kind__in=SecurityGroup.HIDDEN)
    if taken.exclude(pk=but.pk if but else None).exists():
        raise Refused(_("There is a group with this name already."), field="name")


@writes
def rename_group(*, group: SecurityGroup, actor: User, name: str) -> SecurityGroup:
    """Give a security group another name. Raises like `create_group`; Refused for a built-in one."""
    group = _locked(group)
    decision = _require(actor, group)
    _custom_only(group)
    before = group.name
    if before == name:
        return group
    _free_name(group.tenant_id, name, but=group)
    group.name = name
    try:
        group.save(update_fields=["name"])
    except IntegrityError as taken:
        raise Refused(_("There is a group with this name already."), field="name") from taken
    audit.record(
        "group.renamed",
        actor=actor,
        tenant=group.tenant_id,
        target=group,
        decision=decision,
        before={"name": before},
        after={"name": name},
    )
    return group


@writes
def delete_group(*, group: SecurityGroup, actor: User) -> None:
    """Delete a security group and its memberships; what its members were is kept in the history.

    Azure roles that it holds stay where they are, without anybody who has them (DOMAIN §8).

    Raises Refused for a built-in group and for one that access still rests on.
    """
    group = _locked(group)
    decision = _require(actor, group)
    _custom_only(group)
    if uses_of(group):
        raise Refused(_("Access still rests on this group: take it out of the customers it works for first."))
    members = Membership.objects.filter(group_id=group.pk)
    before = {"name": group.name, "members": members.count()}
    audit.record("group.deleted", actor=actor, tenant=group.tenant_id, target=group, decision=decision, before=before)
    members.delete()
    access.revoke_group_at_scopes(group.pk)
    with connection.cursor() as cursor:  # the ORM would delete the history of memberships too, which nobody may
        cursor.execute("DELETE FROM portal_securitygroup WHERE group_id = %s", [group.pk])
        cursor.execute("DELETE FROM auth_group WHERE id = %s", [group.pk])


def uses_of(group: SecurityGroup) -> int:
    """On how many customers' or tenants' access this group has a say."""
    return (
        PairGrant.objects.filter(group_id=group.pk).count()
        + TenantGrant.objects.filter(group_id=group.pk).exclude(source="builtin").count()
    )


@writes
def add_member(*, group: SecurityGroup, person: User, actor: User) -> None:
    """Put one of the tenant's own people into the group, now; a member stays one.

    Raises PermissionDenied without the right over this kind of group, Refused for people of other tenants, deleted
    people, and guests in a delegating group (DOMAIN §2).
    """
    group = _locked(group)
    decision = _require(actor, group)
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    if person.tenant_id != group.tenant_id or person.deleted_at is not None:
        raise Refused(_("Only people of this organisation can be members."), field="person")
    if group.is_delegating and person.kind == User.Kind.GUEST:
        raise Refused(_("A group that works for customers has no guests."), field="person")
    people.put_in_group(person, group, actor=actor, decision=decision)


@writes
def remove_member(*, group: SecurityGroup, person: User, actor: User) -> None:
    """Take somebody out of the group: what the group gives ends with the next request. Raises like `add_member`."""
    group = _locked(group)
    decision = _require(actor, group)
    people.take_from_group(person, group, actor=actor, decision=decision)
