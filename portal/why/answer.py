"""The answer to *why?*: the decision with each path, or what is missing and the least that would change it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from portal import access, catalogue, hooks
from portal.access import Decision
from portal.catalogue import Capability
from portal.decisions import privilege
from portal.hooks import Origin
from portal.meanings import MEANINGS
from portal.models import PathKind, RoleAssignment, Scope, User
from portal.services import people
from portal.why import changes
from portal.why.changes import Suggestion
from portal.why.facts import Facts, Grant, facts_of
from portal.why.ways import Condition, Way, candidates

_MOST_OTHERS = 3
_MOST_SHOWN = 12


@dataclass(frozen=True)
class Shown:
    """A way as a page shows it: its steps for `c-path`, and its conditions."""

    steps: tuple[dict[str, str], ...]
    conditions: tuple[Condition, ...]
    role: str
    is_privileged: bool
    until: datetime | None = None

    @property
    def missing(self) -> list[Condition]:
        """The conditions that don't hold."""
        return [condition for condition in self.conditions if not condition.is_met]

    @property
    def held(self) -> str:
        """The others, in one text."""
        return " · ".join(condition.text for condition in self.conditions if condition.is_met)


@dataclass
class Explanation:
    """Why somebody may do something, or may not; what only a page shows is worked out when it is looked at.

    `ways`: those that exist or could. `chosen`: those after whose changes the answer is yes, the best first. Where
    nothing can change it, `never` says why; a stranger's explanation says nothing but that.
    """

    decision: Decision
    capability: Capability
    reader: User
    never: str = ""
    ways: tuple[Way, ...] = ()
    chosen: tuple[Way, ...] = ()
    facts: Facts | None = None

    @property
    def is_stranger(self) -> bool:
        """Nothing may be told."""
        return self.facts is None

    @property
    def allowed(self) -> bool:
        """What the same code as everywhere decided."""
        return self.decision.allowed

    @property
    def meaning(self) -> Any:
        """The action in words."""
        return MEANINGS.get(self.capability, catalogue.rules()[self.capability].meaning)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that allow it, the least privileged first."""
        return access.role_names(self.capability)

    @cached_property
    def paths(self) -> tuple[Shown, ...]:
        """By which paths it is allowed."""
        return tuple(_allowing(self.facts, self.decision)) if self.facts else ()

    @cached_property
    def tried(self) -> tuple[Shown, ...]:
        """The ways that were looked at, the nearest first."""
        if self.facts is None:
            return ()
        origins = _origins({way.grant.source for way in self.ways if way.grant})
        nearest = sorted(self.ways, key=_nearness)[:_MOST_SHOWN]
        return tuple(_shown(self.facts, way, origins) for way in nearest)

    @cached_property
    def least(self) -> tuple[Suggestion, ...]:
        """The smallest set of changes after which the answer is yes, with who could make each."""
        return _suggestions(self.chosen[0], self.reader) if self.chosen else ()

    @cached_property
    def others(self) -> tuple[tuple[Suggestion, ...], ...]:
        """Further ones."""
        return tuple(_suggestions(way, self.reader) for way in self.chosen[1 : _MOST_OTHERS + 1])

    @cached_property
    def limits(self) -> tuple[str, ...]:
        """What the services refuse besides."""
        return tuple(_limits(self.facts)) if self.facts else ()


def explain(person: User, capability: Capability, obj: Model, *, reader: User | None = None) -> Explanation:
    """Whether and why this person may do this to this object now; `reader` (the person itself) learns no more names
    than its own organisation's.

    Editing or resetting a privileged person is asked by the capability's privileged twin, as the services do.
    """
    if isinstance(obj, User):
        capability = access.capability_over(obj, capability) if capability in _OVER_PEOPLE else capability
    decision = access.decide(person, capability, obj)
    reader = reader or person
    is_told = bool(person.tenant_id) and (decision.is_insider or reader.pk != person.pk)
    facts = facts_of(person, capability, obj, reader) if is_told else None
    if facts is None or not (decision.is_insider or facts.is_known):
        return Explanation(decision, capability, reader, never=_stranger())
    if decision.allowed:
        return Explanation(decision, capability, reader, facts=facts)
    ways = (*candidates(facts), *(way for look in hooks.ways for way in look(facts)))
    chosen = tuple(least(ways))
    never = "" if chosen else _never(facts)
    return Explanation(decision, capability, reader, never, ways, chosen, facts)


_OVER_PEOPLE = (Capability.USERS_EDIT, Capability.USERS_RESET_PASSWORD)


def _stranger() -> str:
    return _("Nothing that is known here connects the two: without a relationship in force nothing can allow it.")


def least(ways: Iterable[Way]) -> list[Way]:
    """The ways that would do, no set of whose changes holds another's; the best first.

    Never full control where something lesser does; then as few changes, then as little privilege as possible.
    """
    sets = {way: frozenset(way.changes) for way in ways if way.changes}
    minimal = [way for way, wanted in sets.items() if not any(other < wanted for other in sets.values())]
    found: dict[frozenset[changes.Change], Way] = {}
    for way in sorted(minimal, key=lambda way: _cost(way, sets[way])):
        found.setdefault(sets[way], way)
    return list(found.values())


def _cost(way: Way, wanted: Collection[changes.Change]) -> tuple[bool, int, tuple[bool, bool, bool, int, bool], bool]:
    held = privilege(way.codename)
    return held[0], len(wanted), held, way.grant is None


def _nearness(way: Way) -> tuple[bool, int, bool, int]:
    unmet = sum(not condition.is_met for condition in way.conditions)
    return way.grant is None, unmet, way.changes is None, len(way.conditions)


def _suggestions(way: Way, reader: User) -> tuple[Suggestion, ...]:
    return tuple(changes.suggested(change, reader) for change in way.changes or ())


def _never(facts: Facts) -> str:
    """Why nothing can allow it."""
    if facts.person.deleted_at is not None:
        return _("The account was deleted; a deleted user never comes back.")
    if facts.is_outside and not facts.rule.on_behalf:
        return _("Only the organisation's own people can do this. No role held on behalf allows it, whoever grants it.")
    if facts.rule.is_partner_side and facts.person.home.partner_profile is None:
        return _("Only a partner's agents can do this, and this organisation is no partner.")
    if facts.is_outside and facts.person.kind == User.Kind.GUEST:
        return _("A guest can't be in a group that works for customers, so no role on behalf reaches this account.")
    return _("No change that the portal knows would allow it.")


def _limits(facts: Facts) -> Iterable[str]:
    """What the services refuse besides, whoever is allowed (DOMAIN §2, §5)."""
    obj, capability = facts.obj, facts.capability
    if capability in (Capability.USERS_EDIT_PRIVILEGED, Capability.USERS_RESET_PASSWORD_PRIVILEGED):
        yield _("This person holds a privileged role or is in a group that works for customers; few may change that.")
    is_edit = capability in (Capability.USERS_EDIT, Capability.USERS_EDIT_PRIVILEGED)
    if is_edit and isinstance(obj, User):
        if obj.pk == facts.person.pk:
            yield _("Nobody can block or delete the own account.")
        if facts.is_outside and people.explicit_global_administrator(obj):
            yield _("A partner can't block, demote or delete a Global Administrator of the customer.")
    if capability is Capability.ROLES_ASSIGN and facts.is_outside:
        held = sorted({path.role_label for path in access.rights(facts.person, facts.tenant).roles})
        text = _("On behalf of a customer one can only assign roles that one holds there: %(roles)s.")
        yield text % {"roles": ", ".join(held) or _("none")}


# ── in words ──


def _allowing(facts: Facts, decision: Decision) -> Iterable[Shown]:
    origins = _origins({path.source for path in decision.paths})
    ends = hooks.forecasts_of(facts.tenant, decision.paths)
    for path in sorted(decision.paths, key=lambda path: (path.is_outside, path.kind, path.codename)):
        until = path.until or ends.get(path.source)
        grant = Grant(path.kind, path.codename, path.group_id, path.source, until, path.scope_id)
        yield _shown(facts, Way(path.codename, (), grant, facts.groups.get(path.group_id)), origins)


def _origins(sources: Collection[str]) -> dict[str, Origin]:
    keys = [source.partition(":")[2] for source in sources if source.startswith("role:")]
    rows = RoleAssignment.objects.filter(pk__in=keys).values_list("pk", "started_at") if keys else ()
    own = {f"role:{key}": Origin(_("Assigned directly"), since) for key, since in rows}
    return own | hooks.origins_of(sources)


def _shown(facts: Facts, way: Way, origins: dict[str, Origin]) -> Shown:
    role = way.role
    until = way.grant.until if way.grant else None
    return Shown(
        steps=tuple(_steps(facts, way, origins)),
        conditions=way.conditions,
        role=_role_name(way),
        is_privileged=bool(role and role.is_privileged),
        until=until,
    )


def _role_name(way: Way) -> str:
    return way.role.label if way.role else _(catalogue.AGENT_NAMES[way.codename])


def _steps(facts: Facts, way: Way, origins: dict[str, Origin]) -> Iterable[dict[str, str]]:
    """Person → group → grant → role → scope → object."""
    yield {"label": facts.person.display_name, "note": str(facts.person)}
    group, grant = way.group, way.grant
    if group is not None and group.kind not in group.HIDDEN:
        since = facts.memberships.get(group.pk)
        note = _("member since %(day)s") % {"day": _day(since)} if since else _("not a member")
        yield {"label": facts.name_of(group), "note": note}
    if grant is not None:
        origin = origins.get(grant.source) or Origin(_kind_name(grant.kind))
        yield {"label": origin.label, "note": _times(facts, origin.since, grant.until)}
    elif way.title:
        yield {"label": way.title, "note": _("not given")}
    yield {"label": _role_name(way)}
    scope = facts.scopes.get(_scope_of(facts, grant)) if facts.lineage else None
    place = str(scope.get_kind_display()) if scope and scope.kind != Scope.Kind.ROOT else ""
    yield {"label": scope.name if scope and place else str(place or facts.tenant), "note": place}
    if facts.obj.pk not in (facts.tenant.pk, scope.pk if scope else None):
        yield {"label": str(facts.obj)}


def _scope_of(facts: Facts, grant: Grant | None) -> UUID:
    return grant.scope_id if grant and grant.scope_id else facts.lineage[-1]


def _kind_name(kind: str) -> str:
    return _("Built-in group") if kind == PathKind.AGENTS else str(PathKind(kind).label)


def _times(facts: Facts, since: datetime | None, until: datetime | None) -> str:
    parts = []
    if since:
        parts.append(_("since %(day)s") % {"day": _day(since)})
    if until:
        text = _("until %(moment)s") if facts.is_ahead(until) else _("ended on %(moment)s")
        parts.append(text % {"moment": date_format(localtime(until), "DATETIME_FORMAT")})
    return ", ".join(parts)


def _day(moment: datetime | None) -> str:
    return date_format(localtime(moment), "DATE_FORMAT") if moment else ""
