"""A customer that many people from outside can act in, and a partner with many customers."""

from __future__ import annotations

from typing import Any

import psycopg
from django.contrib.auth.models import Permission

from portal import catalogue
from portal.benchmarks import bulk, population
from portal.benchmarks.population import Size
from portal.models import Membership, PathUse, Scope, ScopeGrant, TenantGrant

#: People from outside at the customer, and grants there; `CUSTOMERS` belong to the partner of *Our access*.
PEOPLE, GRANTS, CUSTOMERS = 500, 10_000, 100_000
_SUBSCRIPTIONS, _GROUPS = 20, 50
#: Of a person's grants, these many are at scopes.
_AT_SCOPES = 8
_CUSTOMER = "md5('customer:0')::uuid"
_PAIR = "md5('pair:0:0')::uuid"
_OWN_GROUP = "20000000 + i"
#: Agents of the largest partner, three in ten of all people.
_AGENTS = (
    "(SELECT row_number() OVER (ORDER BY n) - 1 AS place, n AS i FROM generate_series(0, {last}) n WHERE n % 10 < 3) a"
)


def size_of(customers: int, people: int) -> Size:
    """One partner with so many customers, of which the first is looked at; a few others."""
    few = min(10, customers)
    return Size(customers + few, customers, customers, 1, few, people * 10)


def build(owner: psycopg.Connection[Any], size: Size, people: int, grants: int) -> None:
    """Fill an empty, migrated database: `people` agents each hold their share of `grants` in person."""
    population.build(owner, size, has_history=True)
    agents, numbers = _AGENTS.format(last=size.users - 1), f"generate_series(0, {grants // people - 1}) k"
    chosen = f"{agents} CROSS JOIN {numbers} WHERE place < {people}"
    # Agents reach every customer by DAP; those who are looked at are all that reach the one customer.
    owner.execute(
        f"DELETE FROM portal_membership m USING {agents}"  # type: ignore[arg-type]  # noqa: S608
        f" WHERE m.user_id = md5('user:' || a.i)::uuid AND a.place >= {people} AND m.group_id BETWEEN 1 AND 3"
    )
    _scopes(owner)
    _paths(owner, chosen)
    _age(owner)
    for model in (Membership, Scope, ScopeGrant, TenantGrant, PathUse):
        owner.execute(f"VACUUM ANALYZE {model._meta.db_table}")  # type: ignore[arg-type]
    owner.execute("VACUUM ANALYZE portal_tenantgrantperiod, portal_scopegrantperiod, portal_pairgrantperiod")
    owner.execute("VACUUM ANALYZE portal_membershipperiod, portal_standingperiod")


def _age(owner: psycopg.Connection[Any]) -> None:
    """The triggers have written periods that began just now; as if all of it had stood for a month."""
    for table in ("tenantgrant", "scopegrant", "pairgrant", "standing"):
        owner.execute(f"UPDATE portal_{table}period SET started_at = started_at - interval '30 days'")  # type: ignore[arg-type]  # noqa: S608


def _scopes(owner: psycopg.Connection[Any]) -> None:
    """20 subscriptions of 50 resource groups; their lineage is written by the trigger, parents first."""
    common = {"tenant_id": _CUSTOMER, "created_at": "timestamptz '2025-01-01'", "lineage": "'{}'"}
    subscription, group = "md5('subscription:' || s)::uuid", "md5('group:' || s || ':' || g)::uuid"
    root = "md5('root')::uuid"
    bulk.insert(owner, Scope, common | {"id": root, "kind": "'root'", "name": "'All'"}, "generate_series(1, 1)")
    numbers = f"generate_series(0, {_SUBSCRIPTIONS - 1}) s"
    values = {"id": subscription, "kind": "'subscription'", "parent_id": root, "name": "'Subscription ' || s"}
    bulk.insert(owner, Scope, common | values, numbers)
    values = {"id": group, "kind": "'resource_group'", "parent_id": subscription, "name": "'group-' || g"}
    bulk.insert(owner, Scope, common | values, f"{numbers}, generate_series(0, {_GROUPS - 1}) g")


def _paths(owner: psycopg.Connection[Any], chosen: str) -> None:
    names = dict(Permission.objects.filter(content_type__app_label="portal").values_list("codename", "pk"))
    azure = [str(names[role.codename]) for role in [*catalogue.azure_roles().values()][:40]]
    roles = [str(names[role.codename]) for role in [*catalogue.roles().values()][:40]]
    common = {"group_id": _OWN_GROUP, "pair_id": _PAIR, "source": "'bench:' || md5(i || ':' || k)"}
    scope = f"md5('group:' || ((i + k) % {_SUBSCRIPTIONS}) || ':' || ((i * 7 + k * 3) % {_GROUPS}))::uuid"
    values = {"content_object_id": scope, "permission_id": f"(ARRAY[{', '.join(azure)}])[1 + (i + k) % 40]"}
    bulk.insert(owner, ScopeGrant, common | values | {"kind": "'azure'"}, f"{chosen} AND k < {_AT_SCOPES}")
    values = {"content_object_id": _CUSTOMER, "permission_id": f"(ARRAY[{', '.join(roles)}])[1 + (i + k) % 40]"}
    bulk.insert(owner, TenantGrant, common | values | {"kind": "'gdap'"}, f"{chosen} AND k >= {_AT_SCOPES}")
    used = {
        "user_id": "md5('user:' || i)::uuid",
        "tenant_id": _CUSTOMER,
        "source": common["source"],
        "used_at": "now() - make_interval(days => (i * 13 % 200)::int)",
    }
    bulk.insert(owner, PathUse, used, f"{chosen} AND k % 3 = 0")
