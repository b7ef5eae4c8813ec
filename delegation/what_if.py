"""*What if*: the question of *Who has access* asked once more without something; nothing is changed (DOMAIN §14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from delegation import explorer, outside
from delegation.explorer import Line
from delegation.outside import Reached, Without
from portal.models import PathKind, Tenant

#: More than anybody ticks by reading; the others are reached from their lines on *Who has access*.
MOST_CHOICES = 200
#: More people than a page about one question names.
MOST_PEOPLE = 50
PARTNER, EVERYTHING, ROLE, GROUP, SOURCE = "partner", "everything", "role", "group", "source"


@dataclass
class Choice:
    """Something that could end."""

    name: str
    value: str
    label: str
    about: str
    is_privileged: bool = False
    is_ticked: bool = False


def choices(rows: Iterable[Reached], ticked: dict[str, set[str]]) -> dict[str, list[Choice]]:
    """What can be ticked: partners, all of a partner, roles, groups, assignments; ticked ones always."""
    found: dict[tuple[str, str], tuple[Reached, set[UUID]]] = {}
    for row in rows:
        for name, value in _named(row):
            found.setdefault((name, value), (row, set()))[1].add(row.user_id)
    options: dict[str, list[Choice]] = {name: [] for name in (PARTNER, EVERYTHING, ROLE, GROUP, SOURCE)}
    lines: dict[str, Line] = {}
    for (name, value), (row, people) in found.items():
        is_ticked = value in ticked.get(name, ())
        if name == SOURCE:
            if len(lines) >= MOST_CHOICES and not is_ticked:
                continue
            lines[value] = Line(row)
        options[name].append(Choice(name, value, "", _people(people), row.is_privileged and name == ROLE, is_ticked))
    explorer.complete([*lines.values()], ())
    for group in options.values():
        for choice in group:
            _describe(choice, found[choice.name, choice.value][0], lines.get(choice.value))
        group.sort(key=lambda choice: (not choice.is_ticked, choice.label.casefold()))
    return options


def _named(row: Reached) -> Iterable[tuple[str, str]]:
    """Everything whose end would end this path."""
    if row.pair_id and row.kind in (PathKind.DAP, PathKind.GDAP):
        yield PARTNER, str(row.pair_id)
    if row.partner_id:
        yield EVERYTHING, str(row.partner_id)
    yield ROLE, row.codename
    if not row.is_personal:
        yield GROUP, str(row.group_id)
    yield SOURCE, row.source


def _describe(choice: Choice, row: Reached, line: Line | None) -> None:
    if choice.name == PARTNER:
        choice.label = row.partner_name
        choice.about = _("%(people)s · DAP and GDAP end; Azure roles and accounts stay") % {"people": choice.about}
    elif choice.name == EVERYTHING:
        choice.label = _("Everything of %(partner)s") % {"partner": row.partner_name}
        choice.about = _("%(people)s · also Azure roles and the accounts they made") % {"people": choice.about}
    elif choice.name == ROLE:
        choice.label = row.role_label
    elif choice.name == GROUP:
        choice.label = row.group_name or _("a group that is gone")
        choice.about = f"{row.partner_name} · {choice.about}" if row.partner_name else choice.about
    elif line is not None:
        choice.label = assignment_label(line)
        choice.about = f"{row.partner_name or row.name} · {choice.about}"


def assignment_label(line: Line) -> str:
    """One assignment in a line: what it gives, through which group, where."""
    row = line.row
    parts = explorer.steps(line)
    if row.kind in (PathKind.DAP, PathKind.GDAP):  # several roles from one source
        return " · ".join([parts[1], *([row.group_name] if row.kind == PathKind.GDAP else [])])
    return " · ".join([row.role_label, parts[0], parts[-1]])


def _people(people: Collection[Any]) -> str:
    return ngettext("%(count)d person", "%(count)d people", len(people)) % {"count": len(people)}


def without(options: dict[str, list[Choice]]) -> Without:
    """What the statement leaves out for what is ticked."""
    ticked = {name: [choice.value for choice in group if choice.is_ticked] for name, group in options.items()}
    ids = outside.permissions.ids()
    return Without(
        pairs=[UUID(value) for value in ticked[PARTNER]],
        partners=[UUID(value) for value in ticked[EVERYTHING]],
        groups=[int(value) for value in ticked[GROUP]],
        permissions=[ids[value] for value in ticked[ROLE]],
        sources=ticked[SOURCE],
    )


@dataclass
class Outcome:
    """One person whom it would change something for."""

    person: Reached
    ends: list[Reached] = field(default_factory=list)
    remains: list[Reached] = field(default_factory=list)
    #: What counts again: DAP, where GDAP counted instead of it (DOMAIN §6).
    returns: list[Reached] = field(default_factory=list)

    @property
    def loses_everything(self) -> bool:
        return not self.remains and not self.returns


def outcomes(before: Iterable[Reached], after: Iterable[Reached]) -> list[Outcome]:
    """For each person that it changes something for, by name."""
    was, will = {row.key: row for row in before}, {row.key: row for row in after}
    found: dict[UUID, Outcome] = {}
    changed = {row.user_id for key, row in was.items() if key not in will}
    changed |= {row.user_id for key, row in will.items() if key not in was}
    for key, row in was.items():
        if row.user_id in changed:
            outcome = found.setdefault(row.user_id, Outcome(row))
            (outcome.remains if key in will else outcome.ends).append(row)
    for key, row in will.items():
        if key not in was and row.user_id in changed:
            found.setdefault(row.user_id, Outcome(row)).returns.append(row)
    return [*found.values()]


def items(found: list[Outcome]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """`ends` and `remains` of `c-ends-remains`, by person."""
    shown = [outcome for outcome in found if outcome.ends][:MOST_PEOPLE]
    ends = [{"label": _who(outcome), "detail": _roles(outcome.ends)} for outcome in shown]
    kept = [outcome for outcome in found if outcome.remains or outcome.returns]
    remains = [{"label": _who(outcome), "detail": _kept(outcome)} for outcome in kept[:MOST_PEOPLE]]
    for part, count in ((ends, sum(bool(outcome.ends) for outcome in found)), (remains, len(kept))):
        if count > MOST_PEOPLE:
            more = count - MOST_PEOPLE
            part.append(
                {"label": ngettext("and %(count)d more person", "and %(count)d more people", more) % {"count": more}}
            )
    return ends, remains


def _who(outcome: Outcome) -> str:
    row = outcome.person
    home = row.partner_name or _("Guest")
    return f"{row.name} · {home}"


def _kept(outcome: Outcome) -> str:
    parts = [_roles(outcome.remains)] if outcome.remains else []
    if outcome.returns:
        parts.append(_("again by DAP: %(roles)s") % {"roles": _roles(outcome.returns)})
    return "; ".join(parts)


def _roles(rows: Iterable[Reached]) -> str:
    """Each role once, with the kinds of paths that give it."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        where = f"{explorer.kind_label(row)} {row.scope_name}".strip()
        found[row.role_label][where] = None
    return ", ".join(f"{role} ({', '.join(kinds)})" for role, kinds in found.items())


def pages(ended: Iterable[Reached], tenant: Tenant, urls: Any) -> list[dict[str, str]]:
    """The pages that would do it, each once; `urls`: where a line's grant is."""
    by_source = {row.source: Line(row) for row in ended}
    lines = [*by_source.values()][:MOST_CHOICES]
    explorer.complete(lines, ())
    found = {}
    for line in lines:
        url = urls(line, tenant)
        if url:
            found.setdefault(url, {"url": url, "label": assignment_label(line), "detail": line.row.partner_name})
    return [*found.values()][:MOST_PEOPLE]
