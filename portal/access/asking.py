"""Questions about one object: decide, require, check, rights."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import Http404

from portal import catalogue, clock, requests
from portal.access import permissions
from portal.catalogue import Capability
from portal.decisions import Decision, Path, Rights
from portal.errors import PermissionDenied
from portal.models import Pair, Tenant, User

M = TypeVar("M", bound=Model)

# One constant text, prepared by the driver; `permissions` NULL means any. A pair that narrows (a question about one
# customer of the partner) leaves the partner's own Global Administrator alone: it is who sets the limits. For somebody
# in any group with GDAP in force in a tenant, it counts there instead of DAP, also where that is less (DOMAIN §6).
_PROBE = """
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
    WHERE w.content_object_id = %(pair)s AND (w.until IS NULL OR w.until > %(now)s)))
"""
_PROBE_AND_LOCK = _PROBE + " FOR SHARE OF m, g"

# The same at scopes, or anywhere in the tenant; `permissions` NULL means any. An Azure role of a partner's
# group stays after the relationship's end (DOMAIN §4), so the pair need not be in force; it still narrows.
# The scopes of a lineage as so many rows: what they are then changes no estimate, so the server keeps one plan for all
# of them. With an array it planned anew each time, which took ten times as long as the question.
DEEPEST = 4
_ROWS = ", ".join(f"((%(scopes)s::uuid[])[{place}])" for place in range(1, DEEPEST + 1))
_AT_SCOPES = (f"CROSS JOIN (VALUES {_ROWS}) s(id)", "g.content_object_id = s.id")
_ANYWHERE = (
    "",
    """g.content_object_id = ANY(ARRAY(
    SELECT s.id FROM portal_scope s WHERE s.tenant_id = %(tenant)s AND s.deleted_at IS NULL))""",
)
_SCOPE_PROBE = """
SELECT g.kind, g.permission_id, g.group_id, g.source, g.until, g.pair_id, g.content_object_id
FROM portal_membership m {scopes}
JOIN portal_user u ON u.id = m.user_id AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
JOIN portal_scopegrant g ON g.group_id = m.group_id AND {place} AND (g.until IS NULL OR g.until > %(now)s)
 AND (%(permissions)s::int[] IS NULL OR g.permission_id = ANY(%(permissions)s::int[]))
JOIN portal_tenant t ON t.id = %(tenant)s AND t.disabled_at IS NULL
WHERE m.user_id = %(user)s
  AND (g.pair_id IS NULL OR EXISTS (
    SELECT 1 FROM portal_pair p
    JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
    JOIN portal_pairgrant w ON w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)
    JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = m.user_id
    WHERE p.id = g.pair_id AND p.started_at IS NOT NULL))
"""
_PROBE_AT_SCOPES = _SCOPE_PROBE.format(scopes=_AT_SCOPES[0], place=_AT_SCOPES[1])
_PROBE_ANYWHERE = _SCOPE_PROBE.format(scopes=_ANYWHERE[0], place=_ANYWHERE[1])
_PROBE_AT_SCOPES_AND_LOCK = _PROBE_AT_SCOPES + " FOR SHARE OF m, g"

_INSIDER = """
SELECT 1 FROM portal_user u JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
WHERE u.id = %(user)s AND u.blocked_at IS NULL AND u.activated_at IS NOT NULL
  AND (u.tenant_id = %(tenant)s OR EXISTS (
    SELECT 1 FROM portal_pair p
    JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
    WHERE p.partner_id = u.tenant_id AND p.customer_id = %(tenant)s
      AND p.started_at IS NOT NULL AND p.ended_at IS NULL))
"""


def ask(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of one constant text, prepared by the driver."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, parameters, prepare=True).fetchall()


def paths_in(
    user: User, tenant_id: UUID, numbers: list[int], *, on_behalf: bool, pair_id: UUID | None, lock: bool
) -> tuple[Path, ...]:
    """The person's paths in the tenant of these permissions."""
    rows = ask(
        _PROBE_AND_LOCK if lock else _PROBE,
        {
            "user": user.pk,
            "tenant": tenant_id,
            "permissions": numbers,
            "on_behalf": on_behalf,
            "pair": pair_id,
            "now": clock.now(),
        },
    )
    names = permissions.codenames()
    return tuple(
        Path(kind, names[number], group, source, until, pair) for kind, number, group, source, until, pair in rows
    )


def is_insider(user: User, tenant_id: UUID) -> bool:
    """Its own user, or a user of a partner with a relationship in force with it (DOMAIN §1)."""
    return bool(user.pk) and bool(ask(_INSIDER, {"user": user.pk, "tenant": tenant_id}))


def at_scopes(
    user: User, tenant_id: UUID, scopes: Collection[UUID] | None, numbers: list[int] | None, *, lock: bool = False
) -> tuple[Path, ...]:
    """The person's paths at these scopes (None: anywhere in the tenant), of these permissions (None: of any)."""
    parameters = {"user": user.pk, "tenant": tenant_id, "permissions": numbers, "now": clock.now()}
    if scopes is not None and len(scopes) > DEEPEST:
        raise ValueError(f"a lineage of {len(scopes)} scopes: the probe looks at {DEEPEST}")
    if scopes is None:
        rows = ask(_PROBE_ANYWHERE, parameters)
    else:
        sql = _PROBE_AT_SCOPES_AND_LOCK if lock else _PROBE_AT_SCOPES
        rows = ask(sql, parameters | {"scopes": [*scopes]})
    names = permissions.codenames()
    return tuple(
        Path(kind, names[number], group, source, until, pair, scope)
        for kind, number, group, source, until, pair, scope in rows
    )


def place_of(capability: Capability, obj: Model) -> tuple[UUID, UUID | None]:
    """The tenant in which the question is decided and, on the partner's side, the pair that narrows it."""
    if catalogue.rules()[capability].is_partner_side:
        pair_field = obj.access_pair  # type: ignore[attr-defined]
        return getattr(obj, obj.access_partner), getattr(obj, pair_field) if pair_field else None  # type: ignore[attr-defined]
    return getattr(obj, obj.access_tenant), None  # type: ignore[attr-defined]


def decide(user: User, capability: Capability, obj: Model, *, lock: bool = False) -> Decision:
    """May this person do this to this object now, and by which paths?

    With `lock` (writes) the rows that allow it stay share-locked until the transaction ends.
    """
    rule = catalogue.rules()[capability]
    if rule.is_scope_side:
        return _decide_at_scope(user, capability, obj, lock=lock)
    tenant_id, pair_id = place_of(capability, obj)
    paths: tuple[Path, ...] = ()
    if user.is_authenticated:
        ids = permissions.ids_for(capability)
        paths = paths_in(user, tenant_id, ids, on_behalf=rule.on_behalf, pair_id=pair_id, lock=lock)
    return Decision(capability, tenant_id, paths, bool(paths) or is_insider(user, tenant_id), obj)


def _decide_at_scope(user: User, capability: Capability, obj: Any, *, lock: bool) -> Decision:
    """DOMAIN §8: roles reach down. Being an insider says nothing about a scope that one can't see."""
    tenant_id = getattr(obj, obj.access_tenant)
    numbers = None if capability is Capability.AZURE_VIEW else permissions.ids_for(capability)
    lineage = lineage_of(obj)
    paths = at_scopes(user, tenant_id, lineage, numbers, lock=lock) if user.is_authenticated else ()
    is_known = bool(paths) or is_insider(user, tenant_id) or bool(at_scopes(user, tenant_id, lineage, None))
    return Decision(capability, tenant_id, paths, is_known, obj)


def lineage_of(obj: Any) -> list[UUID]:
    """The scopes whose roles reach it; a thing that is at no scope is reached by none."""
    value = obj
    for name in getattr(obj, "access_lineage", "").split("__"):
        value = getattr(value, name) if name and value is not None else []
    return [*value]


def require(user: User, capability: Capability, obj: Model) -> Decision:
    """The decision for a write, its path locked until the commit.

    Raises PermissionDenied for an insider without the right, Http404 for a stranger (DOMAIN §17).
    """
    decision = decide(user, capability, obj, lock=True)
    return insist(decision)


def check(user: User, capability: Capability, obj: Model) -> Decision:
    """The same for a read: nothing is locked. Raises like `require`."""
    return insist(decide(user, capability, obj))


def insist(decision: Decision) -> Decision:
    """The same where the decision is known already, from a page's `Rights`. Raises like `require`."""
    if decision.allowed:
        requests.note_used(decision)
        return decision
    if not decision.is_insider:
        raise Http404
    raise PermissionDenied(decision)


def rights(user: User, tenant: Tenant) -> Rights:
    """Everything this person holds in this tenant now, for a page with many buttons: one query, two for strangers."""
    paths: tuple[Path, ...] = ()
    if user.is_authenticated:
        paths = paths_in(user, tenant.pk, permissions.on_tenants(), on_behalf=True, pair_id=None, lock=False)
    return Rights(tenant.pk, paths, bool(paths) or is_insider(user, tenant.pk), tenant)


def partner_rights(user: User, pair: Pair) -> Rights:
    """Everything this person holds for the partner about this customer: one query."""
    paths = paths_in(user, pair.partner_id, permissions.on_tenants(), on_behalf=False, pair_id=pair.pk, lock=False)
    return Rights(pair.partner_id, paths, bool(paths) or is_insider(user, pair.partner_id), pair)


def get_or_404(queryset: QuerySet[M], user: User, capability: Capability, **lookup: object) -> M:
    """The one row, if this person may do this to it.

    Raises Http404 where there is none or for a stranger, PermissionDenied for an insider without the right.
    """
    try:
        obj = queryset.get(**lookup)
    except (ObjectDoesNotExist, ValidationError, ValueError) as missing:
        raise Http404 from missing
    check(user, capability, obj)
    return obj
