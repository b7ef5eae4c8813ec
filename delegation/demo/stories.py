"""What happened to the cast of the demo before today."""

from __future__ import annotations

from collections.abc import Callable

from delegation import services
from delegation.demo import azure, gdap, generated, names
from delegation.demo.building import Demo
from delegation.demo.invitations import (
    accept,
    ask,
    cancel,
    dap_of,
    decline,
    draft,
    relationship_of,
)
from portal.middleware import note_work_on_behalf
from portal.models import ServiceRequest, User
from portal.services import accounts, service_requests
from relationships.services import sweeps
from relationships.services.relationships import end_relationship

FABRIKAM, TAILSPIN, WINGTIP, PROSEWARE = "fabrikam", "tailspin", "wingtip", "proseware"


def _to(label: str, name: str, language: str = "en", **options: object) -> dict[str, object]:
    """Options of an invitation to a customer of the cast."""
    address = f"global-admin@{label}.example"
    return {"customer_name": name, "customer_address": address, "language": language, **options}


def plan_contoso(demo: Demo) -> None:
    """Fabrikam's customer with delegated admin, and asked by two others."""
    first = ask(demo, 420, FABRIKAM, "sales-agent", **_to("contoso", "Contoso GmbH", "de", with_dap=True))
    accept(demo, 418, first, "global-admin@contoso.example")
    ask(demo, 240, PROSEWARE, "admin-agent", **_to("contoso", "Contoso GmbH", "de", days=14))
    demo.plan(225.9, sweeps.expire_due)
    refused = ask(demo, 150, WINGTIP, "admin-agent", **_to("contoso", "Contoso GmbH", "de", with_dap=True))
    decline(demo, 149, refused, "global-admin@contoso.example")
    ask(demo, 1, TAILSPIN, "sales-agent", **_to("contoso", "Contoso GmbH", "de", with_dap=True))


def plan_northwind(demo: Demo) -> None:
    """Accepted by a Billing Administrator, so device consent is pending; asked for delegated admin now."""
    first = ask(demo, 250, FABRIKAM, "sales-agent", **_to("northwind", "Northwind 貿易", "zh-hant"))
    accept(demo, 247, first, "billing-admin@northwind.example")
    other = ask(demo, 400, TAILSPIN, "sales-agent", **_to("northwind", "Northwind 貿易", "zh-hant", with_dap=True))
    accept(demo, 399, other, "global-admin@northwind.example")
    demo.plan(
        120,
        lambda: services.remove_dap(
            grant=dap_of(demo, TAILSPIN, "northwind"),
            actor=demo.person("global-admin@northwind.example"),
            reason="We look after our users ourselves now.",
        ),
    )
    ask(demo, 1.5, FABRIKAM, "admin-agent", **_to("northwind", "Northwind 貿易", "zh-hant", with_dap=True))


def plan_adventure_works(demo: Demo) -> None:
    """A customer of several partners, two of them with delegated admin, one of the past."""
    for days_ago, partner, sender, with_dap in (
        (700, FABRIKAM, "sales-agent", True),
        (650, TAILSPIN, "sales-agent", False),
        (500, PROSEWARE, "admin-agent", True),
        (480, WINGTIP, "admin-agent", False),
    ):
        options = _to("adventure-works", "Adventure Works", with_dap=with_dap)
        asked = ask(demo, days_ago, partner, sender, **options)
        accept(demo, days_ago - 2, asked, "global-admin@adventure-works.example")
    demo.plan(
        100,
        lambda: end_relationship(
            relationship=relationship_of(demo, WINGTIP, "adventure-works"),
            actor=demo.person("admin-agent@wingtip.example"),
            reason="The contract has ended.",
        ),
    )

    demo.plan(30, lambda: note_work_on_behalf(demo.tenants[PROSEWARE].pk, demo.tenants["adventure-works"].pk))


def plan_wingtip(demo: Demo) -> None:
    """An indirect reseller that is itself a customer of Fabrikam."""
    asked = ask(demo, 600, FABRIKAM, "admin-agent", **_to("wingtip", "Wingtip IT", with_dap=True))
    accept(demo, 599, asked, "global-admin@wingtip.example")


def plan_other_invitations(demo: Demo) -> None:
    """An open link that three have used, an address that bounces, a cancelled one, drafts."""
    link = ask(demo, 20, FABRIKAM, "sales-agent", is_open_link=True, max_uses=10, days=60, with_dap=False)
    declined = [customer for customer in names.customers() if generated.outcome(customer) == "declined"]
    for number, customer in enumerate(declined[:3]):
        accept(demo, 18 - number, link, f"global-admin@{customer.domain}")
    wrong = {"customer_name": "Coho Winery", "customer_address": "purchasing@coho-winery.example"}
    ask(demo, 9, FABRIKAM, "sales-agent", **wrong, with_dap=True)
    asked = ask(
        demo,
        12,
        FABRIKAM,
        "sales-agent",
        customer_name="Lamna Healthcare",
        customer_address="it@lamna.example",
    )
    cancel(demo, 11, asked)
    for days_ago, name, address in (
        (6, "Relecloud", "procurement@relecloud.example"),
        (4, "Munson's Pickles", "office@munsons.example"),
        (0.4, "Trey Research", "it@trey.example"),
    ):
        ask(demo, days_ago, FABRIKAM, "sales-agent", customer_name=name, customer_address=address, days=7)
    draft(
        demo,
        2,
        FABRIKAM,
        "sales-agent",
        customer_name="Margie's Travel",
        customer_address="it@margies.example",
    )
    draft(demo, 0.2, FABRIKAM, "admin-agent", is_open_link=True, max_uses=50, days=90)


def plan_work_on_behalf(demo: Demo) -> None:
    """Fabrikam's people at work in Contoso's tenant."""
    demo.plan(300, lambda: _solved_request(demo))
    demo.plan(200, lambda: _as_helpdesk(demo, lambda agent: _reset(demo, agent)))
    demo.plan(90, lambda: _new_colleague(demo))
    demo.plan(45, lambda: _customers_request(demo))
    demo.plan(3, lambda: _as_helpdesk(demo, lambda agent: _open(demo, agent, *_PRINTER)))


_PRINTER = (
    "Meeting room screen stays black",
    "Since the update of Monday the screen in room 3 shows no picture.",
)


def _as_helpdesk(demo: Demo, act: Callable[[User], object]) -> None:
    agent = demo.person("helpdesk-agent@fabrikam.example")
    act(agent)
    note_work_on_behalf(demo.tenants[FABRIKAM].pk, demo.tenants["contoso"].pk)


def _reset(demo: Demo, agent: User) -> None:
    accounts.start_reset(person=demo.person("user@contoso.example"), actor=agent)


def _open(demo: Demo, actor: User, title: str, description: str) -> ServiceRequest:
    contoso = demo.tenants["contoso"]
    return service_requests.open_request(tenant=contoso, actor=actor, title=title, description=description)


def _solved_request(demo: Demo) -> None:
    agent = demo.person("helpdesk-agent@fabrikam.example")
    request = _open(demo, agent, "Mailbox is full", "The shared mailbox of the sales team takes no more messages.")
    demo.plan(299, lambda: service_requests.start_request(request=request, actor=agent))
    demo.plan(
        298,
        lambda: service_requests.resolve_request(request=request, actor=agent, text="Archive switched on."),
    )
    demo.plan(
        297,
        lambda: service_requests.close_request(
            request=request, actor=demo.person("global-admin@contoso.example"), text="Thank you."
        ),
    )


def _new_colleague(demo: Demo) -> None:
    agent = demo.person("admin-agent@fabrikam.example")
    person = accounts.invite_person(
        tenant=demo.tenants["contoso"],
        actor=agent,
        sign_in_name="warehouse@contoso.example",
        display_name="Warehouse",
        contact_address="warehouse@contoso.example",
    )
    note_work_on_behalf(demo.tenants[FABRIKAM].pk, demo.tenants["contoso"].pk)
    demo.people[person.sign_in_name] = person


def _customers_request(demo: Demo) -> None:
    title = "Some sign-ins take a minute"
    text = "Several people in the Hamburg office wait a minute after they enter their password."
    request = _open(demo, demo.person("user-admin@contoso.example"), title, text)
    agent = demo.person("helpdesk-agent@fabrikam.example")
    demo.plan(44, lambda: service_requests.start_request(request=request, actor=agent))
    comment = "We see it too, at 8 in the morning only. We are looking at the network."
    demo.plan(43, lambda: service_requests.comment_on_request(request=request, actor=agent, text=comment))


PLANS: list[Callable[[Demo], None]] = [
    plan_contoso,
    plan_northwind,
    plan_adventure_works,
    plan_wingtip,
    plan_work_on_behalf,
    generated.plan,
    plan_other_invitations,
    gdap.plan,
    azure.plan,
]
