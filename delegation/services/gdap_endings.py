"""What narrows, prolongs or ends an active GDAP relationship (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from delegation import sources
from delegation.models import GdapAssignment, GdapRelationship
from delegation.services import gdap_assignments, gdap_notices
from delegation.services import gdap_rows as rows
from delegation.services.dap import remove_dap_too
from delegation.services.gdap_rows import Reason, Status
from portal import access, clock
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Pair, User
from portal.writes import writes
from relationships import catalogue as types
from relationships import offers
from relationships.services import end_type

_LONGEST_NOTE = 500


@writes
def set_auto_extend(*, relationship: GdapRelationship, is_on: bool, actor: User) -> GdapRelationship:
    """Switch auto-extend, from either side. Off: it ends at the end as it stands now. The same again changes nothing.

    Raises PermissionDenied without `gdap.extend` (partner) or `gdap.approve` (customer), Refused where it isn't
    active, with roles that never extend, and for the partner where the customer's counter-offer forbade it.
    """
    row = rows.locked(relationship)
    is_partner = actor.tenant_id == row.partner_id
    decision = access.require(actor, Capability.GDAP_EXTEND if is_partner else Capability.GDAP_APPROVE, row)
    if not is_partner and offers.is_made_by(row.partner_id, actor, decision):
        raise Refused(_("This account, or its role, was made by the partner that asks. It can't answer for you."))
    rows.require_status(row, Status.ACTIVE)
    if row.auto_extend == is_on:
        return row
    if is_on:
        rows.refuse_lasting_full_control([role.role_id for role in rows.roles_in_force(row)])
        if is_partner and row.is_extension_forbidden:
            raise Refused(_("The customer approved this without auto-extend. Only the customer can switch it on."))
        row.is_extension_forbidden = False
    row.ends_at = row.end_at(clock.now())
    row.auto_extend = is_on
    row.version += 1
    row.save(update_fields=["auto_extend", "ends_at", "version", "is_extension_forbidden"])
    active = row.assignments.filter(state=GdapAssignment.State.ACTIVE)
    access.set_until({assignment.source: row.path_until for assignment in active})
    rows.record("gdap.extension_on" if is_on else "gdap.extension_off", row, actor, decision, until=row.ends_at)
    return row


@writes
def remove_roles(*, relationship: GdapRelationship, role_ids: Collection[str], actor: User) -> GdapRelationship:
    """The partner gives some of the roles back, now: fewer never need consent, and none comes back.

    Roles that are gone already change nothing. Raises PermissionDenied without `gdap.terminate`, Refused where it
    isn't active, for roles it never had, and for all of them: that is an ending.
    """
    row = rows.locked(relationship)
    decision = access.require(actor, Capability.GDAP_TERMINATE, row)
    rows.require_status(row, Status.ACTIVE)
    in_force = {role.role_id for role in rows.roles_in_force(row)}
    if not set(role_ids) <= set(row.roles.filter(is_granted=True).values_list("role_id", flat=True)):
        raise Refused(_("Only roles of this relationship can be removed."), field="roles")
    gone = in_force & set(role_ids)
    if gone == in_force:
        raise Refused(_("These are all of its roles. End the relationship instead."), field="roles")
    if not gone:
        return row
    emptied = gdap_assignments.without_roles(row, gone, actor, decision)
    row.roles.filter(role_id__in=gone).update(removed_at=clock.now(), removed_by=actor)
    row.version += 1
    row.save(update_fields=["version"])
    before, after = rows.names_of(in_force), rows.names_of(in_force - gone)
    rows.record("gdap.roles_removed", row, actor, decision, before={"roles": before}, after={"roles": after})
    if row.pair is not None and emptied and sources.falls_back(row.pair, emptied):
        gdap_notices.tell_fallback(row.pair)
    return row


@writes
def terminate(*, relationship: GdapRelationship, actor: User, reason: str = "") -> GdapRelationship:
    """End it from the partner's side, now; the reason is shown to the customer. Ending an ended one changes nothing.

    Raises PermissionDenied without `gdap.terminate`, Refused before it was active.
    """
    return _end_by(relationship, actor, Capability.GDAP_TERMINATE, Reason.ENDED_BY_PARTNER, reason)


@writes
def remove_by_customer(
    *, relationship: GdapRelationship, actor: User, reason: str = "", removes_dap: bool = False
) -> GdapRelationship:
    """*Remove roles* by the customer: immediate; the other relationships stay.

    With `removes_dap` the pair's DAP ends first, in the same transaction: nobody falls back to it. Raises
    PermissionDenied without `gdap.remove_roles` of the customer's own (or `partners.remove_dap`), else as `terminate`.
    """
    return _end_by(
        relationship, actor, Capability.GDAP_REMOVE_ROLES, Reason.REMOVED_BY_CUSTOMER, reason, removes_dap=removes_dap
    )


def end_gdap_with_relationship(pair: Pair, actor: User, remaining: list[str]) -> None:
    """All of the pair's GDAP ends with the type it adds (DOMAIN §4); part of the write that ended that one."""
    if types.GDAP in remaining:
        return
    active = GdapRelationship.objects.select_for_update(of=("self",)).filter(pair=pair, status=Status.ACTIVE)
    for row in active.order_by("id"):
        if row.status_now == Status.ACTIVE:
            end_active(row, actor, Reason.ENDED_BY_PARTNER)


def end_active(
    row: GdapRelationship, actor: User, reason: Reason, *, decision: Decision | None = None, note: str = ""
) -> None:
    """Part of a write on a locked pair and relationship: it and its paths end, now; with the last one the type."""
    for status in (Status.TERMINATION_REQUESTED, Status.TERMINATING):
        row.status = status
        row.save(update_fields=["status"])
    row.status, row.end_reason, row.end_note = Status.TERMINATED, reason, note[:_LONGEST_NOTE]
    row.ended_at, row.ended_by = clock.now(), actor
    row.save(update_fields=["status", "end_reason", "end_note", "ended_at", "ended_by"])
    groups = _revoke(row)
    rows.record(f"gdap.{reason}", row, actor, decision, reason=note)
    pair = row.pair
    if pair is None:
        raise ValueError("an active relationship has a pair")
    if not GdapRelationship.objects.in_force(clock.now()).filter(pair=pair).exists():
        end_type(pair, types.GDAP, actor=actor, decision=decision)
    if sources.falls_back(pair, groups):
        gdap_notices.tell_fallback(pair)


def _revoke(row: GdapRelationship) -> list[int]:
    """Take its paths away; the groups that had them. The assignments stay, as what was."""
    active = list(row.assignments.filter(state=GdapAssignment.State.ACTIVE))
    for assignment in active:
        access.revoke_source(assignment.source)
    return [assignment.group_id for assignment in active]


def _end_by(
    relationship: GdapRelationship,
    actor: User,
    capability: Capability,
    reason: Reason,
    note: str,
    *,
    removes_dap: bool = False,
) -> GdapRelationship:
    row = rows.locked(relationship)
    decision = access.require(actor, capability, row)
    if row.status_now in (Status.EXPIRED, Status.TERMINATED):
        return row
    rows.require_status(row, Status.ACTIVE)
    if removes_dap and row.pair is not None:
        remove_dap_too(row.pair, actor)
    end_active(row, actor, reason, decision=decision, note=note)
    is_by_customer = reason == Reason.REMOVED_BY_CUSTOMER
    gdap_notices.tell_both("gdap_ended", row, is_by_customer=is_by_customer, reason=note)
    return row
