"""What *why?* learns from this app: what gives a path, how GDAP and Azure could allow something (DOMAIN §6, §8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from django.utils.translation import gettext as _

from delegation.models import AzureAssignment, AzureElevation, DapGrant, GdapAssignment, GdapRelationship
from portal import access, catalogue
from portal.catalogue import AzureRole, Capability, Role
from portal.hooks import Origin
from portal.models import Membership, PathKind, Scope, SecurityGroup, User
from portal.why import changes, ways
from portal.why.changes import Act, Change, Maker, maker
from portal.why.facts import Facts
from portal.why.ways import Condition, Way

_MOST_ROLES = 3
_MOST_RELATIONSHIPS = 20


# ── what gives a path ──


def origins(sources: Collection[str]) -> dict[str, Origin]:
    """DAP, GDAP assignments, Azure role assignments and elevations, by the source of their paths."""
    keys: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        kind, _colon, key = source.partition(":")
        keys[kind].append(key)
    found: dict[str, Origin] = {}
    for kind, look in _ORIGINS.items():
        if keys[kind]:
            found |= dict(look(keys[kind]))
    return found


def _dap(keys: list[str]) -> Iterator[tuple[str, Origin]]:
    for row in DapGrant.objects.filter(pk__in=keys):
        yield row.source, Origin("DAP", row.started_at)


def _gdap(keys: list[str]) -> Iterator[tuple[str, Origin]]:
    for row in GdapAssignment.objects.filter(pk__in=keys).select_related("relationship"):
        moments = [at for at in (row.created_at, row.relationship.activated_at) if at]
        yield row.source, Origin(_("GDAP “%(name)s”") % {"name": row.relationship.display_name}, max(moments))


def _azure(keys: list[str]) -> Iterator[tuple[str, Origin]]:
    for row in AzureAssignment.objects.filter(pk__in=keys):
        yield row.source, Origin(_("Azure role assignment"), row.started_at)


def _elevation(keys: list[str]) -> Iterator[tuple[str, Origin]]:
    for row in AzureElevation.objects.filter(pk__in=keys):
        yield row.source, Origin(_("Elevation"), row.started_at)


_ORIGINS: dict[str, Any] = {"dap": _dap, "gdap": _gdap, "azure": _azure, "elevation": _elevation}


# ── GDAP ──


def gdap_ways(facts: Facts) -> Iterator[Way]:
    """An assignment of a relationship that is in force, or a new relationship with the least role that will do."""
    pair = ways.pair_of(facts)
    if pair is None or facts.rule.is_scope_side or not facts.rule.on_behalf or facts.person.kind == User.Kind.GUEST:
        return
    by_id = {role.id: role for name in access.least_first(facts.capability) if isinstance(role := _role(name), Role)}
    offered = _offered(facts, by_id)
    asked = next((role for role in by_id.values() if role.is_gdap_requestable), None)
    for group, begun in _targets(facts):
        for relationship, role, holders in offered:
            if group is None or group.pk not in holders:
                change = _assign(facts, relationship, role, group)
                title = _("GDAP “%(name)s”") % {"name": relationship.display_name}
                yield Way(role.codename, (*begun, _holds(facts, role, group, change)), group=group, title=title)
        if asked is not None:
            text = _("A GDAP relationship with the role %(role)s is in force") % {"role": asked.label}
            ask = Condition(text, is_met=False, change=_ask(facts, asked))
            holds = _holds(facts, asked, group, _assign(facts, None, asked, group))
            yield Way(asked.codename, (*begun, ask, holds), group=group, title=_("A new GDAP relationship"))


def _role(codename: str) -> Role | AzureRole | None:
    return catalogue.role_of(codename)


def _offered(facts: Facts, wanted: dict[str, Role]) -> list[tuple[GdapRelationship, Role, frozenset[int]]]:
    """Relationships in force × those of their roles that would do, with the groups that hold them already."""
    rows = GdapRelationship.objects.in_force(facts.now).filter(pair=facts.pair).order_by("ends_at", "id")
    found = []
    for row in rows.prefetch_related("roles", "assignments")[:_MOST_RELATIONSHIPS]:
        for role in row.roles.all():
            if role.is_in_force and role.role_id in wanted:
                holders = frozenset(
                    one.group_id
                    for one in row.assignments.all()
                    if one.state == "active" and role.role_id in one.role_ids
                )
                found.append((row, wanted[role.role_id], holders))
    return found


def _targets(facts: Facts) -> Iterator[tuple[SecurityGroup | None, tuple[Condition, ...]]]:
    """The groups that could be given a role for the person, with what else it takes; None: one that is made for it."""
    begun = (*ways.able(facts), *ways.in_relationship(facts))
    named = [group for group in facts.groups.values() if ways.may_join(facts, group)]
    guests = Membership.objects.filter(group_id__in=[group.pk for group in named], user__kind=User.Kind.GUEST)
    with_guests = set(guests.values_list("group_id", flat=True).order_by())
    fit = [group for group in named if group.pk not in with_guests]
    mine = [group for group in fit if group.pk in facts.mine]
    for group in sorted(mine, key=lambda group: (group.kind != SecurityGroup.Kind.CUSTOM, group.name)):
        for works, also in ways.working(facts, facts.mine, group.pk):
            if also is None:
                yield group, (*begun, works)
    if not facts.works(facts.mine):
        for group in fit:
            is_working = group.pk in facts.working and facts.is_ahead(facts.working[group.pk])
            if group.pk not in facts.mine and is_working:
                yield group, (*begun, ways.member(facts, group))
    if not mine:
        yield from _new_group(facts, begun)


def _new_group(facts: Facts, begun: tuple[Condition, ...]) -> Iterator[tuple[None, tuple[Condition, ...]]]:
    made = Condition(
        _("Member of a group that can be given roles"), is_met=False, change=changes.make_group(facts.person)
    )
    for works, also in ways.working(facts, facts.mine):
        if also is None:
            yield None, (*begun, made, works)
    if not facts.works(facts.mine):
        let = changes.work_for(facts.person.home, None)
        yield None, (*begun, made, Condition(_("One of the person's groups works for this customer"), False, let))


def _holds(facts: Facts, role: Role, group: SecurityGroup | None, change: Change) -> Condition:
    values = {"group": _name(facts, group), "role": role.label}
    return Condition(_("The group %(group)s holds the role %(role)s by GDAP") % values, is_met=False, change=change)


def _name(facts: Facts, group: SecurityGroup | None) -> str:
    return facts.name_of(group) if group else _("the new group")


def _assign(facts: Facts, row: GdapRelationship | None, role: Role, group: SecurityGroup | None) -> Change:
    values = {
        "role": role.label,
        "group": _name(facts, group),
        "name": row.display_name if row else "",
    }
    if row is None:
        text = _("Assign the role %(role)s of the new relationship to the group %(group)s")
    else:
        text = _("Assign the role %(role)s of the relationship “%(name)s” to the group %(group)s")
    return Change(
        Act.GDAP_ASSIGN,
        text % values,
        (maker(facts.person.home, Capability.GDAP_ASSIGN),),
        tenant_id=facts.tenant.pk,
        group_id=group.pk if group else None,
        role_id=role.id,
        relationship_id=row.pk if row else None,
    )


def _ask(facts: Facts, role: Role) -> Change:
    values = {"role": role.label, "organisation": facts.tenant.display_name}
    text = _("Ask %(organisation)s for the role %(role)s by GDAP, which then has to approve it")
    makers = (maker(facts.person.home, Capability.GDAP_REQUEST), maker(facts.tenant, Capability.GDAP_APPROVE))
    return Change(Act.GDAP_ASK, text % values, makers, tenant_id=facts.tenant.pk, role_id=role.id)


# ── Azure ──


def azure_ways(facts: Facts) -> Iterator[Way]:
    """A new role assignment at the scope, or an elevation of one's own."""
    scope = facts.scopes.get(facts.lineage[-1]) if facts.lineage else None
    if scope is None:
        return
    if scope.kind != Scope.Kind.ROOT and (not facts.is_outside or ways.pair_of(facts)):
        for codename in access.least_first(facts.capability)[:_MOST_ROLES]:
            role = _role(codename)
            if isinstance(role, AzureRole):
                yield from _by_assignment(facts, scope, role)
    if _may_elevate(facts):
        text = _("Elevated: User Access Administrator of all subscriptions")
        change = Change(Act.ELEVATE, _("Elevate, for 8 hours at most"), (Maker(str(facts.person)),))
        condition = Condition(text, is_met=False, change=change)
        yield Way(_ELEVATED, (*ways.able(facts), condition), title=_("Elevation"))


_ELEVATED = f"azure_{catalogue.AZURE_USER_ACCESS_ADMINISTRATOR}"


def _by_assignment(facts: Facts, scope: Scope, role: AzureRole) -> Iterator[Way]:
    values = {"role": role.label, "scope": scope.name, "person": facts.person.display_name}
    lineage = tuple(facts.lineage)
    change = Change(
        Act.AZURE_ASSIGN,
        _("Assign the Azure role %(role)s at %(scope)s to %(person)s") % values,
        (maker(facts.tenant, Capability.AZURE_ASSIGN_ROLES, lineage), maker(facts.tenant, Capability.AZURE_ELEVATE)),
        tenant_id=facts.tenant.pk,
        role_id=role.id,
        scope_id=scope.pk,
    )
    holds = Condition(_("Holds the Azure role %(role)s at %(scope)s") % values, is_met=False, change=change)
    title = _("Azure role assignment")
    if not facts.is_outside:
        yield Way(role.codename, (*ways.able(facts), holds), title=title)
        return
    begun = (*ways.able(facts), *ways.in_relationship(facts))
    for works, _also in ways.working(facts, facts.mine):
        yield Way(role.codename, (*begun, works, holds), title=title)


def _may_elevate(facts: Facts) -> bool:
    """DOMAIN §8: a Global Administrator of the customer's own, for what User Access Administrator allows."""
    if facts.is_outside or _ELEVATED not in facts.rule.codenames:
        return False
    is_elevated = any(grant.kind == PathKind.ELEVATED and grant.group_id in facts.mine for grant in facts.grants)
    return not is_elevated and access.decide(facts.person, Capability.AZURE_ELEVATE, facts.tenant).allowed
