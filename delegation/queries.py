"""Reads about pairs for pages: their lists, the services of a customer, what a partner keeps (DOMAIN §4, §9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from delegation import gdap_pairs
from delegation.models import DapGrant
from portal import access, catalogue, clock, hooks, lists, statements
from portal.access import Rights
from portal.catalogue import Capability as Can
from portal.models import Pair, PairGrant, PathKind, Tenant, User
from relationships.catalogue import partner_types

#: The services of a customer's tenant that this version has: (name, route, capability).
_PAGES = (
    ("account", Can.ACCOUNT_VIEW),
    ("users", Can.USERS_VIEW),
    ("service-requests", Can.SERVICE_REQUESTS_VIEW),
    ("partner-relationships", Can.PARTNERS_VIEW),
    ("audit-log", Can.AUDIT_VIEW),
)


def active_dap(pair: Pair) -> DapGrant | None:
    """The pair's DAP grant in force, if there is one."""
    return DapGrant.objects.filter(pair=pair, ended_at__isnull=True).first()


def standing(pair: Pair) -> dict[str, str]:
    """What the partner has already, as part of what an acceptance page shows."""
    grant = active_dap(pair)
    return ({"dap": str(grant.pk)} if grant else {}) | gdap_pairs.standing(pair)


# ── a page of pairs: one constant statement, whatever the rows ──

#: Types (the last ones after the end), DAP in force, the last end of GDAP in force and whether it extends itself, the
#: end of an open request for DAP to a domain of the customer.
#: OFFSET 0 keeps the planner from looking for the latest end through all of the partner's open requests.
_DETAILS = """
SELECT p.id,
  ARRAY(SELECT r.partner_type FROM relationships_relationship r
        WHERE r.pair_id = p.id AND (p.ended_at IS NOT NULL OR r.ended_at IS NULL) ORDER BY r.started_at, r.id),
  EXISTS (SELECT 1 FROM delegation_dapgrant d WHERE d.pair_id = p.id AND d.ended_at IS NULL),
  gdap.until, gdap.extends,
  (SELECT max(expires_at) FROM (
     SELECT i.expires_at FROM relationships_invitation i
     WHERE i.partner_id = p.partner_id AND i.state = 'open' AND i.expires_at > %(now)s AND i.with_dap
       AND NOT i.is_open_link AND lower(split_part(i.customer_address, '@', 2)) = ANY(ARRAY(
         SELECT lower(p.customer_domain) UNION ALL
         SELECT lower(d.name) FROM portal_domain d WHERE d.tenant_id = p.customer_id AND d.verified_at IS NOT NULL))
     OFFSET 0) asked)
FROM portal_pair p
CROSS JOIN LATERAL (
  SELECT max(g.ends_at) AS until, bool_or(g.auto_extend) AS extends FROM delegation_gdaprelationship g
  WHERE g.pair_id = p.id AND g.status = 'active' AND (g.auto_extend OR g.ends_at > %(now)s)) gdap
WHERE p.id = ANY(%(pairs)s)
"""


def add_details(pairs: list[Any]) -> None:
    """Set what a list shows beside a pair's own fields: `types` (names), `has_dap`, `dap_asked_until` or None;
    `gdap_until`, the last end of what GDAP gives now (None: nothing), and whether it `extends` itself then.
    """
    rows = statements.fetch(_DETAILS, {"pairs": [pair.pk for pair in pairs], "now": clock.now()})
    found = {pk: details for pk, *details in rows}
    for pair in pairs:
        types, pair.has_dap, pair.gdap_until, pair.extends, asked_until = found[pair.pk]
        pair.types = [str(partner_types()[key].name) for key in dict.fromkeys(types)]
        pair.dap_asked_until = None if pair.has_dap else asked_until


@dataclass(frozen=True)
class Totals:
    """The tiles above *Partner relationships*."""

    partners: int
    people: int
    with_every_right: int
    ending_soon: int
    pending_consents: int


#: Each figure counts one past `lists.COUNT_UP_TO` at most.
_TOTALS = """
WITH seen AS (
  SELECT p.id, p.partner_id, p.open_to_all FROM portal_pair p
  WHERE p.customer_id = %(customer)s AND (%(partner)s::uuid IS NULL OR p.partner_id = %(partner)s)
    AND p.started_at IS NOT NULL AND p.ended_at IS NULL LIMIT %(most)s
), reached AS (
  SELECT DISTINCT u.id FROM portal_tenantgrant g JOIN seen p ON p.id = g.pair_id
  JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
  JOIN portal_membership m ON m.group_id = g.group_id
  JOIN portal_user u ON u.id = m.user_id AND u.activated_at IS NOT NULL AND u.blocked_at IS NULL
  JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  WHERE g.content_object_id = %(customer)s AND (g.until IS NULL OR g.until > %(now)s) AND (p.open_to_all OR EXISTS (
    SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = u.id
    WHERE w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)))
  LIMIT %(most)s
)
SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM reached),
  (SELECT count(*) FROM seen WHERE seen.id IN (
     SELECT d.pair_id FROM delegation_dapgrant d WHERE d.customer_id = %(customer)s AND d.ended_at IS NULL
     UNION ALL
     SELECT g.pair_id FROM delegation_gdaprelationship g JOIN delegation_gdaprole r ON r.relationship_id = g.id
     WHERE g.customer_id = %(customer)s AND g.status = 'active' AND (g.auto_extend OR g.ends_at > %(now)s)
       AND r.role_id = %(all)s AND r.is_granted AND r.removed_at IS NULL)),
  (SELECT count(*) FROM seen JOIN delegation_gdaprelationship g ON g.pair_id = seen.id AND g.customer_id = %(customer)s
   WHERE g.status = 'active' AND NOT g.auto_extend AND g.ends_at > %(now)s AND g.ends_at <= %(soon)s),
  (SELECT count(*) FROM seen JOIN relationships_deviceconsent c ON c.pair_id = seen.id AND c.state = 'pending')
"""


def totals(customer: Tenant, partner_id: UUID | None = None) -> Totals:
    """Figures over the customer's pairs in force, or over one partner's only."""
    now = clock.now()
    values = {
        "customer": customer.pk,
        "partner": partner_id,
        "most": lists.COUNT_UP_TO + 1,
        "now": now,
        "soon": now + timedelta(days=30),
        "all": catalogue.GLOBAL_ADMINISTRATOR,
    }
    (row,) = statements.fetch_planned(_TOTALS, values)
    return Totals(*row)


def services(user: User, pair: Pair, rights: Rights) -> Iterator[hooks.Service]:
    """The pages of the customer's tenant as this person sees them: a link, or what is missing (DOMAIN §4)."""
    names = {
        "account": _("Account"),
        "users": _("Users"),
        "service-requests": _("Service requests"),
        "partner-relationships": _("Partner relationships"),
        "audit-log": _("Audit log"),
    }
    for route, capability in _PAGES:
        decision = rights.decide(capability)
        if decision.path is not None:
            detail = _("as %(role)s") % {"role": decision.path.role_label}
            yield hooks.Service(names[route], reverse(route, args=[pair.customer.slug]), True, detail)
        else:
            least = access.role_names(capability)[0]
            if capability is Can.ACCOUNT_VIEW:
                detail = _("Needs any role in their tenant.")
            else:
                detail = _("Needs at least %(role)s in their tenant.") % {"role": least}
            yield hooks.Service(names[route], "", False, detail)


def why_without_access(user: User, pair: Pair, dap: DapGrant | None) -> str:
    """What stands between a person of the partner and the customer's pages; for a pair in force."""
    is_working = PairGrant.objects.filter(content_object=pair, group__memberships__user=user).exists()
    groups = gdap_pairs.groups_with_roles(pair)
    if not is_working and (groups or dap):
        return _("None of your groups works for this customer. Who may limit groups can change that.")
    if groups:
        return _(
            "GDAP gives roles here to these groups, and you are in none of them: %(groups)s. "
            "Who manages the groups of our organisation can add you to one."
        ) % {"groups": ", ".join(groups)}
    if gdap_pairs.in_force(pair).exists():
        text = _("GDAP was approved here, but approved is not access: no group has roles yet.")
        return f"{text} {_by_dap()}" if dap else text
    if dap is None:
        return _("We hold no delegated admin privileges here. Only the customer can grant them.")
    return _by_dap()


def _by_dap() -> str:
    return _(
        "DAP gives AdminAgents the role Global Administrator and HelpdeskAgents the role Helpdesk Administrator. "
        "Who manages the groups of our organisation can add you to one of them."
    )


def why_less(rights: Rights, user: User, dap: DapGrant | None) -> str:
    """That GDAP counts here instead of the DAP that the person's groups have; empty where that isn't so."""
    if dap is None or not any(path.kind == PathKind.GDAP for path in rights.paths):
        return ""
    held = dap.pair.tenant_grants.filter(kind=PathKind.DAP, group__memberships__user=user)
    if not held.exists():
        return ""
    return _("You are in a group with GDAP here: its roles count instead of those by DAP, also where they are fewer.")
