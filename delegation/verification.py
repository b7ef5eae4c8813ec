"""Compares the index of access paths with the rows that are the truth (STYLE §4).

The truth: explicit role assignments, the built-in groups, DAP grants in force, GDAP assignments of active
relationships, Azure role assignments and elevations that nobody has ended, pairs that ever began.
Set-based: one statement for each table, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.db import connection

from delegation.sources import DAP_ROLES, DEFAULT, LIMIT
from portal import catalogue

_TENANT_GRANTS = """
WITH permission AS (SELECT * FROM unnest(%(codenames)s::text[], %(ids)s::int[]) AS p(codename, id)),
dap_role AS (SELECT * FROM unnest(%(dap_kinds)s::text[], %(dap_codenames)s::text[]) AS d(kind, codename)),
agent AS (SELECT * FROM unnest(%(agent_kinds)s::text[], %(agent_codenames)s::text[]) AS a(kind, codename)),
truth AS (
    SELECT r.tenant_id, g.group_id, p.id AS permission_id, 'explicit' AS kind, 'role:' || r.id AS source,
           NULL::uuid AS pair_id, NULL::timestamptz AS until
    FROM portal_roleassignment r
    JOIN portal_securitygroup g ON g.person_id = r.user_id
    JOIN permission p ON p.codename = 'role_' || r.role_id
    WHERE r.ended_at IS NULL
  UNION ALL
    SELECT g.tenant_id, g.group_id, p.id, 'agents', 'builtin', NULL, NULL
    FROM portal_securitygroup g JOIN agent a ON a.kind = g.kind JOIN permission p ON p.codename = a.codename
  UNION ALL
    SELECT d.customer_id, g.group_id, p.id, 'dap', 'dap:' || d.id, d.pair_id, NULL
    FROM delegation_dapgrant d
    JOIN portal_pair pair ON pair.id = d.pair_id
     AND pair.customer_id = d.customer_id AND pair.partner_id = d.partner_id
    JOIN portal_securitygroup g ON g.tenant_id = d.partner_id
    JOIN dap_role r ON r.kind = g.kind
    JOIN permission p ON p.codename = r.codename
    WHERE d.ended_at IS NULL
  UNION ALL
    SELECT x.customer_id, a.group_id, p.id, 'gdap', 'gdap:' || a.id, x.pair_id,
           CASE WHEN x.auto_extend THEN NULL ELSE x.ends_at END
    FROM delegation_gdaprelationship x
    JOIN portal_pair pair ON pair.id = x.pair_id
     AND pair.customer_id = x.customer_id AND pair.partner_id = x.partner_id
    JOIN delegation_gdapassignment a ON a.relationship_id = x.id AND a.state = 'active'
    JOIN portal_securitygroup g ON g.group_id = a.group_id AND g.tenant_id = x.partner_id
    JOIN delegation_gdaprole r ON r.relationship_id = x.id AND r.role_id = ANY(a.role_ids)
     AND r.is_granted AND r.removed_at IS NULL
    JOIN permission p ON p.codename = 'role_' || r.role_id
    WHERE x.status = 'active'
),
kept AS (
    SELECT content_object_id AS tenant_id, group_id, permission_id, kind, source, pair_id, until
    FROM portal_tenantgrant
)
SELECT CASE WHEN k.source IS NULL THEN 'missing' ELSE 'stray' END,
       coalesce(t.source, k.source), coalesce(t.tenant_id, k.tenant_id)::text, coalesce(t.group_id, k.group_id)
FROM truth t FULL JOIN kept k
  ON (t.tenant_id, t.group_id, t.permission_id, t.kind, t.source)
   = (k.tenant_id, k.group_id, k.permission_id, k.kind, k.source)
 AND t.pair_id IS NOT DISTINCT FROM k.pair_id AND t.until IS NOT DISTINCT FROM k.until
WHERE t.source IS NULL OR k.source IS NULL
ORDER BY 1, 2, 3, 4
"""

#: Whoever was deleted, a person or a group, holds nothing; the assignment is kept and says so.
_SCOPE_GRANTS = """
WITH permission AS (SELECT * FROM unnest(%(codenames)s::text[], %(ids)s::int[]) AS p(codename, id)),
truth AS (
    SELECT a.scope_id, a.principal_id AS group_id, p.id AS permission_id, 'azure' AS kind, 'azure:' || a.id AS source,
           a.pair_id, a.until
    FROM delegation_azureassignment a
    JOIN portal_scope s ON s.id = a.scope_id AND s.tenant_id = a.tenant_id AND s.deleted_at IS NULL
    JOIN portal_securitygroup g ON g.group_id = a.principal_id
    LEFT JOIN portal_user u ON u.id = g.person_id
    JOIN permission p ON p.codename = 'azure_' || a.role_id
    WHERE a.ended_at IS NULL AND u.deleted_at IS NULL
  UNION ALL
    SELECT s.id, g.group_id, p.id, 'elevated', 'elevation:' || e.id, NULL, e.until
    FROM delegation_azureelevation e
    JOIN portal_scope s ON s.tenant_id = e.tenant_id AND s.kind = 'root'
    JOIN portal_securitygroup g ON g.person_id = e.user_id AND g.tenant_id = e.tenant_id
    JOIN permission p ON p.codename = %(elevated)s
    WHERE e.ended_at IS NULL
),
kept AS (
    SELECT content_object_id AS scope_id, group_id, permission_id, kind, source, pair_id, until FROM portal_scopegrant
)
SELECT CASE WHEN k.source IS NULL THEN 'missing' ELSE 'stray' END,
       coalesce(t.source, k.source), coalesce(t.scope_id, k.scope_id)::text, coalesce(t.group_id, k.group_id)
FROM truth t FULL JOIN kept k
  ON (t.scope_id, t.group_id, t.permission_id, t.kind, t.source)
   = (k.scope_id, k.group_id, k.permission_id, k.kind, k.source)
 AND t.pair_id IS NOT DISTINCT FROM k.pair_id AND t.until IS NOT DISTINCT FROM k.until
WHERE t.source IS NULL OR k.source IS NULL
ORDER BY 1, 2, 3, 4
"""

_PAIR_GRANTS = """
SELECT 'stray', w.source, w.content_object_id::text, w.group_id
FROM portal_pairgrant w
JOIN portal_pair p ON p.id = w.content_object_id
LEFT JOIN portal_securitygroup g ON g.group_id = w.group_id
WHERE p.started_at IS NULL OR g.group_id IS NULL OR g.tenant_id <> p.partner_id OR w.permission_id <> %(work_for)s
   OR NOT ((w.source = %(default)s AND g.kind = 'everyone')
        OR (w.source = %(limit)s AND g.kind NOT IN ('everyone', 'person')))
   OR EXISTS (SELECT 1 FROM portal_pairgrant o
              WHERE o.content_object_id = w.content_object_id AND o.source <> w.source)
UNION ALL
SELECT 'missing', %(default)s, p.id::text, NULL
FROM portal_pair p
WHERE p.started_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM portal_pairgrant w WHERE w.content_object_id = p.id)
UNION ALL
SELECT CASE WHEN p.open_to_all THEN 'stray' ELSE 'missing' END, 'open_to_all', p.id::text, NULL
FROM portal_pair p
WHERE p.open_to_all <> EXISTS (
    SELECT 1 FROM portal_pairgrant w JOIN portal_securitygroup g ON g.group_id = w.group_id
    WHERE w.content_object_id = p.id AND w.until IS NULL AND g.kind = 'everyone')
ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Difference:
    """One row of the index that should be there and isn't (missing), or is there and shouldn't be (stray)."""

    what: str
    table: str
    source: str
    object_id: str
    group_id: int | None

    def __str__(self) -> str:
        return f"{self.what}: {self.table} {self.source} object {self.object_id} group {self.group_id}"


def differences() -> list[Difference]:
    """Every difference between the index of paths and the truth; an empty list is what should be."""
    texts = {"TenantGrant": _TENANT_GRANTS, "ScopeGrant": _SCOPE_GRANTS, "PairGrant": _PAIR_GRANTS}
    return [difference for table, sql in texts.items() for difference in _compare(table, sql)]


def _compare(table: str, sql: str) -> Iterator[Difference]:
    ids = dict(
        Permission.objects.filter(
            content_type__app_label="portal", content_type__model__in=["tenant", "pair", "scope"]
        ).values_list("codename", "id")
    )
    dap = {str(kind): catalogue.roles()[role_id].codename for kind, role_id in DAP_ROLES.items()}
    parameters = {
        "codenames": list(ids),
        "ids": list(ids.values()),
        "work_for": ids["work_for"],
        "dap_kinds": list(dap),
        "dap_codenames": list(dap.values()),
        "agent_kinds": list(catalogue.AGENT_CODENAMES),
        "agent_codenames": list(catalogue.AGENT_CODENAMES.values()),
        "elevated": f"azure_{catalogue.AZURE_USER_ACCESS_ADMINISTRATOR}",
        "default": DEFAULT,
        "limit": LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        for what, source, object_id, group_id in cursor.fetchall():
            yield Difference(what, table, source, object_id, group_id)
