"""How many people hold roles by groups: those who can use them, each once."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from portal import clock
from portal.models import Pair, Tenant, User

#: Grouped by role, and once over all of them (its role is NULL). With a pair, its limit of groups narrows.
_BY_ROLE = """
WITH given AS (SELECT * FROM unnest(%(groups)s::int[], %(roles)s::text[]) AS g(group_id, role_id))
SELECT g.role_id, count(DISTINCT u.id)
FROM given g
JOIN portal_membership m ON m.group_id = g.group_id
JOIN portal_user u ON u.id = m.user_id AND u.activated_at IS NOT NULL AND u.blocked_at IS NULL
JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
WHERE %(pair)s::uuid IS NULL OR EXISTS (
  SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = u.id
  WHERE w.content_object_id = %(pair)s AND (w.until IS NULL OR w.until > %(now)s))
GROUP BY GROUPING SETS ((g.role_id), ())
"""


def by_role(given: Collection[tuple[int, str]], pair: Pair | None) -> dict[str | None, int]:
    """People of each role, from pairs of group and role; under None all of them, each once."""
    values = {
        "groups": [group for group, _role in given],
        "roles": [role for _group, role in given],
        "pair": pair.pk if pair else None,
        "now": clock.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BY_ROLE, values)
        return {None: 0} | dict(cursor.fetchall())


def of_partner(partner: Tenant) -> int:
    """How many people a partner has who could be put into a group."""
    people = User.objects.filter(tenant=partner, kind=User.Kind.MEMBER, deleted_at=None)
    return people.filter(activated_at__isnull=False, blocked_at=None).count()
