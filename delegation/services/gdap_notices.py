"""Who is told what about GDAP (DOMAIN §16): the partner's Admin agents, the customer's Global Administrators."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from delegation.models import GdapRelationship
from portal import notices
from portal.models import Pair, User


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


def tell_both(kind: str, row: GdapRelationship, **context: Any) -> None:
    """Both sides."""
    tell_partner(kind, row, **context)
    tell_customer(kind, row, **context)


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
