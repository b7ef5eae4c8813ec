"""Who is told what about GDAP (DOMAIN §16): the partner's Admin agents, the customer's Global Administrators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.urls import reverse

from delegation.models import GdapRelationship
from portal import mail, notices
from portal.models import Pair, User

_MOST_NAMED = 20
_SLUG, _KEY = "slug-here", UUID(int=0)
_ABOUT = f"""
    jsonb_build_object('count', count(*), 'until', {mail.moment("min(ends_at)")},
        'names', to_jsonb((array_agg(display_name ORDER BY ends_at, id))[:{_MOST_NAMED}]))
"""
# One message a side: to each partner about all of its own, to each customer partner by partner.
_ENDS = f"""
WITH ending AS MATERIALIZED (
    SELECT r.id, r.partner_id, r.customer_id, r.pair_id, r.display_name, r.ends_at
    FROM unnest(%(ids)s::uuid[]) chosen(id) JOIN delegation_gdaprelationship r ON r.id = chosen.id
), ours AS (
    SELECT partner_id, {_ABOUT} AS about FROM ending GROUP BY partner_id
), theirs AS (
    SELECT customer_id, partner_id, pair_id, {_ABOUT} AS about FROM ending GROUP BY customer_id, partner_id, pair_id
)
SELECT 'admin_agents' AS audience, p.id AS organisation_id, format(%(partner_path)s, p.slug) AS path,
    about || jsonb_build_object('is_partner', true) AS content
FROM ours JOIN portal_tenant p ON p.id = partner_id
UNION ALL
SELECT 'global_administrators', c.id, format(%(customer_path)s, c.slug, pair_id),
    about || jsonb_build_object('is_partner', false, 'partner', p.display_name)
FROM theirs JOIN portal_tenant p ON p.id = partner_id JOIN portal_tenant c ON c.id = customer_id
"""  # noqa: S608 - our own words


def tell_partner(kind: str, row: GdapRelationship, **context: Any) -> None:
    """The Admin agents and who made the request."""
    partner = row.partner
    path = reverse("gdap-relationship", args=[partner.slug, row.pk])
    people = [row.created_by, *notices.agents(partner.pk)]
    notices.tell(kind, people, tenant=partner, about=row, path=path, is_partner=True, **_about(row), **context)


def tell_customer(kind: str, row: GdapRelationship, **context: Any) -> None:
    """The customer's own Global Administrators; nobody while the customer isn't known."""
    customer = row.customer
    if customer is None:
        return
    people = notices.global_administrators(customer.pk)
    path = customer_path(row.pair) if row.pair else reverse("partner-relationships", args=[customer.slug])
    notices.tell(kind, people, tenant=customer, about=row, path=path, is_partner=False, **_about(row), **context)


def tell_reseller(kind: str, row: GdapRelationship, **context: Any) -> None:
    """The Admin agents of the one through which it is asked; nobody where there is none."""
    reseller = row.reseller
    if reseller is None:
        return
    path = reverse("gdap-for-customer", args=[reseller.slug, row.pk])
    people = notices.agents(reseller.pk)
    notices.tell(kind, people, tenant=reseller, about=row, path=path, **_about(row), **context)


def tell_both(kind: str, row: GdapRelationship, **context: Any) -> None:
    """Both sides."""
    tell_partner(kind, row, **context)
    tell_customer(kind, row, **context)


def tell_ends(kind: str, relationship_ids: Collection[UUID]) -> None:
    """That these end, or have ended: to both sides, one message a side, however many they are."""
    values = {
        "ids": list(relationship_ids),
        "partner_path": _pattern("customers", _SLUG),
        "customer_path": _pattern("partner-relationship", _SLUG, _KEY),
    }
    notices.tell_selected(kind, _ENDS, values)


def _pattern(route: str, *places: object) -> str:
    """An address for `format` of the database, which puts in an organisation's slug and a key."""
    return reverse(route, args=places).replace(_SLUG, "%1$s").replace(str(_KEY), "%2$s")


def tell_fallback(*pairs: Pair) -> None:
    """People of the partner are Global or Helpdesk Administrators again, because GDAP no longer replaces DAP."""
    administrators = notices.global_administrators_of({pair.customer_id for pair in pairs})
    for pair in pairs:
        notices.tell(
            "gdap_fallback",
            administrators.get(pair.customer_id, ()),
            tenant=pair.customer,
            about=pair,
            path=customer_path(pair),
            partner=pair.partner_name,
        )


def customer_path(pair: Pair) -> str:
    """The customer's page of this partner."""
    return reverse("partner-relationship", args=[pair.customer.slug, pair.pk])


def _about(row: GdapRelationship) -> dict[str, Any]:
    customer = row.customer.display_name if row.customer else row.customer_name
    return {"partner": row.partner.display_name, "customer": customer, "name": row.display_name}


def who(actor: User) -> str:
    """How a message names somebody."""
    return actor.sign_in_name
