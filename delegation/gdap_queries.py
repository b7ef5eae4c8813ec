"""Reads of GDAP relationships for the partner's lists."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from delegation import gdap_texts
from delegation.models import GdapAssignment, GdapRelationship
from portal import catalogue, search, statements
from portal.models import OutboxMessage, Tenant

#: Roles as they stand (asked for, or granted and not removed), and the groups that hold or shall hold some of them.
_DETAILS = """
SELECT g.id,
  ARRAY(SELECT r.role_id FROM delegation_gdaprole r
        WHERE r.relationship_id = g.id AND r.is_granted IS NOT FALSE AND r.removed_at IS NULL),
  (SELECT count(*) FROM delegation_gdapassignment a WHERE a.relationship_id = g.id AND a.state <> 'deleted')
FROM delegation_gdaprelationship g WHERE g.id = ANY(%(rows)s)
"""


def add_details(rows: list[Any]) -> None:
    """Set what a list shows beside a relationship's own fields: one statement for a page.

    `present_roles`, `groups`, `shown_status` (`status_now`, asked once).
    """
    found = {pk: details for pk, *details in statements.fetch(_DETAILS, {"rows": [row.pk for row in rows]})}
    for row in rows:
        role_ids, row.groups = found[row.pk]
        row.present_roles = [catalogue.roles()[role_id] for role_id in role_ids]
        row.shown_status = row.status_now


def named(tenant: Tenant, words: str) -> QuerySet[GdapRelationship]:
    """The partner's relationships of that name or customer; those of that name that a customer has."""
    ours = search.matching(GdapRelationship.objects.filter(partner=tenant), [tenant.pk], words)
    theirs = GdapRelationship.objects.filter(customer=tenant, display_name__icontains=words.strip())
    return GdapRelationship.objects.filter(Q(pk__in=ours.values("pk")) | Q(pk__in=theirs.values("pk")))


def plans(row: GdapRelationship) -> list[GdapAssignment]:
    """The groups that hold or shall hold some of the roles, by name."""
    return list(row.assignments.exclude(state=GdapAssignment.State.DELETED).order_by("group_name", "id"))


def deliveries(row: GdapRelationship) -> list[OutboxMessage]:
    """The last message of the request to each address, the latest first."""
    sent = OutboxMessage.objects.filter(about_type=row._meta.label_lower, about_id=row.pk, kind=gdap_texts.MAIL)
    latest = {message.to_address: message for message in sent.order_by("created_at", "id")}
    return list(latest.values())[::-1]
