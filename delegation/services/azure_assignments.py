"""Azure role assignments: add, describe, set an end, remove, reinstate (DOMAIN §8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from delegation.models import AzureAssignment, AzureSubscription
from delegation.services import azure_notices
from delegation.services import azure_rows as rows
from portal import access, catalogue, clock
from portal.access import Decision
from portal.catalogue import AzureRole, Capability
from portal.errors import Conflict, Refused
from portal.models import Membership, Pair, PathKind, Scope, SecurityGroup, Tenant, User
from portal.writes import writes

Type, Reason = AzureAssignment.PrincipalType, AzureAssignment.EndReason

MOST_DESCRIPTION = 2048
_LAST_OWNER = {
    "azure_last_owner": (
        _(
            "A subscription keeps an Owner, and one of the customer's own where it has one. "
            "Only a Global Administrator of the customer can take the last one away."
        ),
        None,
    )
}
_ADDING: dict[str, tuple[object, str | None]] = {
    "azure_exists_once": (_("This role assignment already exists."), "principal"),
    "azure_belongs_together": (
        _("Only people and groups of this organisation, or of a partner with a relationship in force, can get roles."),
        "principal",
    ),
}


@writes
def add_assignment(
    *,
    scope: Scope,
    actor: User,
    principal: SecurityGroup,
    role_id: str,
    description: str = "",
    until: datetime | None = None,
) -> AzureAssignment:
    """Give a principal a role at a scope and below, now; it holds until it is deleted or its end comes.

    `principal` is a security group or a person's group of one (`User.own_group`), of the customer or of a partner with
    a relationship in force. Raises PermissionDenied without `azure.assign_roles` there, Refused (with the field) for
    what exists already, an unknown role, an end that has passed, a principal that is gone or of a stranger, over the
    limit, and in a cancelled subscription.
    """
    subscription, row = rows.locked(scope)
    found = _locked_principal(principal)
    decision = access.require(actor, Capability.AZURE_ASSIGN_ROLES, row)
    rows.require_active(subscription)
    role = _checked_role(role_id)
    text = _checked_description(description)
    if until is not None and until <= clock.now():
        raise Refused(_("The end lies in the future."), field="until")
    return _add(subscription, row, found, role, actor, decision, description=text, until=until)


@writes
def reinstate(*, scope: Scope, pair: Pair, actor: User) -> AzureAssignment:
    """A partner's AdminAgents as Owner again, in one step. Raises like `add_assignment`."""
    agents = SecurityGroup.objects.filter(tenant_id=pair.partner_id, kind=SecurityGroup.Kind.ADMIN_AGENTS).first()
    if agents is None:
        raise Refused(_("This partner has no AdminAgents."), field="principal")
    return add_assignment(scope=scope, actor=actor, principal=agents, role_id=catalogue.AZURE_OWNER)


def give_owner(
    subscription: AzureSubscription,
    principal: SecurityGroup,
    actor: User,
    decision: Decision,
    *,
    partner: Tenant | None = None,
) -> AzureAssignment:
    """Part of the write that made a subscription: its first Owner."""
    role = catalogue.azure_roles()[catalogue.AZURE_OWNER]
    return _add(subscription, subscription.scope, principal, role, actor, decision, partner=partner)


@writes
def describe_assignment(*, assignment: AzureAssignment, actor: User, description: str, version: int) -> AzureAssignment:
    """Change the description. The same again changes nothing.

    `version` is that of the page. Raises PermissionDenied without `azure.assign_roles` at its scope, Conflict where
    somebody changed it since.
    """
    row, decision = _locked_version(assignment, actor, version)
    before, after = row.description, _checked_description(description)
    if before == after:
        return row
    row.description = after
    _change(row, actor, "description")
    _record("azure.assignment_described", row, actor, decision, before={"note": before}, after={"note": after})
    return row


@writes
def set_assignment_end(
    *, assignment: AzureAssignment, actor: User, until: datetime | None, version: int
) -> AzureAssignment:
    """Let it end by itself then, or (None) last. The same again changes nothing.

    Raises like `describe_assignment`; Refused for an end that has passed and where no Owner would last.
    """
    row, decision = _locked_version(assignment, actor, version)
    if until is not None and until <= clock.now():
        raise Refused(_("The end lies in the future."), field="until")
    before = row.until
    if before == until:
        return row
    row.until = until
    with rows.refusing(_LAST_OWNER):
        _change(row, actor, "until")
    access.set_scope_until({row.source: until})
    _record("azure.assignment_end_set", row, actor, decision, before={"until": before}, after={"until": until})
    return row


@writes
def remove_assignment(*, assignment: AzureAssignment, actor: User) -> AzureAssignment:
    """Take the role away, now: what it gave ends with the next request. Removing a removed one changes nothing.

    It is removable only where it was made: what is inherited is asked about at its own scope. Raises PermissionDenied
    without `azure.assign_roles` there, Refused for the last Owner, and the last own one, unless actor is a Global
    Administrator of the customer.
    """
    row, decision = _locked(assignment, actor)
    if row.is_over:
        return row
    with rows.refusing(_LAST_OWNER):
        _end(row, actor, Reason.DELETED, clock.now())
    _record("azure.assignment_removed", row, actor, decision, before={"role": row.role.name})
    return row


def end_with_scopes(
    lineage_of: Scope, actor: User, decision: Decision, reason: AzureAssignment.EndReason
) -> list[AzureAssignment]:
    """Part of a write that deletes a scope, or takes it elsewhere: what was assigned there and below ends."""
    below = AzureAssignment.objects.filter(scope__lineage__contains=[lineage_of.pk], ended_at__isnull=True)
    found = list(below.select_for_update(of=("self",)).select_related("scope", "pair").order_by("pk"))
    now = clock.now()
    AzureAssignment.objects.filter(pk__in=[row.pk for row in found]).update(
        ended_at=now, ended_by=actor, end_reason=reason, changed_by=actor
    )
    access.revoke_scope_sources([row.source for row in found])
    for row in found:
        _record("azure.assignment_removed", row, actor, decision, before={"role": row.role.name})
    return found


# ── rules ──


def _locked(assignment: AzureAssignment, actor: User) -> tuple[AzureAssignment, Decision]:
    """The row as it is now, after its subscription, its scope and the actor's path."""
    scope = Scope.objects.get(pk=assignment.scope_id)
    rows.lock_subscription(scope)
    decision = access.require(actor, Capability.AZURE_ASSIGN_ROLES, scope)
    found = AzureAssignment.objects.select_for_update(of=("self",)).select_related("scope", "pair")
    return found.get(pk=assignment.pk), decision


def _locked_version(assignment: AzureAssignment, actor: User, version: int) -> tuple[AzureAssignment, Decision]:
    row, decision = _locked(assignment, actor)
    if row.is_over or row.version != version:
        raise Conflict(_("Somebody changed this assignment since you opened it. Look at it again."))
    return row, decision


def _locked_principal(principal: SecurityGroup) -> SecurityGroup:
    """The group (and its person), locked, so that nobody deletes it meanwhile."""
    if principal.person_id is not None:
        person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=principal.person_id)
        if person.deleted_at is not None:
            raise Refused(_("This user was deleted; a deleted user never comes back."), field="principal")
    found = SecurityGroup.objects.select_for_update(of=("self",), no_key=True).filter(pk=principal.pk).first()
    if found is None or found.kind == SecurityGroup.Kind.EVERYONE:
        raise Refused(_("This group is not there any more."), field="principal")
    return found


def _checked_role(role_id: str) -> AzureRole:
    role = catalogue.azure_roles().get(role_id)
    if role is None:
        raise Refused(_("There is no such role."), field="role")
    return role


def _checked_description(text: str) -> str:
    text = text.strip()
    if len(text) > MOST_DESCRIPTION or "\x00" in text:
        raise Refused(_("At most %(count)d characters.") % {"count": MOST_DESCRIPTION}, field="description")
    return text


def _pair_of(tenant_id: UUID, principal: SecurityGroup) -> Pair | None:
    """The relationship by which a partner's principal gets a role; None for the customer's own.

    Raises Refused for a principal of an organisation without any relationship (DOMAIN §8).
    """
    if principal.tenant_id == tenant_id:
        return None
    pair = Pair.objects.filter(
        partner=principal.tenant_id, customer=tenant_id, started_at__isnull=False, ended_at__isnull=True
    ).first()
    if pair is None:
        raise Refused(*_ADDING["azure_belongs_together"][:1], field="principal")
    if Membership.objects.filter(group_id=principal.pk, user__kind=User.Kind.GUEST).exists():
        raise Refused(_("This group has guests. A group that works for customers has none."), field="principal")
    return pair


def _add(
    subscription: AzureSubscription,
    scope: Scope,
    principal: SecurityGroup,
    role: AzureRole,
    actor: User,
    decision: Decision,
    *,
    description: str = "",
    until: datetime | None = None,
    partner: Tenant | None = None,
) -> AzureAssignment:
    pair = _pair_of(subscription.tenant_id, principal)
    _free(scope, principal, role)
    _within_limit(subscription)
    with rows.refusing(_ADDING):
        made = AzureAssignment.objects.create(
            tenant_id=subscription.tenant_id,
            subscription=subscription,
            scope=scope,
            role_id=role.id,
            principal=principal,
            principal_type=_type(principal, pair),
            principal_name=principal.name,
            pair=pair,
            description=description,
            started_at=clock.now(),
            until=until,
            created_by=actor,
            created_by_partner=partner or (actor.tenant if decision.is_on_behalf else None),
            is_made_elevated=any(path.kind == PathKind.ELEVATED for path in decision.paths),
            changed_by=actor,
        )
    access.grant_scope(
        scope, principal.pk, role.codename, kind=PathKind.AZURE, source=made.source, until=until, pair=pair
    )
    after = {"role": role.name, "until": until}
    _record(
        "azure.assigned_elevated" if made.is_made_elevated else "azure.assigned", made, actor, decision, after=after
    )
    if pair is not None and role.is_privileged:
        azure_notices.tell_given(made, actor)
    return made


def _type(principal: SecurityGroup, pair: Pair | None) -> AzureAssignment.PrincipalType:
    is_person = principal.kind == SecurityGroup.Kind.PERSON
    if pair is None:
        return Type.USER if is_person else Type.GROUP
    return Type.FOREIGN_USER if is_person else Type.FOREIGN_GROUP


def _free(scope: Scope, principal: SecurityGroup, role: AzureRole) -> None:
    """Raises Refused for what exists already; one whose end has come is ended first, before any sweep."""
    same = AzureAssignment.objects.filter(scope=scope, principal=principal, role_id=role.id, ended_at__isnull=True)
    for row in same.select_for_update(of=("self",)).select_related("scope", "pair"):
        if not row.is_over:
            raise Refused(*_ADDING["azure_exists_once"][:1], field="principal")
        _end(row, None, Reason.ENDED, row.until or clock.now())
        _record("azure.assignment_ended", row, None, None, before={"role": role.name})


def _within_limit(subscription: AzureSubscription) -> None:
    most = settings.MANDATE_AZURE_ASSIGNMENTS_PER_SUBSCRIPTION
    if subscription.role_assignments.filter(AzureAssignment.in_force()).count() >= most:
        raise Refused(_("A subscription has at most %(count)d role assignments.") % {"count": most})


def _change(row: AzureAssignment, actor: User, field: str) -> None:
    row.version, row.changed_by = row.version + 1, actor
    row.save(update_fields=[field, "version", "changed_by"])


def _end(row: AzureAssignment, actor: User | None, reason: AzureAssignment.EndReason, at: datetime) -> None:
    row.ended_at, row.ended_by, row.end_reason, row.changed_by = max(at, row.started_at), actor, reason, actor
    row.save(update_fields=["ended_at", "ended_by", "end_reason", "changed_by"])
    access.revoke_scope_sources([row.source])


def _record(action: str, row: AzureAssignment, actor: User | None, decision: Decision | None, **data: Any) -> None:
    """In the customer's chain and, about a partner's group or person, in the partner's."""
    rows.record(
        action,
        actor=actor,
        tenant=row.tenant_id,
        target=row,
        decision=decision,
        partner=row.pair.partner_id if row.pair else None,
        scope=rows.place(row.scope),
        **data,
    )
