"""Bringing a relationship to what its template says now: an amendment, or at once where less needs no consent."""

from __future__ import annotations

from dataclasses import dataclass

from delegation import gdap_drift
from delegation.models import GdapRelationship, GdapTemplateVersion
from delegation.models.gdap_templates import PRESENT
from delegation.services import gdap_amendments, gdap_assignments, gdap_endings, gdap_requests
from delegation.services import gdap_rows as rows
from delegation.services.gdap_rows import Status
from portal.models import SecurityGroup, User
from portal.writes import writes


@dataclass(frozen=True)
class Followed:
    """What was done: `unchanged`, `asked_already`, `forbidden`, `lessened` or `amended`, and by which amendment."""

    what: str
    amendment: GdapRelationship | None = None
    removed: tuple[str, ...] = ()


@writes
def follow_template(*, relationship: GdapRelationship, actor: User) -> Followed:
    """Make one relationship what its template says now.

    Where roles are missing or the days differ: a locked amendment with the template's roles, which replaces it once
    the customer approves; planned groups of the template are planned in it. Where only roles are too many or
    auto-extend differs: at once. One whose amendment is open already stays as it is.
    Raises PermissionDenied without `gdap.extend` (`gdap.terminate` to remove roles), Refused where it isn't active or
    wasn't made from a template in use.
    """
    row = rows.locked(relationship)
    rows.require_status(row, Status.ACTIVE)
    present = _present(row)
    granted = [role.role_id for role in rows.roles_in_force(row)]
    if present is None:
        return Followed("unchanged")
    drift = gdap_drift.drift_of(row, present, granted)
    if not drift.is_there:
        return Followed("unchanged")
    if gdap_drift.with_open_amendment(GdapRelationship.objects.filter(pk=row.pk)).get().is_asked:  # type: ignore[attr-defined]
        return Followed("asked_already")
    if not drift.needs_consent:
        return _lessen(row, drift, actor)
    return Followed("amended", _amend(row, present, actor))


def _present(row: GdapRelationship) -> GdapTemplateVersion | None:
    if row.template_version_id is None:
        return None
    versions = GdapTemplateVersion.objects.filter(PRESENT, template__retired_at__isnull=True).select_related("template")
    return versions.filter(template__versions=row.template_version_id).first()


def _lessen(row: GdapRelationship, drift: gdap_drift.Drift, actor: User) -> Followed:
    is_on = drift.present.auto_extend
    is_forbidden = drift.has_other_extension and is_on and row.is_extension_forbidden
    if drift.extra:
        gdap_endings.remove_roles(relationship=row, role_ids=drift.extra, actor=actor)
    if drift.has_other_extension and not is_forbidden:
        gdap_endings.set_auto_extend(relationship=row, is_on=is_on, actor=actor)
    removed = tuple(rows.names_of(drift.extra))
    return Followed("forbidden" if is_forbidden and not drift.extra else "lessened", None, removed)


def _amend(row: GdapRelationship, present: GdapTemplateVersion, actor: User) -> GdapRelationship:
    amendment = gdap_amendments.draft_replacement(
        row,
        actor,
        duration_days=present.duration_days,
        auto_extend=present.auto_extend,
        roles=present.roles,
        template_version=present,
        customer_address=row.customer_address,
    )
    plan_groups(amendment, present, actor)
    return gdap_requests.lock_request(relationship=amendment, actor=actor)


def plan_groups(row: GdapRelationship, version: GdapTemplateVersion, actor: User) -> None:
    """Plan those groups of a template's version that are still there."""
    groups = SecurityGroup.objects.filter(tenant=row.partner_id).in_bulk([plan["group"] for plan in version.plans])
    for plan in version.plans:
        group = groups.get(plan["group"])
        if group is not None:
            gdap_assignments.plan_assignment(relationship=row, group=group, role_ids=plan["roles"], actor=actor)
