"""Access assignments: which of the partner's groups hold which of the roles (DOMAIN §6). Approved is not access."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from delegation import sources
from delegation.models import GdapAssignment, GdapRelationship
from delegation.services import gdap_notices
from delegation.services import gdap_rows as rows
from delegation.services.gdap_rows import Status
from portal import access, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Conflict, Refused
from portal.models import Membership, Pair, SecurityGroup, User
from portal.writes import writes

State = GdapAssignment.State


@writes
def assign_group(
    *, relationship: GdapRelationship, group: SecurityGroup, role_ids: Collection[str], actor: User
) -> GdapAssignment:
    """Give a group some of the roles, now; before the answer it is planned and applied with the activation.

    Raises PermissionDenied without `gdap.assign` for this customer; Refused (with the field) for a group that isn't
    the partner's, has guests or is there already, for roles beyond the relationship's, and where it has ended.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, Capability.GDAP_ASSIGN, row)
    rows.require_status(row, Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)
    chosen = _checked_roles(row, role_ids)
    found = _checked_group(row, group)
    if row.assignments.filter(group=found).exclude(state=State.DELETED).exists():
        raise Refused(_("This group has an assignment here already. Edit that one."), field="group")
    is_active = row.status == Status.ACTIVE
    assignment = _create(row, found.pk, found.name, chosen, actor, State.ACTIVE if is_active else State.PLANNED)
    _record("gdap.assigned" if is_active else "gdap.planned", assignment, row, actor, decision, after=chosen)
    if is_active and row.pair is not None:
        sources.settle_dap(row.pair)
        sources.index_assignments(row, [assignment])
    return assignment


#: Before the answer an assignment is planned; it is the same act on a relationship that isn't active yet.
plan_assignment = assign_group


@writes
def edit_assignment(
    *, assignment: GdapAssignment, role_ids: Collection[str], version: int, actor: User
) -> GdapAssignment:
    """Change which roles the group holds, now. The same roles again change nothing.

    `version` is that of the page. Raises Conflict where somebody changed it since, else as `assign_group`.
    """
    row, found, decision = _locked(assignment, actor)
    rows.require_status(row, Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)
    if found.state == State.DELETED or found.version != version:
        raise Conflict(_("Somebody changed this assignment since you opened it. Look at it again."))
    chosen = _checked_roles(row, role_ids)
    if chosen == sorted(found.role_ids):
        return found
    _set_roles(row, found, chosen, actor, decision)
    return found


@writes
def remove_assignment(*, assignment: GdapAssignment, actor: User) -> GdapAssignment:
    """Take the roles from the group, now. Removing a removed one changes nothing. Raises PermissionDenied."""
    row, found, decision = _locked(assignment, actor)
    if found.state == State.DELETED or row.status_now in (Status.EXPIRED, Status.TERMINATED):
        return found
    delete(row, found, actor, decision)
    if row.pair is not None and sources.falls_back(row.pair, [found.group_id]):
        gdap_notices.tell_fallback(row.pair)
    return found


def delete(row: GdapRelationship, assignment: GdapAssignment, actor: User, decision: Decision | None) -> None:
    """Part of a write on a locked relationship: the assignment and its paths end."""
    before = assignment.role_ids
    assignment.state, assignment.deleted_at, assignment.deleted_by = State.DELETED, clock.now(), actor
    assignment.save(update_fields=["state", "deleted_at", "deleted_by"])
    access.revoke_source(assignment.source)
    _record("gdap.assignment_removed", assignment, row, actor, decision, before=before)


def without_roles(row: GdapRelationship, role_ids: set[str], actor: User, decision: Decision) -> list[int]:
    """Part of a removal of roles: every assignment loses them; the groups of those with nothing left."""
    emptied = []
    for assignment in row.assignments.exclude(state=State.DELETED).order_by("id"):
        kept = sorted(set(assignment.role_ids) - role_ids)
        if not kept:
            delete(row, assignment, actor, decision)
            emptied.append(assignment.group_id)
        elif len(kept) < len(assignment.role_ids):
            _set_roles(row, assignment, kept, actor, decision)
    return emptied


def apply_plans(row: GdapRelationship, granted: set[str], actor: User) -> list[GdapAssignment]:
    """Part of an activation: planned assignments apply, as far as their roles were granted and their groups exist."""
    applied = []
    for plan in row.assignments.filter(state=State.PLANNED).order_by("id"):
        kept = sorted(set(plan.role_ids) & granted)
        if not kept or _unfit(row, plan.group_id):
            delete(row, plan, actor, None)
            continue
        plan.role_ids, plan.state = kept, State.ACTIVE
        plan.save(update_fields=["role_ids", "state"])
        _record("gdap.assigned", plan, row, actor, None, after=kept)
        applied.append(plan)
    sources.index_assignments(row, applied)
    return applied


def carry_over(row: GdapRelationship, held: Iterable[GdapAssignment], granted: set[str], actor: User) -> None:
    """Part of an amendment's activation: the groups of the one it replaces keep those roles that exist here too."""
    carried = []
    for old in held:
        kept = sorted(set(old.role_ids) & granted)
        if kept and not _unfit(row, old.group_id):
            carried.append(_create(row, old.group_id, old.group_name, kept, actor, State.ACTIVE))
            _record("gdap.assigned", carried[-1], row, actor, None, after=kept)
    sources.index_assignments(row, carried)


def begun_pair(partner_id: UUID, customer_id: UUID) -> Pair | None:
    """The pair, if the two have, or had, a relationship."""
    return Pair.objects.filter(partner=partner_id, customer=customer_id, started_at__isnull=False).first()


# ── rules ──


def _locked(assignment: GdapAssignment, actor: User) -> tuple[GdapRelationship, GdapAssignment, Decision]:
    row = rows.locked(assignment.relationship)
    found = GdapAssignment.objects.select_for_update(of=("self",)).filter(pk=assignment.pk).first()
    decision = access.require(actor, Capability.GDAP_ASSIGN, row)
    if found is None:
        raise Conflict(_("This assignment is not there any more."))
    return row, found, decision


def _checked_roles(row: GdapRelationship, role_ids: Collection[str]) -> list[str]:
    chosen = sorted(set(role_ids))
    if not chosen:
        raise Refused(_("Choose at least one role."), field="roles")
    if not set(chosen) <= rows.role_ids_to_give(row):
        raise Refused(_("Only roles of this relationship can be assigned."), field="roles")
    return chosen


def _checked_group(row: GdapRelationship, group: SecurityGroup) -> SecurityGroup:
    """The group, locked, so that nobody deletes it or adds a guest meanwhile."""
    found = SecurityGroup.objects.select_for_update(of=("self",), no_key=True).filter(pk=group.pk).first()
    if found is None:
        raise Refused(_("This group is not there any more."), field="group")
    if found.tenant_id != row.partner_id or found.kind in SecurityGroup.HIDDEN:
        raise Refused(_("Only security groups of your own organisation can get roles."), field="group")
    if Membership.objects.filter(group_id=found.pk, user__kind=User.Kind.GUEST).exists():
        raise Refused(_("This group has guests. A group that works for customers has none."), field="group")
    return found


def _unfit(row: GdapRelationship, group_id: int) -> bool:
    """Whether the group was deleted, or got guests, since it was planned."""
    try:
        _checked_group(row, SecurityGroup(pk=group_id))
    except Refused:
        return True
    return False


def _create(
    row: GdapRelationship, group_id: int, name: str, role_ids: list[str], actor: User, state: GdapAssignment.State
) -> GdapAssignment:
    return GdapAssignment.objects.create(
        relationship=row,
        group_id=group_id,
        group_name=name,
        role_ids=role_ids,
        state=state,
        created_at=clock.now(),
        created_by=actor,
    )


def _set_roles(
    row: GdapRelationship, assignment: GdapAssignment, chosen: list[str], actor: User, decision: Decision
) -> None:
    before = assignment.role_ids
    assignment.role_ids, assignment.version = chosen, assignment.version + 1
    assignment.save(update_fields=["role_ids", "version"])
    if assignment.state == State.ACTIVE:
        sources.index_assignments(row, [assignment])
    _record("gdap.assignment_edited", assignment, row, actor, decision, before=before, after=chosen)


def _record(
    action: str,
    assignment: GdapAssignment,
    row: GdapRelationship,
    actor: User,
    decision: Decision | None,
    *,
    before: Collection[str] = (),
    after: Collection[str] = (),
) -> None:
    rows.record(
        action,
        row,
        actor,
        decision,
        before={"roles": rows.names_of(before)} if before else None,
        after={"roles": rows.names_of(after)} if after else None,
        group=assignment.group_name,
    )
