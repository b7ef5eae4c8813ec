"""A few hundred customers for lists: most accepted, some declined, some let the invitation lapse."""

from __future__ import annotations

from functools import partial

from delegation import services
from delegation.demo import names
from delegation.demo.building import Demo
from delegation.demo.invitations import accept_now, ask, cancel, dap_of, decline, relationship_of
from delegation.demo.names import Customer
from portal.middleware import note_work_on_behalf
from portal.services import organisations
from relationships.services import sweeps
from relationships.services.relationships import end_relationship

#: The first came so long ago; the last this many days ago.
_FIRST, _LAST = 1_100, 12
_TAILSPINS = 10  # one in so many is Tailspin's, the others Fabrikam's


def plan(demo: Demo, *, most: int | None = None) -> None:
    """Every generated customer's story, or the first so many."""
    customers = names.customers()
    for customer in customers[:most]:
        _plan(demo, customer, invited_days_ago(customer, len(customers)))


def invited_days_ago(customer: Customer, of: int) -> float:
    """When it was invited, of so many customers."""
    return _FIRST - (_FIRST - _LAST) * customer.number / of


def partner_of(customer: Customer) -> str:
    """Whose customer it was invited to be."""
    return "tailspin" if customer.number % _TAILSPINS == 4 else "fabrikam"


def is_plain_customer_of(customer: Customer, partner: str) -> bool:
    """Accepted, never with DAP, and still there."""
    is_theirs = partner_of(customer) == partner and outcome(customer) == "accepted"
    return is_theirs and customer.number % 5 not in (0, 2) and customer.number % 41 != 8


def outcome(customer: Customer) -> str:
    """What came of the invitation: accepted, declined, cancelled or expired."""
    if customer.number % 37 == 11:
        return "cancelled"
    if customer.number % 29 == 7:
        return "expired"
    return "declined" if customer.number % 23 == 5 else "accepted"


def _plan(demo: Demo, customer: Customer, days_ago: float) -> None:
    partner = partner_of(customer)
    with_dap = customer.number % 5 in (0, 2)
    sender = "admin-agent" if customer.number % 3 == 0 else "sales-agent"
    asked = ask(
        demo,
        days_ago,
        partner,
        sender,
        customer_name=customer.name,
        customer_address=f"global-admin@{customer.domain}",
        language=customer.language,
        with_dap=with_dap,
        days=30,
    )
    name = f"global-admin@{customer.domain}"
    came = outcome(customer)
    if came == "cancelled":
        cancel(demo, days_ago - 2, asked)
        return
    if came == "expired":
        demo.plan(days_ago - 30.001, sweeps.expire_due)
        return
    demo.plan(days_ago - 1, partial(_found, demo, customer))
    if came == "declined":
        decline(demo, days_ago - 1.5, asked, name)
        return
    demo.plan(days_ago - 1.5, lambda: accept_now(asked.invitation, demo.person(name)))
    if with_dap:
        _plan_dap(demo, partner, customer, days_ago)
    elif customer.number % 41 == 8 and days_ago > 200:
        demo.plan(days_ago - 180, partial(_end, demo, partner, customer))


def _plan_dap(demo: Demo, partner: str, customer: Customer, days_ago: float) -> None:
    worked = max(0.2, (days_ago - 5) * (customer.number % 13) / 13)
    demo.plan(worked, lambda: note_work_on_behalf(demo.tenants[partner].pk, demo.tenants[customer.label].pk))
    if days_ago > 120 and customer.number % 12 == 5:
        demo.plan(days_ago - 100, partial(_remove_dap, demo, partner, customer))
    elif days_ago > 120 and customer.number % 15 == 2:
        demo.plan(days_ago - 90, partial(_give_up_dap, demo, partner, customer))


def _found(demo: Demo, customer: Customer) -> None:
    tenant, founder = organisations.create_organisation(
        display_name=customer.name,
        label=customer.label,
        country=customer.country,
        language=customer.language,
        administrator={
            "sign_in_name": f"global-admin@{customer.domain}",
            "display_name": "Global admin",
            "contact_address": f"global-admin@{customer.domain}",
        },
        is_demo=True,
    )
    organisations.add_verified_domain(tenant=tenant, name=customer.domain)
    demo.tenants[customer.label] = tenant
    demo.people[founder.sign_in_name] = founder


def _remove_dap(demo: Demo, partner: str, customer: Customer) -> None:
    services.remove_dap(
        grant=dap_of(demo, partner, customer.label), actor=demo.person(f"global-admin@{customer.domain}")
    )


def _give_up_dap(demo: Demo, partner: str, customer: Customer) -> None:
    services.give_up_dap(grant=dap_of(demo, partner, customer.label), actor=demo.person(f"admin-agent@{partner}"))


def _end(demo: Demo, partner: str, customer: Customer) -> None:
    end_relationship(
        relationship=relationship_of(demo, partner, customer.label),
        actor=demo.person(f"admin-agent@{partner}"),
    )
