"""Which roles somebody needs for what they want to do, and no more (DOMAIN §6, least privilege help)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from delegation.catalogue import templates
from portal import catalogue
from portal.catalogue import Capability, Role


@dataclass(frozen=True)
class Proposal:
    """The roles, which of them serves each task, and what they allow beyond the tasks."""

    roles: tuple[Role, ...]
    serves: dict[Capability, tuple[Role, ...]]
    beyond: tuple[Capability, ...]


@cache
def tasks() -> tuple[Capability, ...]:
    """What can be done on behalf of a customer by a role that can be asked for, in the order of the table."""
    return tuple(
        capability
        for capability, rule in catalogue.rules().items()
        if not rule.is_partner_side and rule.on_behalf and capability is not Capability.ACCOUNT_VIEW
        if any(capability in able for able in _abilities().values())
    )


@cache
def _abilities() -> dict[str, frozenset[Capability]]:
    """What each role that can be asked for allows on behalf, by its id."""
    rules = [rule for rule in catalogue.rules().values() if not rule.is_partner_side and rule.on_behalf]
    found = {
        role.id: frozenset(rule.capability for rule in rules if role.codename in rule.codenames)
        for role in catalogue.roles().values()
        if role.is_gdap_requestable
    }
    return {role_id: able - {Capability.ACCOUNT_VIEW} for role_id, able in found.items()}


def propose(wanted: Collection[Capability]) -> Proposal:
    """The roles that allow all of `wanted`: never Global Administrator where others do, then as few privileged ones,
    as few roles and as little beyond the tasks as possible; then those that the table of templates names for a task;
    ties go by name.

    Raises ValueError for a capability that no role gives on behalf.
    """
    goal = frozenset(wanted)
    if unknown := goal - set(tasks()):
        raise ValueError(f"not possible on behalf: {sorted(unknown)}")
    chosen = min(_covers(goal, ()), key=lambda ids: _cost(ids, goal), default=())
    roles = tuple(sorted((catalogue.roles()[role_id] for role_id in chosen), key=lambda role: role.name))
    serves = {task: tuple(role for role in roles if task in _abilities()[role.id]) for task in tasks() if task in goal}
    given = frozenset().union(*(_abilities()[role_id] for role_id in chosen))
    return Proposal(roles, serves, tuple(task for task in tasks() if task in given - goal))


@cache
def _usual() -> frozenset[str]:
    """Roles that the built-in templates name for a task: of two that allow the same, people expect these."""
    found = (template.roles for template in templates() if template.name.startswith("Task:"))
    return frozenset(role.id for roles in found for role in roles)


def _cost(role_ids: tuple[str, ...], goal: frozenset[Capability]) -> tuple[int, int, int, int, int, tuple[str, ...]]:
    roles = [catalogue.roles()[role_id] for role_id in role_ids]
    beyond = frozenset().union(*(_abilities()[role_id] for role_id in role_ids)) - goal
    return (
        sum(role.id == catalogue.GLOBAL_ADMINISTRATOR for role in roles),
        sum(role.is_privileged for role in roles),
        len(roles),
        len(beyond),
        sum(role.id not in _usual() for role in roles),
        tuple(sorted(role.name for role in roles)),
    )


def _covers(goal: frozenset[Capability], taken: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every set of roles that allows the goal and loses something without any of them; the empty set for no goal.

    Branches on the task that the fewest roles allow. Of roles that do the same for the goal only the best is tried.
    """
    if not goal:
        if taken:
            yield taken
        return
    scarce = min(goal, key=lambda task: (sum(task in able for able in _abilities().values()), task))
    best: dict[frozenset[Capability], str] = {}
    for role_id, able in _abilities().items():
        part = able & goal
        if scarce in part and (part not in best or _cost((role_id,), goal) < _cost((best[part],), goal)):
            best[part] = role_id
    for part, role_id in best.items():
        yield from _covers(goal - part, (*taken, role_id))
