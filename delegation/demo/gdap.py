"""GDAP in the demo: roles for a time, in every state that a request can be in (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

from delegation import services
from delegation.demo import generated, names
from delegation.demo.building import Demo
from delegation.demo.names import Customer
from delegation.models import GdapRelationship
from portal import catalogue
from portal.models import SecurityGroup
from portal.services import groups

FABRIKAM, PROSEWARE = "fabrikam", "proseware"
SERVICE_DESK, ENGINEERS, DEVICE_CARE = "Service desk", "Cloud engineers", "Device care"
_DESK = ("Helpdesk Administrator", "Service Support Administrator", "Directory Readers")
_CARE = ("Intune Administrator", "Global Reader", "Service Support Administrator")
#: What the generated customers were asked for, in turn: a name, the roles, who gets which.
_BUNDLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Service desk", _DESK),
    ("User management", ("User Administrator", "License Administrator", *_DESK)),
    ("Modern workplace", ("Exchange Administrator", "SharePoint Administrator", "Teams Administrator", *_DESK)),
    ("Security care", ("Security Reader", "Security Administrator", "Global Reader", *_DESK)),
    ("Full administration", ("Global Administrator", *_DESK)),
)
_REASONS = {
    "Global Administrator": "To set up the tenant. It ends when this is done.",
    "Security Administrator": "To answer to alerts at night.",
}
#: Days from today to the end, in turn; what has ended lies behind us.
_ENDS = (0.7, 5, 12, 26, -40, 55, 90, 140, -150, 200, 280, 340)
_DURATIONS = (730, 365, 180, 90, 30)


@dataclass
class Wanted:
    """A request on its way through the demo's past."""

    partner: str
    name: str
    customer: str
    roles: tuple[str, ...]
    days: int
    auto_extend: bool = False
    plans: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def row(self, demo: Demo) -> GdapRelationship:
        """The relationship as it is now."""
        return GdapRelationship.objects.get(partner=demo.tenants[self.partner], display_name=self.name)


def plan(demo: Demo, *, most: int | None = None) -> None:
    """Groups first; then the cast, some of the (first so many) generated customers, what the sweeps had to record."""
    demo.plan(900, lambda: _group(demo, FABRIKAM, SERVICE_DESK, "helpdesk-agent"))
    demo.plan(900, lambda: _group(demo, FABRIKAM, ENGINEERS, "admin-agent"))
    demo.plan(480, lambda: _group(demo, PROSEWARE, DEVICE_CARE, "admin-agent"))
    _plan_cast(demo)
    _plan_generated(demo, most)
    demo.plan(0.001, services.expire_gdap)


def _plan_cast(demo: Demo) -> None:
    desk = {SERVICE_DESK: _DESK}
    northwind = Wanted(FABRIKAM, "Northwind service desk", "northwind", ("User Administrator", *_DESK), 365, plans=desk)
    _approved(demo, 200, northwind)
    care = Wanted(PROSEWARE, "Adventure Works devices", "adventure-works", _CARE, 180, True, {DEVICE_CARE: _CARE})
    _approved(demo, 160, care)
    roles = ("Exchange Administrator", "Security Administrator", *_DESK)
    contoso = Wanted(FABRIKAM, "Contoso workplace", "contoso", roles, 365, plans=desk | {ENGINEERS: roles[:2]})
    _asked(demo, 2, contoso)
    too_much = Wanted(FABRIKAM, "Northwind administration", "northwind", ("Global Administrator", *_DESK), 730)
    _asked(demo, 6, too_much)
    demo.plan(5, lambda: _counter_offer(demo, too_much, _DESK, 180))
    declined = Wanted(FABRIKAM, "Adventure Works security", "adventure-works", _BUNDLES[3][1], 365)
    _asked(demo, 75, declined)
    demo.plan(70, lambda: _decline(demo, declined, "We have our own people for this."))
    draft = Wanted(FABRIKAM, "Northwind licences", "northwind", ("License Administrator",), 180)
    demo.plan(0.3, lambda: _draft(demo, draft))


def _plan_generated(demo: Demo, most: int | None) -> None:
    customers = names.customers()
    number = 0
    for customer in customers[:most]:
        known_for = generated.invited_days_ago(customer, len(customers))
        if not generated.is_plain_customer_of(customer, FABRIKAM) or customer.number % 3:
            continue
        ends_in = _ENDS[number % len(_ENDS)]
        days = next((days for days in _DURATIONS if 3 < days - ends_in < known_for - 5), None)
        if days is None:
            continue
        bundle, roles = _BUNDLES[number % len(_BUNDLES)]
        is_lasting = number % 4 == 1 and "Global Administrator" not in roles
        plans = {} if number % 7 == 3 else {SERVICE_DESK: _DESK} | ({ENGINEERS: roles} if number % 2 else {})
        name = f"{customer.name[:29]}: {bundle}"
        wanted = Wanted(FABRIKAM, name, customer.label, roles, days, is_lasting, plans)
        _approved(demo, days - ends_in, wanted, customer)
        number += 1


def _approved(demo: Demo, days_ago: float, wanted: Wanted, customer: Customer | None = None) -> None:
    """Asked for a day before; its end is as long from the approval as was asked for."""
    domain = customer.domain if customer else f"{wanted.customer}.example"
    _asked(demo, days_ago + 1, wanted)
    demo.plan(days_ago, partial(_approve, demo, wanted, f"global-admin@{domain}"))


def _asked(demo: Demo, days_ago: float, wanted: Wanted) -> None:
    demo.plan(days_ago, partial(_lock, demo, wanted))


def _group(demo: Demo, partner: str, name: str, member: str) -> None:
    administrator = demo.person(f"global-admin@{partner}")
    group = groups.create_group(tenant=demo.tenants[partner], actor=administrator, name=name)
    groups.add_member(group=group, person=demo.person(f"{member}@{partner}"), actor=administrator)


def _ids(role_names: Collection[str]) -> list[str]:
    return [catalogue.roles_by_name()[name].id for name in role_names]


def _draft(demo: Demo, wanted: Wanted) -> GdapRelationship:
    agent = demo.person(f"admin-agent@{wanted.partner}")
    row = services.create_request(
        partner=demo.tenants[wanted.partner],
        actor=agent,
        display_name=wanted.name,
        customer=demo.tenants[wanted.customer],
        customer_address=f"global-admin@{wanted.customer}.example",
        duration_days=wanted.days,
        auto_extend=wanted.auto_extend,
        language=demo.tenants[wanted.customer].language,
        roles={catalogue.roles_by_name()[name].id: _REASONS.get(name, _reason(name)) for name in wanted.roles},
    )
    for group_name, role_names in wanted.plans.items():
        group = SecurityGroup.objects.get(tenant=row.partner, name=group_name)
        services.plan_assignment(relationship=row, group=group, role_ids=_ids(role_names), actor=agent)
    return row


def _reason(role_name: str) -> str:
    is_privileged = catalogue.roles_by_name()[role_name].is_privileged
    return "Part of what our contract covers." if is_privileged else ""


def _lock(demo: Demo, wanted: Wanted) -> None:
    services.lock_request(relationship=_draft(demo, wanted), actor=demo.person(f"admin-agent@{wanted.partner}"))


def _approve(demo: Demo, wanted: Wanted, name: str) -> None:
    services.approve_request(relationship=wanted.row(demo), actor=demo.person(name))


def _counter_offer(demo: Demo, wanted: Wanted, role_names: Collection[str], days: int) -> None:
    services.counter_offer(
        relationship=wanted.row(demo),
        actor=demo.person(f"global-admin@{wanted.customer}.example"),
        role_ids=_ids(role_names),
        duration_days=days,
        is_extension_forbidden=True,
        reason="The service desk is all that we need.",
    )


def _decline(demo: Demo, wanted: Wanted, reason: str) -> None:
    actor = demo.person(f"global-admin@{wanted.customer}.example")
    services.decline_request(relationship=wanted.row(demo), actor=actor, reason=reason)
