"""Every way in which the answer could be yes: its conditions, which of them hold, what would meet the others.

A way is a conjunction; the answer is yes where all conditions of one way hold. It is the same rule as the probes of
`portal.access.asking`, taken apart; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal import access, catalogue
from portal.catalogue import AzureRole, Role
from portal.models import Pair, PathKind, SecurityGroup, User
from portal.why import changes
from portal.why.changes import Change
from portal.why.facts import Facts, Grant

_MOST_ROLES = 3


@dataclass(frozen=True)
class Condition:
    """Something that has to hold; `change` is what would make it hold, None where nothing does."""

    text: str
    is_met: bool
    change: Change | None = None


@dataclass(frozen=True)
class Way:
    """One path, real or possible."""

    codename: str
    conditions: tuple[Condition, ...]
    grant: Grant | None = None
    group: SecurityGroup | None = None
    title: str = ""

    @property
    def role(self) -> Role | AzureRole | None:
        """The role it gives; None for an agent kind."""
        return catalogue.role_of(self.codename)

    @property
    def is_met(self) -> bool:
        """Every condition holds."""
        return all(condition.is_met for condition in self.conditions)

    @property
    def changes(self) -> tuple[Change, ...] | None:
        """What would make all conditions hold; None where something can't be made to."""
        unmet = [condition.change for condition in self.conditions if not condition.is_met]
        found = [change for change in unmet if change is not None]
        return tuple(dict.fromkeys(found)) if len(found) == len(unmet) else None


def candidates(facts: Facts) -> list[Way]:
    """Every way that exists or could, of the lower app; higher ones add theirs by `portal.hooks.ways`."""
    found: list[Way] = []
    for grant in facts.grants:
        found += _of_grant(facts, grant)
    if not facts.is_outside and not facts.rule.is_scope_side:
        found += _by_new_role(facts, {way.codename for way in found if way.changes is not None})
    return found


def able(facts: Facts) -> tuple[Condition, ...]:
    """What every way rests on."""
    person, home = facts.person, facts.person.home
    is_deleted = person.deleted_at is not None
    activation = None if person.activated_at or is_deleted else changes.activate(person)
    blocking = changes.unblock(person) if person.blocked_at and not is_deleted else None
    found = [
        Condition(_("The account is activated"), person.activated_at is not None, activation),
        Condition(_("The account is not blocked"), person.blocked_at is None, blocking),
        _enabled(home),
    ]
    return tuple(found) if facts.tenant.pk == home.pk else (*found, _enabled(facts.tenant))


def _enabled(tenant: changes.Tenant) -> Condition:
    text = _("The organisation %(organisation)s is enabled") % {"organisation": tenant.display_name}
    return Condition(text, tenant.disabled_at is None, changes.enable(tenant) if tenant.disabled_at else None)


def in_relationship(facts: Facts, *, is_kept_after_the_end: bool = False) -> tuple[Condition, ...]:
    """What every path of a partner rests on, beside the groups that work for the customer."""
    pair, profile = facts.pair, facts.person.home.partner_profile
    if pair is None:
        return ()
    if is_kept_after_the_end:
        text, is_met = _("There is, or was, a relationship"), pair.started_at is not None
    else:
        text, is_met = _("A relationship is in force"), pair.is_in_force
    is_approved = profile is not None and profile.is_in_force
    change = changes.approve(facts.person.home) if profile is not None and not is_approved else None
    return (
        Condition(text, is_met),
        Condition(
            _("%(partner)s is an approved partner") % {"partner": facts.person.home.display_name}, is_approved, change
        ),
    )


def may_join(facts: Facts, group: SecurityGroup) -> bool:
    """Hidden groups have no members but the portal's; delegating ones no guests (DOMAIN §2)."""
    is_barred = facts.person.kind == User.Kind.GUEST and group.is_delegating
    return group.kind not in SecurityGroup.HIDDEN and group.tenant_id == facts.person.tenant_id and not is_barred


def working(facts: Facts, groups: frozenset[int], first: int | None = None) -> Iterator[tuple[Condition, int | None]]:
    """*Works for the customer*, once for each change that would make it so, with the group to be joined for it.

    `groups`: those that the person is in, or will be; `first` is let work before the others.
    """
    if facts.pair is None:
        return
    text = _("One of the person's groups works for this customer")
    if facts.works(groups):
        yield Condition(text, is_met=True), None
        return
    # Ended limits count by the group that they name, hidden ones too; others are chosen from groups that have names.
    ended = [group for group in facts.working if group in groups and group in facts.groups]
    named = [
        group for group in groups if group in facts.groups and facts.groups[group].kind not in SecurityGroup.HIDDEN
    ]
    let = dict.fromkeys(sorted({*ended, *named}, key=lambda group: (group != first, group)))
    for group in let:
        change = changes.work_for(facts.person.home, facts.groups[group], facts.name_of(facts.groups[group]))
        yield Condition(text, is_met=False, change=change), None
    for group in sorted(facts.working):
        is_working = facts.is_ahead(facts.working[group]) and group in facts.groups and group not in groups
        if is_working and may_join(facts, facts.groups[group]):
            yield Condition(text, is_met=False, change=_join(facts, facts.groups[group])), group


def member(facts: Facts, group: SecurityGroup) -> Condition:
    """In the group that holds the path."""
    if group.kind == SecurityGroup.Kind.PERSON:
        return Condition(_("It is given to this person"), group.pk in facts.mine)
    is_met = group.pk in facts.mine
    change = _join(facts, group) if not is_met and may_join(facts, group) else None
    return Condition(_("Member of the group %(group)s") % {"group": facts.name_of(group)}, is_met, change)


def _join(facts: Facts, group: SecurityGroup) -> Change:
    return changes.join(facts.person, group, facts.name_of(group))


def _of_grant(facts: Facts, grant: Grant) -> Iterable[Way]:
    group = facts.groups.get(grant.group_id)
    if group is None:
        return
    joined = facts.mine | {group.pk}
    begun = [*able(facts), member(facts, group), _in_time(facts, grant)]
    if not _is_narrowed(facts, grant):
        yield Way(grant.codename, tuple(begun), grant, group)
        return
    if facts.is_outside:
        begun += in_relationship(facts, is_kept_after_the_end=facts.rule.is_scope_side)
        if not facts.rule.on_behalf:
            begun.append(Condition(_("It can be done on behalf of a customer"), is_met=False))
    for works, also in working(facts, joined, group.pk):
        conditions = [*begun, works]
        if grant.kind == PathKind.DAP:
            conditions.append(_not_instead(facts, joined | ({also} if also else set())))
        yield Way(grant.codename, tuple(conditions), grant, group)


def _is_narrowed(facts: Facts, grant: Grant) -> bool:
    """Whether only groups that work for the customer count; not for the partner's own directory roles."""
    return facts.pair is not None and (facts.is_outside or grant.kind != PathKind.EXPLICIT)


def _in_time(facts: Facts, grant: Grant) -> Condition:
    is_met, change = facts.is_ahead(grant.until), None
    role = catalogue.roles().get(grant.codename.removeprefix("role_"))
    if not is_met and grant.kind == PathKind.EXPLICIT and role is not None:
        change = changes.assign_role(facts.person, role, is_again=True)
    return Condition(_("Its end has not come"), is_met, change)


def _not_instead(facts: Facts, groups: frozenset[int]) -> Condition:
    """DOMAIN §6: for whoever is in a group with GDAP here, it counts instead of DAP."""
    return Condition(_("No GDAP of the person's groups counts instead of DAP"), not groups & facts.instead)


def _by_new_role(facts: Facts, known: set[str]) -> Iterable[Way]:
    """An explicit role that the person doesn't hold, the least privileged first."""
    missing = [name for name in access.least_first(facts.capability) if name not in known]
    roles = [catalogue.roles()[name.removeprefix("role_")] for name in missing if name.startswith("role_")]
    for role in roles[:_MOST_ROLES]:
        text = _("Holds the role %(role)s here") % {"role": role.label}
        change = changes.assign_role(facts.person, role, is_again=False)
        conditions = (*able(facts), Condition(text, is_met=False, change=change))
        yield Way(role.codename, conditions, title=_("By a directory role of one's own"))


def pair_of(facts: Facts) -> Pair | None:
    """The relationship in force in which something new could be given to somebody from outside."""
    return facts.pair if facts.is_outside and facts.pair is not None and facts.pair.is_in_force else None
