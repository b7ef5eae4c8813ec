"""Customers with Azure subscriptions and resource groups; one subscription is as full as the limit lets it be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from django.contrib.auth.models import Permission

from delegation.models import AzureAssignment, AzureSubscription
from portal import catalogue
from portal.benchmarks import bulk, population
from portal.benchmarks.population import Size
from portal.models import Scope, ScopeGrant

CUSTOMERS, SUBSCRIPTIONS, GROUPS, FULLEST = 1_000, 20, 50, 4_000
_OWN_GROUPS, _ADMIN_AGENTS = 20_000_000, 1  # as `population` numbers them; the partner is 0
_PARTNER, _CUSTOMER, _PAIR = "md5('partner:0')::uuid", "md5('customer:' || c)::uuid", "md5('pair:0:' || c)::uuid"
_ROOT = "md5('root:' || c)::uuid"
_SUBSCRIPTION = "md5('subscription:' || c || ':' || s)::uuid"
_GROUP = "md5('group:' || c || ':' || s || ':' || r)::uuid"
#: Number of a customer's own person, and of one of the partner's agents, as `population` spreads them.
_PERSON, _AGENT = "(c / 4 * 10 + 6 + c % 4)", "(n / 3 * 10 + n % 3)"
_SINCE = "timestamptz '2026-01-01'"


def size_of(customers: int) -> Size:
    """One partner works for all of them; each has a person of its own."""
    few = min(10, customers)
    return Size(customers + few, customers, customers, 1, few, max(1_000, customers * 5 // 2 + 10))


def scope_id(kind: str, *numbers: int) -> UUID:
    """Key of a root, subscription or group by its numbers."""
    return population._uuid(kind, *numbers)


def person_of(customer: int) -> int:
    """Number of the person who is Owner of the customer's subscriptions."""
    return customer // 4 * 10 + 6 + customer % 4


def build(owner: psycopg.Connection[Any], size: Size) -> int:
    """Fill an empty, migrated database; how many assignments the fullest subscription (the first one) has."""
    population.build(owner, size)
    models = (Scope, AzureSubscription, AzureAssignment)
    for model in models:
        owner.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
    with bulk.unindexed(owner, *models, ScopeGrant):
        _scopes(owner, size.customers)
        _owners(owner, size.customers)
        full = _full(owner)
    for model in models:
        owner.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")  # type: ignore[arg-type]
    return full


def _scopes(owner: psycopg.Connection[Any], customers: int) -> None:
    each = f"generate_series(0, {customers - 1}) c"
    subscriptions = f"{each}, generate_series(0, {SUBSCRIPTIONS - 1}) s"
    groups = f"{subscriptions}, generate_series(0, {GROUPS - 1}) r"
    common = {"tenant_id": _CUSTOMER, "created_at": _SINCE}
    for kind, key, above, name, source in (
        ("root", _ROOT, [], "'/'", each),
        ("subscription", _SUBSCRIPTION, [_ROOT], "'Subscription ' || s", subscriptions),
        ("resource_group", _GROUP, [_ROOT, _SUBSCRIPTION], "'group-' || r", groups),
    ):
        values = common | {
            "id": key,
            "kind": f"'{kind}'",
            "name": name,
            "parent_id": above[-1] if above else "NULL::uuid",
            "lineage": f"ARRAY[{', '.join([*above, key])}]",
        }
        bulk.insert(owner, Scope, values, source)
    row = {"scope_id": _SUBSCRIPTION, "tenant_id": _CUSTOMER, "offer": "'Azure plan'", "created_by_id": _user("0")}
    bulk.insert(owner, AzureSubscription, row, subscriptions)


def _user(number: str) -> str:
    return f"md5('user:' || {number})::uuid"


def _owners(owner: psycopg.Connection[Any], customers: int) -> None:
    """Of every subscription: the partner's AdminAgents, and somebody of the customer."""
    source = f"generate_series(0, {customers - 1}) c, generate_series(0, {SUBSCRIPTIONS - 1}) s"
    role = catalogue.azure_roles()[catalogue.AZURE_OWNER]
    _assign(owner, "owner", f"{_ADMIN_AGENTS}", role, _SUBSCRIPTION, source, _PAIR, "s")
    _assign(owner, "own", f"{_OWN_GROUPS} + {_PERSON}", role, _SUBSCRIPTION, source, "NULL::uuid", "s")


def _full(owner: psycopg.Connection[Any]) -> int:
    """The first subscription: roles of the partner's people at each of its groups, up to the limit."""
    each = (FULLEST - 2) // GROUPS
    source = f"(VALUES (0, 0)) one(c, s), generate_series(0, {GROUPS - 1}) r, generate_series(0, {each - 1}) n"
    role = catalogue.azure_roles_by_name()["Contributor"]
    _assign(owner, "full", f"{_OWN_GROUPS} + {_AGENT}", role, _GROUP, source, _PAIR, "s || ':' || r || ':' || n")
    return 2 + each * GROUPS


def _assign(
    owner: psycopg.Connection[Any],
    name: str,
    group: str,
    role: catalogue.AzureRole,
    scope: str,
    source: str,
    pair: str,
    numbers: str,
) -> None:
    """The assignments and their paths."""
    key = f"md5('{name}:' || c || ':' || {numbers})::uuid"
    kind = "user" if str(_OWN_GROUPS) in group else "group"
    if pair == _PAIR:
        kind = f"foreign_{kind}"
    assignment = {
        "id": key,
        "tenant_id": _CUSTOMER,
        "subscription_id": _SUBSCRIPTION,
        "scope_id": scope,
        "role_id": f"'{role.id}'",
        "principal_type": f"'{kind}'",
        "principal_id": group,
        "principal_name": "'Principal'",
        "pair_id": pair,
        "started_at": _SINCE,
    }
    bulk.insert(owner, AzureAssignment, assignment, source)
    permission = Permission.objects.get(codename=role.codename, content_type__model="scope").pk
    path = {
        "content_object_id": scope,
        "group_id": group,
        "permission_id": str(permission),
        "kind": "'azure'",
        "source": f"'azure:' || {key}",
        "pair_id": pair,
    }
    bulk.insert(owner, ScopeGrant, path, source)
