"""What a person's page shows: roles, groups, history, and the buttons that this reader has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import access, catalogue
from portal.catalogue import Capability
from portal.models import Membership, MembershipPeriod, RoleAssignment, ScopeGrant, SecurityGroup, User
from portal.models.grants import attach_assignments
from portal.services import people
from portal.views.acting import Place, say_once

_MOST_EVENTS = 50


def context(person: User, here: Place) -> dict[str, Any]:
    """All of the page."""
    is_privileged = access.is_privileged_person(person)
    held = [_role_row(assignment, person, here) for assignment in _held(person)]
    actions = _actions(person, here, is_privileged)
    assign = _assign(person, here)
    return {
        "person": person,
        "is_privileged": is_privileged,
        "held": held,
        "groups": _groups(person, here),
        "events": _events(person, here),
        "actions": actions,
        "action_reasons": say_once("actions", actions),
        "assign": assign,
        "role_reasons": say_once("roles", [assign, *(row["remove"] for row in held)]),
        "back_url": here.url("users"),
        "made_by": _partner_name(person.made_by_partner_id, person.made_by_partner, here),
        "audit_url": here.url("audit-log") if here.rights.allows(Capability.AUDIT_VIEW) else "",
    }


def _held(person: User) -> list[RoleAssignment]:
    rows = person.role_assignments.filter(ended_at__isnull=True).select_related("assigned_by", "assigned_by_partner")
    return sorted(rows, key=lambda assignment: assignment.role.label)


def _partner_name(partner_id: UUID | None, partner: Any, here: Place) -> str:
    """Which partner did it; a reader on behalf learns of no other partner (DOMAIN §5)."""
    if partner_id is None:
        return ""
    if here.is_on_behalf and partner_id != here.user.tenant_id:
        return _("another partner")
    return str(partner)


def _spared(person: User, here: Place) -> str:
    """Why nothing that weakens this person is offered on behalf."""
    if here.is_on_behalf and people.explicit_global_administrator(person):
        return _("A partner can't block, demote or delete a Global Administrator of the customer.")
    return ""


def _role_row(assignment: RoleAssignment, person: User, here: Place) -> dict[str, Any]:
    url = here.url("user-role-remove", person_id=person.pk, assignment_id=assignment.pk)
    return {
        "role": assignment.role,
        "is_privileged": assignment.role_id in catalogue.privileged_role_ids(),
        "since": assignment.started_at,
        "partner": _partner_name(assignment.assigned_by_partner_id, assignment.assigned_by_partner, here),
        "remove": here.button(Capability.ROLES_ASSIGN, _("Remove"), url, reason=_spared(person, here)),
    }


def _groups(person: User, here: Place) -> list[dict[str, Any]]:
    rows = (
        Membership.objects.filter(user=person)
        .exclude(group__security_group__kind__in=SecurityGroup.HIDDEN)
        .select_related("group__security_group")
        .order_by("group__security_group__name")
    )
    attach_assignments(row.group.security_group for row in rows)
    may_see = here.rights.allows(Capability.GROUPS_MANAGE) or here.rights.allows(Capability.DELEGATING_GROUPS_MANAGE)
    return [
        {
            "name": row.group.security_group.name,
            "since": row.since,
            "is_delegating": row.group.security_group.is_delegating,
            "url": here.url("group", group_uid=row.group.security_group.uid) if may_see else "",
        }
        for row in rows
    ]


def _assign(person: User, here: Place) -> dict[str, Any]:
    url = here.url("user-roles", person_id=person.pk)
    reason = _("This user was deleted.") if person.deleted_at else ""
    return here.button(Capability.ROLES_ASSIGN, _("Assign a role"), url, reason=reason)


def _actions(person: User, here: Place, is_privileged: bool) -> list[dict[str, Any]]:
    """The buttons of the page's head; `is_link` opens a page, the others do it at once."""
    if person.deleted_at:
        return []
    edit = Capability.USERS_EDIT_PRIVILEGED if is_privileged else Capability.USERS_EDIT
    reset = Capability.USERS_RESET_PASSWORD_PRIVILEGED if is_privileged else Capability.USERS_RESET_PASSWORD
    own = _("You can't do this to your own account.") if person.pk == here.user.pk else ""
    against = own or _spared(person, here)

    def url(name: str) -> str:
        return here.url(name, person_id=person.pk)

    found = []
    if person.activated_at is None:
        found.append(here.button(Capability.USERS_CREATE, _("Invite again"), url("user-welcome")))
    else:
        found.append(here.button(reset, _("Reset password"), url("user-reset")))
    found.append(here.button(edit, _("Edit name"), url("user-edit"), is_link=True))
    if person.blocked_at is None:
        found.append(here.button(edit, _("Block"), url("user-block"), reason=against))
    else:
        found.append(here.button(edit, _("Unblock"), url("user-unblock")))
    found.append(here.button(edit, _("Delete"), url("user-delete"), reason=against, is_link=True))
    return found


def _events(person: User, here: Place) -> list[dict[str, Any]]:
    """What happened to the account, the newest first: from the rows themselves, not from the audit log."""
    moments = (
        (person.created_at, _("Account made")),
        (person.activated_at, _("Activated")),
        (person.blocked_at, _("Blocked")),
        (person.deleted_at, _("Deleted")),
    )
    found: list[tuple[datetime, str, str]] = [(at, title, "") for at, title in moments if at]
    assignments = person.role_assignments.select_related("assigned_by", "assigned_by_partner", "ended_by")
    for assignment in assignments.order_by("-started_at")[:_MOST_EVENTS]:
        role = {"role": assignment.role.label}
        given_by = _by(assignment.assigned_by, here)
        found.append((assignment.started_at, _("Role assigned: %(role)s") % role, given_by))
        if assignment.ended_at:
            taken_by = _by(assignment.ended_by, here)
            found.append((assignment.ended_at, _("Role removed: %(role)s") % role, taken_by))
    found += _group_events(person)
    found.sort(key=lambda event: event[0], reverse=True)
    return [{"at": at, "title": title, "by": by} for at, title, by in found[:_MOST_EVENTS]]


def _group_events(person: User) -> list[tuple[datetime, str, str]]:
    names = dict(
        SecurityGroup.objects.filter(tenant_id=person.tenant_id)
        .exclude(kind__in=SecurityGroup.HIDDEN)
        .values_list("group_id", "name")
    )
    found = []
    periods = MembershipPeriod.objects.filter(user=person, group_id__in=names)
    for period in periods.order_by("-started_at")[:_MOST_EVENTS]:
        name = {"group": names[period.group_id]}
        found.append((period.started_at, _("Joined the group %(group)s") % name, ""))
        if period.ended_at:
            found.append((period.ended_at, _("Left the group %(group)s") % name, ""))
    return found


def _by(actor: User | None, here: Place) -> str:
    """Who did it; on behalf, people of other partners have no name."""
    if actor is None:
        return ""
    if here.is_on_behalf and actor.tenant_id not in (here.tenant.pk, here.user.tenant_id):
        return _("another partner")
    return actor.sign_in_name


def azure_roles(group_id: int) -> list[dict[str, Any]]:
    """The Azure roles that a group holds, and at how many scopes: they end when it is deleted."""
    held = ScopeGrant.objects.filter(group_id=group_id).values_list("permission__codename").order_by()
    found = []
    for codename, count in held.annotate(count=Count("pk")):
        role = catalogue.azure_roles()[codename.removeprefix("azure_")]
        detail = ngettext("Azure role at %(count)d scope", "Azure role at %(count)d scopes", count)
        found.append({"label": role.label, "detail": detail % {"count": count}})
    return sorted(found, key=lambda item: item["label"])


def ends_with(person: User) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What ends and what remains when this account is deleted."""
    ends = [{"label": assignment.role.label, "detail": _("Directory role")} for assignment in _held(person)]
    groups = SecurityGroup.objects.filter(group__memberships__user=person).exclude(kind__in=SecurityGroup.HIDDEN)
    ends += [{"label": group.name, "detail": _("Group")} for group in groups.order_by("name")]
    ends += azure_roles(person.own_group.pk)
    ends.append({"label": _("Every session and every open link"), "detail": ""})
    remains = [
        {"label": person.sign_in_name, "detail": _("The sign-in name stays taken; the account never comes back.")},
        {"label": _("Audit log"), "detail": _("Everything that was done stays on record.")},
    ]
    return ends, remains


def role_choices(person: User, here: Place, text: str, reasons: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The directory roles whose name or description has every word of the text, with why one can't be given."""
    held = {assignment.role_id for assignment in _held(person)}
    allowed = people.roles_held_there(here.user, here.tenant) if here.is_on_behalf else None
    wanted = text.casefold().split()
    found = []
    for role in catalogue.roles().values():
        haystack = f"{role.name} {role.label} {role.about}".casefold()
        if not all(word in haystack for word in wanted):
            continue
        reason = reasons["held"] if role.id in held else ""
        if not reason and allowed is not None and role.id not in allowed:
            reason = reasons["not_there"]
        is_privileged = role.id in catalogue.privileged_role_ids()
        found.append({"role": role, "is_privileged": is_privileged, "reason": reason})
    found.sort(key=lambda choice: bool(choice["reason"]))  # what can be given first; else by name
    return found
