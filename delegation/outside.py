"""Who from outside can do what in a tenant, by which path, since when and until when: one statement (DOMAIN §14).

*Who has access*, *Our access* and *What if* ask it of the present, *Access on a date* of the past: the same text over
the tables of periods. It says what `access.rights` and `access.scope_rights` say for each person (tests compare them).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from portal import clock
from portal.access import Path, permissions
from portal.models import SecurityGroup

#: What the customer's own people made or assigned to somebody from outside is shown as one kind.
ACCOUNT = "account"


class Reached(NamedTuple):
    """One path of one person from outside."""

    user_id: UUID
    #: None for a guest whom no partner made.
    partner_id: UUID | None
    tenant_id: UUID
    pair_id: UUID | None
    scope_id: UUID | None
    name: str
    sign_in_name: str
    partner_name: str
    kind: str
    permission_id: int
    group_id: int
    #: Empty for a group that is gone, which only the past knows.
    group_name: str
    group_kind: str
    source: str
    scope_name: str
    scope_kind: str
    since: datetime
    until: datetime | None
    used_at: datetime | None

    @property
    def codename(self) -> str:
        return permissions.codenames()[self.permission_id]

    @property
    def path(self) -> Path:
        """The same as `portal.access` names it."""
        return Path(self.kind, self.codename, self.group_id, self.source, self.until, self.pair_id, self.scope_id)

    @property
    def role_label(self) -> str:
        return self.path.role_label

    @property
    def is_privileged(self) -> bool:
        return self.permission_id in permissions.privileged()

    @property
    def shown_kind(self) -> str:
        """DAP, GDAP, Azure, or an account in the tenant itself."""
        return self.kind if self.pair_id else ACCOUNT

    @property
    def is_personal(self) -> bool:
        """Given to the person, not to a group of several."""
        return self.group_kind == SecurityGroup.Kind.PERSON

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same path in two answers."""
        return (self.user_id, self.kind, self.permission_id, self.group_id, self.source, self.tenant_id, self.scope_id)


@dataclass(frozen=True)
class Without:
    """What to leave out (*What if*): the answer is as if these had ended."""

    pairs: Collection[UUID] = ()  # DAP and GDAP of these
    partners: Collection[UUID] = ()  # everything of these: also Azure roles, and accounts they made
    groups: Collection[int] = ()
    permissions: Collection[int] = ()
    sources: Collection[str] = ()

    def __bool__(self) -> bool:
        return any((self.pairs, self.partners, self.groups, self.permissions, self.sources))


NOTHING = Without()

# Each {name} is a table as it is, or as it was at a moment.
_STATEMENT = """
WITH held AS (
  SELECT {grant_id} AS grant_id, g.group_id, g.permission_id, g.kind, g.source, g.until, g.pair_id,
         g.content_object_id AS tenant_id, NULL::uuid AS scope_id, ''::text AS scope_name, ''::text AS scope_kind
  FROM {tenant_grants} g
  WHERE g.content_object_id = ANY(%(tenants)s)
  UNION ALL
  SELECT {grant_id}, g.group_id, g.permission_id, g.kind, g.source, g.until, g.pair_id,
         s.tenant_id, s.id, s.name, s.kind
  FROM portal_scope s JOIN {scope_grants} g ON g.content_object_id = s.id
  WHERE s.tenant_id = ANY(%(tenants)s) AND {scope_is_there}
), kept AS MATERIALIZED (
  SELECT h.* FROM held h LEFT JOIN portal_pair p ON p.id = h.pair_id
  WHERE (h.until IS NULL OR h.until > %(at)s)
    AND (h.pair_id IS NULL OR NOT (
      p.partner_id = ANY(%(without_partners)s) OR (h.pair_id = ANY(%(without_pairs)s) AND h.kind IN ('dap', 'gdap'))))
    AND NOT h.group_id = ANY(%(without_groups)s) AND NOT h.permission_id = ANY(%(without_permissions)s)
    AND NOT h.source = ANY(%(without_sources)s)
    AND (%(partner)s::uuid IS NULL OR h.pair_id IS NULL OR p.partner_id = %(partner)s)
), members AS MATERIALIZED (
  SELECT m.group_id, m.user_id, m.since FROM {memberships} m
  WHERE m.group_id IN (SELECT group_id FROM kept) AND (%(people)s::uuid[] IS NULL OR m.user_id = ANY(%(people)s))
), granular AS MATERIALIZED (
  SELECT DISTINCT m.user_id, k.pair_id FROM kept k JOIN members m ON m.group_id = k.group_id WHERE k.kind = 'gdap'
), working AS MATERIALIZED (
  SELECT DISTINCT m.user_id, w.content_object_id AS pair_id
  FROM {pair_grants} w JOIN {memberships} m ON m.group_id = w.group_id
  WHERE w.content_object_id IN (SELECT pair_id FROM kept) AND (w.until IS NULL OR w.until > %(at)s)
    AND m.user_id IN (SELECT user_id FROM members)
), begun AS MATERIALIZED (
  SELECT true AS is_tenant, grant_id, min(started_at) AS started_at FROM portal_tenantgrantperiod
  WHERE content_object_id IN (SELECT tenant_id FROM kept) AND started_at <= %(at)s GROUP BY grant_id
  UNION ALL
  SELECT false, grant_id, min(started_at) FROM portal_scopegrantperiod
  WHERE content_object_id IN (SELECT scope_id FROM kept) AND started_at <= %(at)s GROUP BY grant_id
), renewed AS MATERIALIZED (
  SELECT source, group_id, permission_id, max(started_at) AS started_at
  FROM (
    SELECT p.*, lag(ended_at) OVER (PARTITION BY source, group_id, permission_id ORDER BY started_at, id) AS before
    FROM portal_tenantgrantperiod p
    WHERE p.content_object_id = ANY(%(tenants)s) AND p.kind = 'dap' AND p.started_at <= %(at)s
  ) run
  WHERE before IS NULL OR started_at - before > %(same)s
  GROUP BY source, group_id, permission_id
)
SELECT u.id::text, COALESCE(p.partner_id, u.made_by_partner_id)::text, k.tenant_id::text, k.pair_id::text,
       k.scope_id::text, u.display_name, u.sign_in_name, COALESCE(p.partner_name, by.display_name, ''), k.kind,
       k.permission_id, k.group_id, COALESCE(g.name, ''), COALESCE(g.kind, ''), k.source, k.scope_name, k.scope_kind,
       GREATEST(COALESCE(r.started_at, b.started_at), m.since), k.until, used.used_at
FROM kept k
JOIN members m ON m.group_id = k.group_id
JOIN portal_user u ON u.id = m.user_id AND {person_is_able}
JOIN portal_tenant h ON h.id = u.tenant_id AND {home_is_enabled}
JOIN portal_tenant t ON t.id = k.tenant_id AND {tenant_is_enabled}
LEFT JOIN portal_pair p ON p.id = k.pair_id
LEFT JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id
LEFT JOIN working w ON w.user_id = u.id AND w.pair_id = k.pair_id
LEFT JOIN granular n ON n.user_id = u.id AND n.pair_id = k.pair_id
LEFT JOIN portal_tenant by ON by.id = u.made_by_partner_id
LEFT JOIN portal_securitygroup g ON g.group_id = k.group_id
LEFT JOIN begun b ON b.grant_id = k.grant_id AND b.is_tenant = (k.scope_id IS NULL)
LEFT JOIN renewed r ON k.kind = 'dap' AND r.source = k.source AND r.group_id = k.group_id
  AND r.permission_id = k.permission_id
LEFT JOIN portal_pathuse used ON used.user_id = u.id AND used.tenant_id = k.tenant_id AND used.source = k.source
  AND used.used_at <= %(at)s
WHERE (u.tenant_id <> k.tenant_id OR u.kind = 'guest' OR u.made_by_partner_id IS NOT NULL)
  AND (k.pair_id IS NULL OR (w.user_id IS NOT NULL AND {partner_counts} AND
       CASE WHEN k.scope_id IS NULL THEN {pair_is_in_force} ELSE {pair_has_begun} END))
  AND (k.kind <> 'dap' OR n.user_id IS NULL)
  AND NOT COALESCE(u.made_by_partner_id = ANY(%(without_partners)s), false)
  AND (%(partner)s::uuid IS NULL OR k.pair_id IS NOT NULL OR u.made_by_partner_id = %(partner)s)
ORDER BY u.name_key, u.id, k.scope_id NULLS FIRST, k.permission_id, k.grant_id
"""

_PRESENT = {
    "grant_id": "g.id",
    "tenant_grants": "portal_tenantgrant",
    "scope_grants": "portal_scopegrant",
    "pair_grants": "portal_pairgrant",
    "memberships": "portal_membership",
    "scope_is_there": "s.deleted_at IS NULL",
    "person_is_able": "u.blocked_at IS NULL AND u.activated_at IS NOT NULL",
    "home_is_enabled": "h.disabled_at IS NULL",
    "tenant_is_enabled": "t.disabled_at IS NULL",
    "partner_counts": "f.approved_at IS NOT NULL AND f.disabled_at IS NULL",
    "pair_is_in_force": "(p.started_at IS NOT NULL AND p.ended_at IS NULL)",
    "pair_has_begun": "p.started_at IS NOT NULL",
}


def _stood(what: str, row: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM portal_standingperiod z WHERE z.subject_id = {row} AND z.what = '{what}'"  # noqa: S608
        " AND z.started_at <= %(at)s AND (z.ended_at IS NULL OR z.ended_at > %(at)s))"
    )


def _then(table: str, columns: str = "*") -> str:
    return f"(SELECT {columns} FROM {table} WHERE started_at <= %(at)s AND (ended_at IS NULL OR ended_at > %(at)s))"  # noqa: S608


_PAST = {
    "grant_id": "g.grant_id",
    "tenant_grants": _then("portal_tenantgrantperiod"),
    "scope_grants": _then("portal_scopegrantperiod"),
    "pair_grants": _then("portal_pairgrantperiod"),
    "memberships": _then("portal_membershipperiod", "group_id, user_id, started_at AS since"),
    "scope_is_there": "s.created_at <= %(at)s AND (s.deleted_at IS NULL OR s.deleted_at > %(at)s)",
    "person_is_able": _stood("person", "u.id"),
    "home_is_enabled": _stood("tenant", "h.id"),
    "tenant_is_enabled": _stood("tenant", "t.id"),
    "partner_counts": _stood("partner", "p.partner_id"),
    "pair_is_in_force": _stood("pair", "p.id"),
    "pair_has_begun": (
        "EXISTS (SELECT 1 FROM portal_standingperiod z WHERE z.subject_id = p.id AND z.what = 'pair'"
        " AND z.started_at <= %(at)s)"
    ),
}
PRESENT, PAST = _STATEMENT.format(**_PRESENT), _STATEMENT.format(**_PAST)
#: DAP whose paths were written anew (`sources.renew_dap`) within this time has stood since before.
_SAME = timedelta(seconds=1)


def paths(
    tenants: Collection[UUID],
    *,
    at: datetime | None = None,
    partner: UUID | None = None,
    people: Collection[UUID] | None = None,
    without: Without = NOTHING,
) -> list[Reached]:
    """Every path by which somebody from outside can do anything in these tenants, by the person's name.

    `at`: as it was then; None: as it is now. `partner`: only that partner's people. `people`: only these.
    """
    with connection.cursor() as cursor:
        values = parameters(tenants, at=at, partner=partner, people=people, without=without)
        cursor.execute(PRESENT if at is None else PAST, values)
        ids = _Ids({None: None})
        return [Reached(ids[a], ids[b], ids[c], ids[d], ids[e], *more) for a, b, c, d, e, *more in cursor.fetchall()]


class _Ids(dict[Any, Any]):
    """Each id once: ten thousand rows name the same few, and making one takes longer than all else of a row."""

    def __missing__(self, text: str) -> UUID:
        found = self[text] = UUID(text)
        return found


def parameters(
    tenants: Collection[UUID],
    *,
    at: datetime | None = None,
    partner: UUID | None = None,
    people: Collection[UUID] | None = None,
    without: Without = NOTHING,
) -> dict[str, Any]:
    """What the statement takes."""
    return {
        "tenants": [*tenants],
        "at": at or clock.now(),
        "partner": partner,
        "people": None if people is None else [*people],
        "same": _SAME,
        "without_pairs": [*without.pairs],
        "without_partners": [*without.partners],
        "without_groups": [*without.groups],
        "without_permissions": [*without.permissions],
        "without_sources": [*without.sources],
    }
