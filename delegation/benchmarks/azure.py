"""Azure at 1,000 customers × 20 subscriptions × 50 resource groups: a decision at a leaf, what pages ask, a write."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.contrib.auth.models import Permission
from django.test.utils import override_settings

from delegation import services, verification
from delegation.benchmarks import azure_population as population
from delegation.models import AzureAssignment
from portal import access, catalogue, clock
from portal.benchmarks import scratch
from portal.benchmarks.figures import Figure, Report, elapsed, interleaved, p50
from portal.benchmarks.population import Size, customer_id, home_of, user_id
from portal.catalogue import Capability as Can
from portal.models import Scope, SecurityGroup, Tenant, User

_QUESTIONS, _ROUNDS, _WRITES = 2_000, 5, 40
_ASKED = (Can.AZURE_VIEW, Can.AZURE_MANAGE_RESOURCES, Can.AZURE_ASSIGN_ROLES, Can.AZURE_MANAGE_SUBSCRIPTION)

# The whole question in one statement, as one would write it by hand: by which paths, and else whether the person may
# know of the scope at all.
_PATHS = """
  SELECT g.source FROM portal_membership m
  CROSS JOIN (VALUES ((%(scopes)s::uuid[])[1]), ((%(scopes)s::uuid[])[2]), ((%(scopes)s::uuid[])[3])) s(id)
  JOIN portal_user u ON u.id = m.user_id AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
  JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  JOIN portal_scopegrant g ON g.group_id = m.group_id AND g.content_object_id = s.id
   AND (g.until IS NULL OR g.until > %(now)s)
  JOIN portal_tenant t ON t.id = %(tenant)s AND t.disabled_at IS NULL
  WHERE m.user_id = %(user)s AND {condition}
    AND (g.pair_id IS NULL OR EXISTS (
      SELECT 1 FROM portal_pair p
      JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
      JOIN portal_pairgrant w ON w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)
      JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
      WHERE p.id = g.pair_id AND p.started_at IS NOT NULL))
"""
_BARE = f"""
WITH paths AS ({_PATHS.format(condition="(%(permissions)s::int[] IS NULL OR g.permission_id = ANY(%(permissions)s))")})
SELECT source FROM paths
UNION ALL
SELECT 'known' WHERE NOT EXISTS (SELECT 1 FROM paths) AND (EXISTS (
  SELECT 1 FROM portal_user u JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  WHERE u.id = %(user)s AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
    AND (u.tenant_id = %(tenant)s OR EXISTS (
      SELECT 1 FROM portal_pair p
      JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
      WHERE p.partner_id = u.tenant_id AND p.customer_id = %(tenant)s
        AND p.started_at IS NOT NULL AND p.ended_at IS NULL)))
  OR EXISTS ({_PATHS.format(condition="true")}))
"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class Question:
    """May this person do this at this scope, and is it known beforehand?"""

    user: User
    capability: Can
    scope: Scope
    is_allowed: bool | None


def run(scale: float) -> Report:
    """Measure at this size."""
    size = population.size_of(max(4, round(population.CUSTOMERS * scale)))
    with scratch.database("azure") as database:
        with database.connect("owner") as owner:
            full = population.build(owner, size)
        figures = [*_decisions(size, database), *_pages(size), *_writes(full)]
    data = {
        "customers": size.customers,
        "subscriptions_each": population.SUBSCRIPTIONS,
        "resource_groups_each": population.GROUPS,
        "scopes": size.customers * (1 + population.SUBSCRIPTIONS * (1 + population.GROUPS)),
        "assignments_in_the_fullest": full,
    }
    return Report("azure", data, figures)


# ── one decision at a leaf ──


def _decisions(size: Size, database: scratch.Scratch) -> list[Figure]:
    asked = _questions(size)
    with database.connect() as bare:
        ask = _bare_question(bare)
        for question in asked:
            _compare(question, ask)
        decision, by_sql = interleaved([_decide, ask], asked, _ROUNDS)
    return [
        Figure("decision_vs_sql", p50(decision) / p50(by_sql), "ratio", 2.0),
        Figure("decision_p50", p50(decision) * 1000, "ms"),
        Figure("sql_p50", p50(by_sql) * 1000, "ms"),
        Figure("decision_p99", sorted(decision)[len(decision) * 99 // 100] * 1000, "ms"),
    ]


def _questions(size: Size) -> list[Question]:
    """Admin agents and owners at leaves below what they own, agents in the fullest one, and those who have nothing."""
    chance, found = random.Random(8), []
    people = User.objects.select_related("tenant").in_bulk([user_id(number) for number in range(size.users)])
    numbers = range(size.users)
    admins = [number for number in numbers if home_of(number, size)[0] == "agent" and number % 10 == 0]
    others = [number for number in numbers if home_of(number, size)[0] == "agent" and number % 10 and number >= 300]
    owners = {customer: population.person_of(customer) for customer in range(size.customers)}
    for place in range(min(_QUESTIONS, 40 * size.customers)):
        customer, kind = chance.randrange(size.customers), place % 5
        subscription = 0 if kind == 3 else chance.randrange(population.SUBSCRIPTIONS)
        scope = _leaf(0 if kind == 3 else customer, subscription, chance.randrange(population.GROUPS))
        capability = chance.choice(_ASKED)
        number, is_allowed = {
            0: (chance.choice(admins), True),
            1: (owners[customer], True),
            2: (chance.choice(admins), True),
            3: (chance.choice(others), None),
            4: (owners[(customer + 1) % size.customers], False),
        }[kind]
        found.append(Question(people[user_id(number)], capability, scope, is_allowed))
    return found


def _leaf(customer: int, subscription: int, group: int) -> Scope:
    root = population.scope_id("root", customer)
    above = population.scope_id("subscription", customer, subscription)
    key = population.scope_id("group", customer, subscription, group)
    return Scope(pk=key, tenant_id=customer_id(customer), kind="resource_group", lineage=[root, above, key])


def _decide(question: Question) -> bool:
    return access.decide(question.user, question.capability, question.scope).allowed


def _bare_question(connection: psycopg.Connection[Any]) -> Callable[[Question], list[tuple[Any, ...]]]:
    numbers = dict(Permission.objects.filter(content_type__model="scope").values_list("codename", "pk"))
    ids: dict[Can, list[int] | None] = {
        can: [numbers[name] for name in catalogue.rules()[can].codenames] for can in _ASKED
    }
    ids[Can.AZURE_VIEW] = None

    def ask(question: Question) -> list[tuple[Any, ...]]:
        parameters = {
            "user": question.user.pk,
            "tenant": question.scope.tenant_id,
            "scopes": question.scope.lineage,
            "permissions": ids[question.capability],
            "now": clock.now(),
        }
        return connection.execute(_BARE, parameters, prepare=True).fetchall()

    return ask


def _compare(question: Question, ask: Callable[[Question], list[tuple[Any, ...]]]) -> None:
    """A quick wrong answer is none."""
    decision = access.decide(question.user, question.capability, question.scope)
    rows = {source for (source,) in ask(question)}
    same = rows - {"known"} == {path.source for path in decision.paths} and bool(rows) == decision.is_insider
    if not same or question.is_allowed not in (None, decision.allowed):
        raise RuntimeError(f"the answers differ: {question}")


# ── what pages ask, and a write ──


def _pages(size: Size) -> list[Figure]:
    """All that an agent holds at the 1,000 scopes of a customer, and the first page of all that it may see."""
    agent = User.objects.select_related("tenant").get(pk=user_id(0))
    tenants = [Tenant(pk=customer_id(number % size.customers)) for number in range(50)]
    rights = [elapsed(lambda tenant=tenant: access.scope_rights(agent, tenant)) for tenant in tenants]
    rows = access.allowing(Scope.objects.filter(kind="subscription"), agent, Can.AZURE_ASSIGN_ROLES)
    listed = [
        elapsed(lambda tenant=tenant: list(rows.filter(tenant=tenant).order_by("name", "id")[:50]))
        for tenant in tenants
    ]
    return [
        Figure("rights_of_a_tenant_p50", p50(rights) * 1000, "ms"),
        Figure("list_of_a_tenant_p50", p50(listed) * 1000, "ms"),
        Figure("verify", elapsed(_verify), "s"),
    ]


def _verify() -> None:
    found = verification.differences()
    if found:
        raise RuntimeError(f"{len(found)} differences, the first one: {found[0]}")


@override_settings(MANDATE_AZURE_ASSIGNMENTS_PER_SUBSCRIPTION=population.FULLEST + 1)
def _writes(full: int) -> list[Figure]:
    """Adding to the fullest subscription and removing again, as an Admin agent does it."""
    agent = User.objects.select_related("tenant").get(pk=user_id(0))
    scope = Scope.objects.get(pk=population.scope_id("subscription", 0, 0))
    groups = list(SecurityGroup.objects.filter(tenant=agent.tenant, kind="custom").order_by("pk")[:_WRITES])
    role = catalogue.azure_roles_by_name()["Reader"].id
    made: list[AzureAssignment] = []

    def add(group: SecurityGroup) -> None:
        made.append(services.add_assignment(scope=scope, actor=agent, principal=group, role_id=role))

    def remove() -> None:
        services.remove_azure_assignment(assignment=made.pop(), actor=agent)

    added, removed = [], []
    for group in groups:
        added.append(elapsed(lambda group=group: add(group)))
        removed.append(elapsed(remove))
    if AzureAssignment.objects.filter(subscription=scope.pk, ended_at__isnull=True).count() != full:
        raise RuntimeError("what was added was not removed")
    return [Figure("add_p50", p50(added) * 1000, "ms"), Figure("remove_p50", p50(removed) * 1000, "ms")]
