"""Reads of GDAP for the customer's pages: the inbox, what waits, one relationship (DOMAIN §4, §6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation import gdap_people
from delegation.models import GdapAssignment, GdapRelationship
from portal import access, audit_words, clock, hooks, statements
from portal.catalogue import Capability as Can
from portal.catalogue import Role, roles
from portal.models import AuditEntry, Pair, Tenant, User
from portal.services import organisations
from portal.timeline import Event
from relationships.models import CUSTOMER_DOMAIN

_MOST_COUNTED = 100
_MOST_EVENTS, _MOST_LISTED = 100, 20
_TONES = {"gdap.approved": "good", "gdap.assigned": "good", "gdap.extended": "good", "gdap.declined": "bad"}
_TONES |= dict.fromkeys(("gdap.expired", "gdap.ended_by_partner", "gdap.removed_by_customer", "gdap.replaced"), "bad")


def addressed_to(customer: Tenant) -> QuerySet[GdapRelationship]:
    """Every request, open and past, that names the customer's tenant or one of its verified domains."""
    domains = [name.lower() for name in organisations.domains_of(customer)]
    nobody = Q(customer=None)
    limited = nobody & Q(limited_to_domain__in=domains)
    mailed = nobody & Q(limited_to_domain="") & Q(domain__in=domains)
    return (
        GdapRelationship.objects.alias(domain=CUSTOMER_DOMAIN)
        .filter(Q(customer=customer) | limited | mailed, locked_at__isnull=False)
        .exclude(partner=customer)
        .with_customer()
    )


def count_pending(tenant: Tenant, partner: Tenant | None = None) -> int:
    """How many of them wait for an answer, as far as pages count; of one partner, or of all."""
    rows = addressed_to(tenant).pending(clock.now())  # type: ignore[attr-defined]
    found: int = (rows.filter(partner=partner) if partner else rows)[:_MOST_COUNTED].count()
    return found


def waiting(user: User, tenant: Tenant, rights: access.Rights) -> list[hooks.Waiting]:
    """Requests that this person may approve, for the start page."""
    if not rights.allows(Can.GDAP_APPROVE):
        return []
    count = count_pending(tenant)
    url = f"{reverse('requests-gdap', args=[tenant.slug])}?status=approvalPending"
    return [hooks.Waiting(_("requests for admin roles"), count, url)] if count else []


# ── one relationship ──


@dataclass(frozen=True)
class Holding:
    """One granted role and who holds it by groups: present ones with their people, past ones by name."""

    role: Role
    reason: str
    groups: tuple[str, ...]
    people: int
    removed_at: datetime | None


@dataclass(frozen=True)
class Group:
    """One of the partner's groups and what it holds by the relationship."""

    name: str
    people: int
    roles: tuple[str, ...]


def holdings(row: GdapRelationship, pair: Pair) -> tuple[list[Holding], list[Group], int]:
    """What the relationship gives (or gave, by its last assignments), to which groups, to how many people in all."""
    active = list(row.assignments.filter(state=GdapAssignment.State.ACTIVE).order_by("group_name", "id"))
    given = [(found.group_id, role_id) for found in active for role_id in found.role_ids]
    people = gdap_people.by_role(given, pair)
    of_group = gdap_people.by_role([(found.group_id, str(found.group_id)) for found in active], pair)
    roles_held = [
        Holding(
            held.role,
            held.reason,
            tuple(found.group_name for found in active if held.role_id in found.role_ids),
            people.get(held.role_id, 0),
            held.removed_at,
        )
        for held in row.roles.filter(is_granted=True)
    ]
    groups = [
        Group(
            found.group_name,
            of_group.get(str(found.group_id), 0),
            tuple(sorted(roles()[role_id].label for role_id in found.role_ids)),
        )
        for found in active
    ]
    order = sorted(roles_held, key=lambda held: (held.removed_at is not None, held.role.label))
    return order, groups, people[None]


def history(row: GdapRelationship, pair: Pair, viewer_id: Any) -> list[Event]:
    """What the customer's audit log tells of it, latest first; names of people only of the viewer's organisation."""
    entries = AuditEntry.objects.filter(
        tenant=pair.customer_id, target_id=str(row.pk), action__startswith="gdap."
    ).order_by("-seq")
    return [_event(entry, pair, viewer_id) for entry in entries[:_MOST_EVENTS]]


def _event(entry: AuditEntry, pair: Pair, viewer_id: Any) -> Event:
    data = json.loads(entry.data)
    by = ""
    if entry.actor_id is not None:
        names = {pair.partner_id: pair.partner_name, pair.customer_id: pair.customer_name}
        is_own = entry.actor_tenant_id == viewer_id
        by = data.get("actor", "") if is_own else names.get(entry.actor_tenant_id, "")  # type: ignore[call-overload]
    after = data.get("after") or {}
    labels = [gettext(name) for name in after.get("roles", ())] if isinstance(after, dict) else []
    parts = [data.get("group", ""), ", ".join(labels), data.get("reason", "")]
    said = " · ".join(str(part) for part in parts if part)
    return Event(
        entry.at, audit_words.ACTIONS.get(entry.action, entry.action), by, said, _TONES.get(entry.action, "idle")
    )


# ── what a page of partners shows beside each ──

#: Per pair: roles in force, whether one of them extends, the first end of the others, requests that wait.
_OF_PAIRS = """
SELECT p.id,
  (SELECT count(DISTINCT r.role_id) FROM delegation_gdaprelationship g
     JOIN delegation_gdaprole r ON r.relationship_id = g.id AND r.is_granted AND r.removed_at IS NULL
   WHERE g.pair_id = p.id AND g.status = 'active' AND (g.auto_extend OR g.ends_at > %(now)s)),
  EXISTS (SELECT 1 FROM delegation_gdaprelationship g
          WHERE g.pair_id = p.id AND g.status = 'active' AND g.auto_extend),
  (SELECT min(g.ends_at) FROM delegation_gdaprelationship g
   WHERE g.pair_id = p.id AND g.status = 'active' AND NOT g.auto_extend AND g.ends_at > %(now)s),
  (SELECT count(*) FROM delegation_gdaprelationship g
   WHERE g.customer_id = p.customer_id AND g.partner_id = p.partner_id
     AND g.status = 'approvalPending' AND g.lapses_at > %(now)s AND g.reseller_answer IN ('', 'approved'))
FROM portal_pair p WHERE p.id = ANY(%(pairs)s)
"""


def add_gdap(pairs: list[Any]) -> None:
    """Set `gdap_roles`, `gdap_extends`, `gdap_ends_at`, `gdap_pending` on each pair of a page: one statement."""
    rows = statements.fetch(_OF_PAIRS, {"pairs": [pair.pk for pair in pairs], "now": clock.now()})
    found = {pk: details for pk, *details in rows}
    for pair in pairs:
        pair.gdap_roles, pair.gdap_extends, pair.gdap_ends_at, pair.gdap_pending = found[pair.pk]


def of_pair(pair: Pair) -> tuple[list[GdapRelationship], list[GdapRelationship]]:
    """The partner's relationships with this customer, those in force first, and its requests that wait."""
    now = clock.now()
    rows = GdapRelationship.objects.filter(pair=pair, activated_at__isnull=False)
    latest: list[Any] = list(rows.prefetch_related("roles").order_by("-activated_at", "id")[:_MOST_LISTED])
    for row in latest:
        row.is_in_force = row.status_now == GdapRelationship.Status.ACTIVE
        row.end = row.end_at(now) if row.is_in_force else row.ended_at or row.ends_at
        row.labels = sorted(held.role.label for held in row.roles.all() if held.is_in_force)
    waiting_rows = addressed_to(pair.customer).pending(now).filter(partner=pair.partner_id)  # type: ignore[attr-defined]
    return sorted(latest, key=lambda row: not row.is_in_force), list(waiting_rows.order_by("-locked_at")[:_MOST_LISTED])
