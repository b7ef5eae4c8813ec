"""Who would lose what without DAP (DOMAIN §7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from delegation import least_privilege
from delegation.gdap_move_needs import used
from delegation.models import GdapRelationship
from portal import catalogue as roles
from portal import clock
from portal.catalogue import Capability, Role
from portal.meanings import MEANINGS
from portal.models import Pair

# ── who would lose what ──

_COMPARE = """
WITH held AS (
  SELECT m.user_id, g.kind, p.codename::text AS name
  FROM portal_tenantgrant g JOIN portal_membership m ON m.group_id = g.group_id
  JOIN auth_permission p ON p.id = g.permission_id
  WHERE g.pair_id = %(pair)s AND g.kind IN ('dap', 'gdap') AND (g.until IS NULL OR g.until > %(now)s)
  UNION
  SELECT m.user_id, 'gdap', 'role_' || r.id::text
  FROM delegation_gdapassignment a CROSS JOIN unnest(a.role_ids) r(id)
  JOIN portal_membership m ON m.group_id = a.group_id
  WHERE a.relationship_id = %(planned)s AND a.state = 'planned'
), people AS (
  SELECT u.id, u.display_name, u.name_key,
    coalesce(array_agg(DISTINCT h.name ORDER BY h.name) FILTER (WHERE h.kind = 'dap'), '{}') AS dap,
    coalesce(array_agg(DISTINCT h.name ORDER BY h.name) FILTER (WHERE h.kind = 'gdap'), '{}') AS gdap
  FROM held h JOIN portal_user u ON u.id = h.user_id AND u.activated_at IS NOT NULL AND u.blocked_at IS NULL
  WHERE EXISTS (
    SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = u.id
    WHERE w.content_object_id = %(pair)s AND (w.until IS NULL OR w.until > %(now)s))
  GROUP BY u.id HAVING bool_or(h.kind = 'dap')
)
SELECT dap, gdap, count(*), (array_agg(display_name ORDER BY name_key))[1:%(named)s] FROM people
GROUP BY dap, gdap ORDER BY count(*) DESC, dap, gdap
"""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Loss:
    """People with the same roles by DAP and by GDAP: what they can do now, and what they couldn't do without DAP."""

    people: int
    names: tuple[str, ...]
    dap: tuple[Role, ...]
    gdap: tuple[Role, ...]
    lost: tuple[Capability, ...]
    lost_used: tuple[Capability, ...]

    @property
    def is_left_out(self) -> bool:
        """They would be left with nothing."""
        return not self.gdap

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.people - len(self.names)

    @property
    def lost_meanings(self) -> list[Any]:
        """What nobody of them used lately, in words."""
        return [MEANINGS[task] for task in self.lost if task not in self.lost_used]

    @property
    def lost_used_meanings(self) -> list[Any]:
        """What is lost although it was used lately."""
        return [MEANINGS[task] for task in self.lost_used]


def compare(pair: Pair, planned: GdapRelationship | None = None) -> list[Loss]:
    """Everybody who works here by DAP, with GDAP's roles as they are in force and, with `planned`, as they would be."""
    values = {"pair": pair.pk, "planned": planned.pk if planned else None, "now": clock.now(), "named": _MOST_NAMED}
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, values)
        found = cursor.fetchall()
    by_role = used(pair) if found else {}
    return [_loss(by_role, *row) for row in found]


def _loss(by_role: Mapping[str, Any], dap: list[str], gdap: list[str], people: int, names: list[str]) -> Loss:
    lost = [task for task in least_privilege.tasks() if _allows(dap, task) and not _allows(gdap, task)]
    held = _roles(dap)
    lately = {task for role in held for task in by_role.get(role.name, {})}
    return Loss(people, tuple(names), held, _roles(gdap), tuple(lost), tuple(task for task in lost if task in lately))


def _allows(codenames: Collection[str], task: Capability) -> bool:
    return bool(set(codenames) & set(roles.rules()[task].codenames))


def _roles(codenames: Iterable[str]) -> tuple[Role, ...]:
    found = (roles.roles()[name.removeprefix("role_")] for name in codenames)
    return tuple(sorted(found, key=lambda role: role.label))
