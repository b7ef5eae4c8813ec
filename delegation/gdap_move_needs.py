"""What the move from DAP to GDAP needs: what was used on behalf, and the smallest roles for that (DOMAIN §7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Count
from django.utils import translation
from django.utils.translation import gettext as _

from delegation import catalogue, least_privilege, sources
from delegation.gdap_move import able_members
from delegation.gdap_templates import Choice
from portal import catalogue as roles
from portal import clock
from portal.catalogue import Capability, Role
from portal.meanings import MEANINGS
from portal.models import Pair, SecurityGroup

#: What was used counts for so long.
USED_WITHIN = timedelta(days=90)
#: What every group keeps, also one whose people used nothing: they see the customer's users.
LEAST = frozenset({Capability.USERS_VIEW})


# ── what was used ──

#: Rows of before acts said which capability they used.
_BY_ACTION = {
    "user.created": Capability.USERS_CREATE,
    "user.welcome_resent": Capability.USERS_CREATE,
    "user.renamed": Capability.USERS_EDIT,
    "user.blocked": Capability.USERS_EDIT,
    "user.unblocked": Capability.USERS_EDIT,
    "user.deleted": Capability.USERS_EDIT,
    "password.reset_started": Capability.USERS_RESET_PASSWORD,
    "role.assigned": Capability.ROLES_ASSIGN,
    "role.removed": Capability.ROLES_ASSIGN,
    "group.created": Capability.GROUPS_MANAGE,
    "group.deleted": Capability.GROUPS_MANAGE,
    "group.renamed": Capability.GROUPS_MANAGE,
    "group.member_added": Capability.GROUPS_MANAGE,
    "group.member_removed": Capability.GROUPS_MANAGE,
    "service_request.opened": Capability.SERVICE_REQUESTS_MANAGE,
    "service_request.commented": Capability.SERVICE_REQUESTS_MANAGE,
    "service_request.started": Capability.SERVICE_REQUESTS_MANAGE,
    "service_request.resolved": Capability.SERVICE_REQUESTS_MANAGE,
    "service_request.closed": Capability.SERVICE_REQUESTS_MANAGE,
    "service_request.reopened": Capability.SERVICE_REQUESTS_MANAGE,
}
#: Read from the customer's chain, where only its own partners' rows on behalf are looked through.
_USED = """
SELECT e.role, e.action, coalesce(e.data::jsonb ->> 'capability', ''), count(*), count(DISTINCT e.actor_id), max(e.at)
FROM portal_auditentry e
WHERE e.tenant_id = %(customer)s AND e.on_behalf_tenant_id IS NOT NULL AND e.actor_tenant_id = %(partner)s
  AND e.at >= %(since)s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class Use:
    """What the people of a group did on behalf: how often, how many of them."""

    capability: Capability
    acts: int
    people: int

    @property
    def meaning(self) -> Any:
        """The task in words."""
        return MEANINGS[self.capability]


def used(pair: Pair) -> dict[str, dict[Capability, Use]]:
    """What was used on behalf in the last 90 days, by the name of the role that allowed it, then by task."""
    values = {"customer": pair.customer_id, "partner": pair.partner_id, "since": clock.now() - USED_WITHIN}
    with connection.cursor() as cursor:
        cursor.execute(_USED, values)
        found = cursor.fetchall()
    by_role: dict[str, dict[Capability, Use]] = {}
    for role, action, named, acts, people, _last in found:
        capability = _capability(action, named)
        if capability is not None:
            before = by_role.setdefault(role, {}).get(capability, Use(capability, 0, 0))
            by_role[role][capability] = Use(capability, before.acts + acts, max(before.people, people))
    return by_role


def _capability(action: str, named: str) -> Capability | None:
    """The task that an audit row is about; None for what isn't one."""
    capability = Capability(named) if named in set(Capability) else _BY_ACTION.get(action)
    return capability if capability in least_privilege.tasks() else None


# ── what it needs ──


@dataclass(frozen=True)
class GroupNeeds:
    """One group that works by DAP: what its people did, what they are to do, and the roles for that."""

    group: SecurityGroup
    dap_role: Role | None
    people: int
    uses: tuple[Use, ...]
    tasks: frozenset[Capability]
    role_ids: tuple[str, ...]

    @property
    def role_names(self) -> list[str]:
        """Labels of the roles."""
        return sorted(roles.roles()[role_id].label for role_id in self.role_ids)


@dataclass(frozen=True)
class Proposal:
    """Roles with reasons and, for each group, which of them it gets."""

    groups: tuple[GroupNeeds, ...]
    roles: Mapping[str, str]

    @property
    def plans(self) -> list[tuple[SecurityGroup, tuple[str, ...]]]:
        """What is to be planned for whom."""
        return [(needs.group, needs.role_ids) for needs in self.groups if needs.role_ids]

    @property
    def role_rows(self) -> list[tuple[Role, str]]:
        """The roles by name with their reasons."""
        return sorted(
            ((roles.roles()[key], reason) for key, reason in self.roles.items()), key=lambda row: row[0].label
        )


def dap_groups(pair: Pair) -> list[tuple[SecurityGroup, Role, int]]:
    """The partner's groups that DAP gives roles, with the role and how many people are in each; those with people."""
    groups = SecurityGroup.objects.filter(tenant_id=pair.partner_id, kind__in=sources.DAP_ROLES)
    counts = dict(
        able_members().filter(group_id__in=groups.values("pk")).values_list("group_id").annotate(Count("pk")).order_by()
    )
    found = [
        (group, roles.roles()[sources.DAP_ROLES[SecurityGroup.Kind(group.kind)]], counts.get(group.pk, 0))
        for group in groups.order_by("kind")
    ]
    return [one for one in found if one[2]] or found


def propose(pair: Pair, chosen: Mapping[int, Collection[Capability]] | None = None) -> Proposal:
    """The smallest roles for what each group's people used in the last 90 days, or for the `chosen` tasks of a group.

    Looking at something leaves no audit row: whatever a group used, it keeps seeing the customer's users.
    """
    by_role = used(pair)
    groups, reasons = [], {}
    for group, dap_role, people in dap_groups(pair):
        uses = by_role.get(dap_role.name, {})
        tasks = frozenset(uses) | LEAST if chosen is None else frozenset(chosen.get(group.pk, ())) or LEAST
        proposal = least_privilege.propose(tasks)
        groups.append(_needs(group, dap_role, people, uses, tasks, [role.id for role in proposal.roles]))
        for role in proposal.roles:
            serves = [task for task in proposal.serves if role in proposal.serves[task]]
            if role.id not in reasons:
                with translation.override(pair.customer.language):  # who reads it
                    reasons[role.id] = _reason(serves, uses if chosen is None else {})
    return Proposal(tuple(groups), reasons)


def from_template(pair: Pair, choice: Choice) -> Proposal:
    """The roles of a template: for the groups that it plans, as it plans them; else AdminAgents get all of them, the
    others those that are not privileged.
    """
    by_role, planned = used(pair), {plan.group.pk: plan.role_ids for plan in choice.plans if plan.group is not None}
    plain = [role_id for role_id in choice.roles if not roles.roles()[role_id].is_privileged]
    groups = []
    for group, dap_role, people in dap_groups(pair):
        is_admin = group.kind == SecurityGroup.Kind.ADMIN_AGENTS
        role_ids = planned.pop(group.pk, None) or (list(choice.roles) if is_admin else plain)
        uses = by_role.get(dap_role.name, {})
        groups.append(_needs(group, dap_role, people, uses, frozenset(uses), role_ids))
    others = SecurityGroup.objects.in_bulk(list(planned))
    groups += [_needs(others[key], None, 0, {}, frozenset(), planned[key]) for key in sorted(planned) if key in others]
    with translation.override(pair.customer.language):
        reason = _("Role template %(name)s") % {"name": choice.name}
    return Proposal(tuple(groups), {role_id: text or reason for role_id, text in choice.roles.items()})


def _needs(
    group: SecurityGroup,
    dap_role: Any,
    people: int,
    uses: Mapping[Capability, Use],
    tasks: Any,
    role_ids: Iterable[str],
) -> GroupNeeds:
    shown = sorted(uses.values(), key=lambda use: (-use.acts, use.capability))
    return GroupNeeds(group, dap_role, people, tuple(shown), tasks, tuple(sorted(role_ids)))


def _reason(tasks: Collection[Capability], uses: Mapping[Capability, Use]) -> str:
    """Why a role is asked for, as the customer reads it."""
    words = "; ".join(str(MEANINGS[task]) for task in tasks)
    text = _("Used in the last 90 days: %(tasks)s") if set(tasks) & set(uses) else _("Needed for: %(tasks)s")
    return (text % {"tasks": words})[:500]


def may_extend(proposal: Proposal) -> bool:
    """Whether auto-extend can go with these roles."""
    return not set(proposal.roles) & catalogue.never_lasting()
