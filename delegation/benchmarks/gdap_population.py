"""A partner with a GDAP relationship to each of its customers: roles, groups, assignments and their paths."""

from __future__ import annotations

from typing import Any

import psycopg
from django.contrib.auth.models import Group, Permission

from delegation import catalogue
from delegation.models import GdapAssignment, GdapRelationship, GdapRole
from portal import catalogue as roles_table
from portal.benchmarks import bulk, population
from portal.benchmarks.population import Size
from portal.models import Membership, SecurityGroup, TenantGrant

ROLES, ASSIGNMENTS, GROUPS, USERS = 10, 5, 500, 5_000
_FIRST_GROUP = 40_000_000
_GROUPS_OF_ONE = 6
_RELATIONSHIP, _ASSIGNMENT = "md5('gdap:' || i)::uuid", "md5('gdap:' || i || ':' || k)::uuid"
_PARTNER, _CUSTOMER, _PAIR = "md5('partner:0')::uuid", "md5('customer:' || i)::uuid", "md5('pair:0:' || i)::uuid"
_SENDER, _APPROVER = "md5('user:0')::uuid", "md5('user:6')::uuid"
#: Of twenty: one has expired, one was ended, one waits; the others are active, every fifth with auto-extend.
_STATUS = "(CASE i % 20 WHEN 0 THEN 'expired' WHEN 1 THEN 'terminated' WHEN 2 THEN 'approvalPending' ELSE 'active' END)"
_IS_DECIDED = "(i % 20 <> 2)"
_IS_EXTENDING = "(i % 5 = 4)"
_ENDS = "(date_trunc('hour', now()) + make_interval(hours => 3 + (i::bigint * 7919 % 8700)::int))"
_ENDED = "(date_trunc('hour', now()) - make_interval(days => 1 + i % 700))"
_END = f"(CASE WHEN i % 20 < 2 THEN {_ENDED} ELSE {_ENDS} END)"
_NAME = "'Support ' || i"


def size_of(relationships: int) -> Size:
    """One partner with so many customers, and a few others."""
    few = min(10, relationships)
    return Size(relationships + few, relationships, relationships, 1, few, USERS)


def role_ids() -> list[str]:
    """The ten roles of a relationship; in every fiftieth the first is Global Administrator."""
    plain = [key for key in sorted(catalogue.requestable()) if key not in catalogue.never_lasting()]
    return plain[:ROLES]


def build(owner: psycopg.Connection[Any], size: Size) -> None:
    """Fill an empty, migrated database."""
    population.build(owner, size)
    _groups(owner)
    models = (GdapRelationship, GdapRole, GdapAssignment)
    for model in models:
        owner.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
    with bulk.unindexed(owner, *models, TenantGrant):
        numbers = f"generate_series(0, {size.largest_partner - 1}) i"
        bulk.insert(owner, GdapRelationship, _relationship(), numbers)
        _roles(owner, numbers)
        _assignments(owner, numbers)
        _paths(owner, numbers)
    for model in models:
        owner.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")  # type: ignore[arg-type]


def _groups(owner: psycopg.Connection[Any]) -> None:
    """500 groups of the partner; each of its people is in some."""
    numbers = f"generate_series(0, {GROUPS - 1}) i"
    bulk.insert(owner, Group, {"id": f"{_FIRST_GROUP} + i", "name": "'gdap:' || i"}, numbers)
    values = {
        "group_id": f"{_FIRST_GROUP} + i",
        "tenant_id": _PARTNER,
        "kind": "'custom'",
        "name": "'Group ' || i",
        "created_at": "timestamptz '2025-01-01'",
        "uid": "gen_random_uuid()",
    }
    bulk.insert(owner, SecurityGroup, values, numbers)
    member = {
        "group_id": f"{_FIRST_GROUP} + (i * 7 + k * 83) % {GROUPS}",
        "user_id": "md5('user:' || i)::uuid",
        "since": "timestamptz '2025-01-01'",
    }
    people = f"generate_series(0, {USERS - 1}) i, generate_series(1, {_GROUPS_OF_ONE}) k WHERE i % 10 < 3"
    bulk.insert(owner, Membership, member, people)


def _relationship() -> dict[str, str]:
    locked = f"({_END} - interval '400 days')"
    decided = f"CASE WHEN {_IS_DECIDED} THEN"
    words = population.words(_PARTNER, f"lower({_NAME}) || ' customer' || i")
    return {
        "id": _RELATIONSHIP,
        "partner_id": _PARTNER,
        "customer_id": _CUSTOMER,
        "pair_id": _PAIR,
        "display_name": _NAME,
        "name_key": f"lower({_NAME})",
        "customer_name": "'Customer ' || i",
        "duration_days": "365",
        "granted_days": f"{decided} 365 END",
        "auto_extend": f"{_STATUS} = 'active' AND {_IS_EXTENDING}",
        "status": _STATUS,
        "end_reason": "CASE i % 20 WHEN 1 THEN 'ended_by_partner' ELSE '' END",
        "created_at": f"{locked} - interval '1 hour'",
        "created_by_id": _SENDER,
        "locked_at": locked,
        "locked_by_id": _SENDER,
        "lapses_at": "now() + interval '60 days'",
        "approved_at": f"{decided} {_END} - interval '365 days' END",
        "approved_by_id": f"{decided} {_APPROVER} END",
        "activated_at": f"{decided} {_END} - interval '365 days' END",
        "ends_at": f"{decided} {_END} END",
        "ended_at": f"CASE WHEN i % 20 < 2 THEN {_ENDED} END",
        "search": f"array_to_tsvector(ARRAY({words}))",
    }


def _roles(owner: psycopg.Connection[Any], numbers: str) -> None:
    full = roles_table.GLOBAL_ADMINISTRATOR
    values = {
        "relationship_id": _RELATIONSHIP,
        "role_id": f"CASE WHEN k = 1 AND i % 50 = 3 THEN '{full}' ELSE ({_array(role_ids())})[k] END",
        "reason": "'Support contract'",
        "is_granted": f"CASE WHEN {_IS_DECIDED} THEN true END",
    }
    bulk.insert(owner, GdapRole, values, f"{numbers}, generate_series(1, {ROLES}) k")


def _array(values: list[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]::varchar[]"


def _assignments(owner: psycopg.Connection[Any], numbers: str) -> None:
    """Five groups, each with two of the roles that every relationship has."""
    roles = _array(role_ids())
    values = {
        "id": _ASSIGNMENT,
        "relationship_id": _RELATIONSHIP,
        "group_id": f"{_FIRST_GROUP} + (i * {ASSIGNMENTS} + k) % {GROUPS}",
        "group_name": f"'Group ' || (i * {ASSIGNMENTS} + k) % {GROUPS}",
        "role_ids": f"({roles})[2 * k:2 * k + 1]",
        "state": f"CASE WHEN {_IS_DECIDED} THEN 'active' ELSE 'planned' END",
        "created_at": "timestamptz '2026-01-01'",
        "created_by_id": _SENDER,
    }
    bulk.insert(owner, GdapAssignment, values, f"{numbers}, generate_series(1, {ASSIGNMENTS}) k")


def _paths(owner: psycopg.Connection[Any], numbers: str) -> None:
    names = dict(Permission.objects.filter(content_type__app_label="portal").values_list("codename", "pk"))
    permissions = [str(names[roles_table.roles()[key].codename]) for key in role_ids()]
    values = {
        "content_object_id": _CUSTOMER,
        "group_id": f"{_FIRST_GROUP} + (i * {ASSIGNMENTS} + k) % {GROUPS}",
        "permission_id": f"(ARRAY[{', '.join(permissions)}])[2 * k + n]",
        "kind": "'gdap'",
        "source": f"'gdap:' || {_ASSIGNMENT}",
        "until": f"CASE WHEN NOT {_IS_EXTENDING} THEN {_END} END",
        "pair_id": _PAIR,
    }
    held = f"{numbers}, generate_series(1, {ASSIGNMENTS}) k, generate_series(0, 1) n"
    bulk.insert(owner, TenantGrant, values, f"{held} WHERE {_STATUS} = 'active' AND 2 * k + n <= {ROLES}")
