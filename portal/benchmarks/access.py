"""One decision of `portal.access` against the same question in SQL, against guardian's own, and against its growth."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psycopg
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from guardian.core import ObjectPermissionChecker
from guardian.models import GroupObjectPermission

from portal import access, catalogue, clock
from portal.benchmarks import bulk, population, scratch
from portal.benchmarks.figures import Figure, Report, interleaved, p50
from portal.benchmarks.population import Size
from portal.catalogue import Capability as Can
from portal.models import Pair, Tenant, TenantGrant, User

RELATIONSHIPS = 1_000_000
_QUESTIONS = 3_000
_ROUNDS = 5

# The whole question in one statement, as one would write it by hand: by which paths, and else whether the person is
# an insider. `pair` is set where a customer of the partner narrows it.
_BARE = """
WITH paths AS (
  SELECT g.kind, g.permission_id, g.group_id, g.source, g.until, g.pair_id
  FROM portal_membership m
  JOIN portal_user u ON u.id = m.user_id AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
  JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  JOIN portal_tenantgrant g ON g.group_id = m.group_id AND g.content_object_id = %(tenant)s
   AND g.permission_id = ANY(%(permissions)s) AND (g.until IS NULL OR g.until > %(now)s)
  JOIN portal_tenant t ON t.id = g.content_object_id AND t.disabled_at IS NULL
  WHERE m.user_id = %(user)s
    AND (g.pair_id IS NULL OR (%(on_behalf)s AND EXISTS (
      SELECT 1 FROM portal_pair p
      JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
      JOIN portal_pairgrant w ON w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)
      JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
      WHERE p.id = g.pair_id AND p.started_at IS NOT NULL AND p.ended_at IS NULL)))
    AND (g.kind <> 'dap' OR NOT EXISTS (
      SELECT 1 FROM portal_membership im JOIN portal_tenantgrant i ON i.group_id = im.group_id
       AND i.content_object_id = g.content_object_id AND i.kind = 'gdap' AND i.pair_id = g.pair_id
       AND (i.until IS NULL OR i.until > %(now)s)
      WHERE im.user_id = m.user_id))
    AND (%(pair)s::uuid IS NULL OR g.kind = 'explicit' OR EXISTS (
      SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
      WHERE w.content_object_id = %(pair)s AND (w.until IS NULL OR w.until > %(now)s))))
SELECT * FROM paths
UNION ALL
SELECT 'insider', NULL, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT 1 FROM paths) AND EXISTS (
  SELECT 1 FROM portal_user u JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  WHERE u.id = %(user)s AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
    AND (u.tenant_id = %(tenant)s OR EXISTS (
      SELECT 1 FROM portal_pair p
      JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
      WHERE p.partner_id = u.tenant_id AND p.customer_id = %(tenant)s
        AND p.started_at IS NOT NULL AND p.ended_at IS NULL)))
"""


@dataclass(frozen=True)
class Question:
    """May this person do this to this object? `is_allowed`: what is known beforehand, None where the two only agree."""

    user: User
    capability: Can
    obj: Tenant | Pair
    is_allowed: bool | None

    @property
    def tenant_id(self) -> Any:
        """Where it is decided."""
        return self.obj.partner_id if isinstance(self.obj, Pair) else self.obj.pk


def questions(size: Size, count: int) -> list[Question]:
    """As many of each kind: explicit, agents, DAP, narrowed to a customer, refused to an insider, to a stranger."""
    chance = random.Random(2)
    people = User.objects.select_related("tenant").in_bulk([population.user_id(n) for n in range(size.users)])
    kinds = (_explicit, _agents, _dap, _narrowed, _refused_to_insider, _refused_to_stranger)
    return [kinds[place % len(kinds)](size, people, chance) for place in range(count)]


def _someone(size: Size, people: dict[Any, User], chance: random.Random, job: str) -> tuple[User, int, int]:
    """A user with this job, the home tenant's number and the user's own."""
    while True:
        number = chance.randrange(size.users)
        found, home = population.home_of(number, size)
        if found == job:
            return people[population.user_id(number)], home, number


def _explicit(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, _home, _number = _someone(size, people, chance, "customer")
    return Question(user, chance.choice((Can.PARTNERS_REMOVE_DAP, Can.USERS_EDIT, Can.AUDIT_VIEW)), user.tenant, True)


def _agents(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, _home, _number = _someone(size, people, chance, "partner")
    return Question(user, chance.choice((Can.INVITATIONS_SEND, Can.DELEGATING_GROUPS_MANAGE)), user.tenant, True)


def _customer_of_largest(size: Size, chance: random.Random, *, is_with_dap: bool) -> int:
    customer = chance.randrange(size.customers)
    return customer if population.has_dap(0, customer) == is_with_dap else (customer + 1) % size.customers


def _dap(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, _home, number = _someone(size, people, chance, "agent")
    customer = _customer_of_largest(size, chance, is_with_dap=True)
    is_allowed = number % 10 < 2  # Admin and Helpdesk agents; a Sales agent has nothing there
    return Question(user, Can.USERS_RESET_PASSWORD, Tenant(pk=population.customer_id(customer)), is_allowed)


def _narrowed(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, _home, _number = _someone(size, people, chance, "agent")
    customer = chance.randrange(size.customers)
    pair = Pair(
        pk=population.pair_id(0, customer),
        partner_id=population.partner_id(0),
        customer_id=population.customer_id(customer),
    )
    return Question(user, Can.CUSTOMERS_VIEW, pair, True)


def _refused_to_insider(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, _home, _number = _someone(size, people, chance, "agent")
    customer = _customer_of_largest(size, chance, is_with_dap=False)
    return Question(user, Can.USERS_VIEW, Tenant(pk=population.customer_id(customer)), False)


def _refused_to_stranger(size: Size, people: dict[Any, User], chance: random.Random) -> Question:
    user, home, _number = _someone(size, people, chance, "customer")
    other = (home + 1) % size.customers
    return Question(user, Can.USERS_VIEW, Tenant(pk=population.customer_id(other)), False)


def run(scale: float) -> Report:
    """Measure at the full size and at a hundredth of it."""
    size, small = Size.of(round(RELATIONSHIPS * scale)), Size.of(round(RELATIONSHIPS * scale / 100))
    with scratch.database("small") as small_database:
        with small_database.connect("owner") as owner:
            population.build(owner, small)
        with scratch.database("large") as database:
            with database.connect("owner") as owner:
                population.build(owner, size)
                generic = copy_to_generic(owner)
            return measure(size, database, generic, (small, small_database))


def copy_to_generic(owner: psycopg.Connection[Any]) -> int:
    """The same rights as rows of guardian's generic table; how many."""
    content_type = ContentType.objects.get_for_model(Tenant).pk
    with bulk.unindexed(owner, GroupObjectPermission):
        values = {
            "permission_id": "permission_id",
            "content_type_id": str(content_type),
            "object_pk": "content_object_id::text",
            "group_id": "group_id",
        }
        return bulk.insert(owner, GroupObjectPermission, values, TenantGrant._meta.db_table)


def measure(size: Size, database: scratch.Scratch, generic: int, smaller: tuple[Size, scratch.Scratch]) -> Report:
    """The figures, in a database that holds the population and guardian's copy of its rights."""
    asked = questions(size, min(_QUESTIONS, size.relationships))
    with database.connect() as bare:
        ask = bare_question(bare)
        compare(asked, ask)
        decision, by_sql = interleaved([decide, ask], asked, _ROUNDS)
    with _generic_tables():
        fewer = asked[: len(asked) // 3]
        _compare_guardian(fewer)
        by_guardian, beside = interleaved([_guardian, decide], fewer)
    large, little = _growth(database, asked, *smaller)
    results = [
        Figure("decision_vs_sql", p50(decision) / p50(by_sql), "ratio", 2.0),
        Figure("guardian_vs_decision", p50(by_guardian) / p50(beside), "ratio", 5.0, "higher"),
        Figure("decision_growth", p50(large) / p50(little), "ratio", 1.3),
        Figure("decision_p50", p50(decision) * 1000, "ms"),
        Figure("sql_p50", p50(by_sql) * 1000, "ms"),
        Figure("guardian_p50", p50(by_guardian) * 1000, "ms"),
        Figure("decision_p99", sorted(decision)[len(decision) * 99 // 100] * 1000, "ms"),
    ]
    data = size.as_data() | {"grants": generic, "questions": len(asked), "samples": len(decision)}
    return Report("access", data, results)


def decide(question: Question) -> bool:
    return access.decide(question.user, question.capability, question.obj).allowed


def bare_question(connection: psycopg.Connection[Any]) -> Callable[[Question], list[tuple[Any, ...]]]:
    """The question over a bare connection: one prepared text, parameters, rows."""
    numbers = dict(Permission.objects.values_list("codename", "pk"))
    ids = {rule.capability: [numbers[name] for name in rule.codenames] for rule in catalogue.rules().values()}
    on_behalf = {rule.capability: rule.on_behalf for rule in catalogue.rules().values()}

    def ask(question: Question) -> list[tuple[Any, ...]]:
        parameters = {
            "user": question.user.pk,
            "tenant": question.tenant_id,
            "permissions": ids[question.capability],
            "on_behalf": on_behalf[question.capability],
            "pair": question.obj.pk if isinstance(question.obj, Pair) else None,
            "now": clock.now(),
        }
        return connection.execute(_BARE, parameters, prepare=True).fetchall()

    return ask


def _guardian(question: Question) -> bool:
    """guardian's answer: any of the capability's permissions, one checker (so one look-up) for all of them."""
    tenant = question.obj if isinstance(question.obj, Tenant) else Tenant(pk=question.tenant_id)
    checker = ObjectPermissionChecker(question.user)
    return any(checker.has_perm(name, tenant) for name in catalogue.rules()[question.capability].codenames)


def _generic_tables() -> Any:
    """Let guardian use its generic table for tenants, as it would without a table of our own."""
    return mock.patch("guardian.core.get_group_obj_perms_model", return_value=GroupObjectPermission)


def compare(asked: list[Question], ask: Callable[[Question], list[tuple[Any, ...]]]) -> None:
    """A quick wrong answer is none. Raises RuntimeError where the two differ, or from what is known."""
    for question in asked:
        decision = access.decide(question.user, question.capability, question.obj)
        rows = ask(question)
        paths = {row[3] for row in rows if row[0] != "insider"}
        same = paths == {path.source for path in decision.paths} and bool(rows) == decision.is_insider
        if not same or question.is_allowed not in (None, decision.allowed):
            raise RuntimeError(f"the answers differ: {question}")


def _compare_guardian(asked: list[Question]) -> None:
    for question in asked:
        if _guardian(question) != question.is_allowed:
            raise RuntimeError(f"guardian's answer differs: {question}")


def _growth(
    database: scratch.Scratch, asked: list[Question], small: Size, small_database: scratch.Scratch
) -> tuple[list[float], list[float]]:
    """Decisions at both sizes, in turns."""
    small_database.use()
    fewer = questions(small, len(asked))
    samples: dict[str, list[float]] = {"large": [], "little": []}
    for _turn in range(_ROUNDS):
        for name, place, list_ in (("large", database, asked), ("little", small_database, fewer)):
            place.use()
            interleaved([decide], list_[: len(list_) // 3])  # warm: connection, plans, pages
            samples[name] += interleaved([decide], list_)[0]
    database.use()
    return samples["large"], samples["little"]
