"""GDAP, story 11: an indirect provider asks through a reseller; the reseller decides first, then the customer."""

from __future__ import annotations

import re

from tests.browser.gdap.asking import lock, tick_role
from tests.browser.mailbox import Mailbox
from tests.browser.person import Person
from tests.browser.steps import send

READER = "Directory Readers"
ADDRESS = "global-admin@northwind.example"


def sells_to_northwind(somebody, mailbox: Mailbox) -> str:
    """Wingtip becomes Northwind's reseller, unless it is; its partner ID."""
    customer = somebody(ADDRESS)
    reseller = somebody("admin-agent@wingtip.example")
    customer.open(send(reseller, mailbox, address=ADDRESS, partner="wingtip", customer="Northwind"))
    number = re.search(r"Partner ID (\S+)", customer.main.inner_text())
    if customer.offered("Accept"):
        customer.tick_first("Yes")
        customer.press("Accept")
        customer.is_at("Partner relationships")
    assert number is not None
    return number.group(1)


def options(provider: Person, name: str, number: str, domain: str) -> None:
    """*Request admin relationship*, through a reseller."""
    provider.open("/p/tailspin/admin-relationships/new")
    provider.fill("Name", name)
    provider.pick("A customer of one of our resellers")
    provider.fill("Partner ID of the reseller", number)
    provider.fill("Domain of its customer", domain)
    tick_role(provider, READER)


def test_the_reseller_approves_then_the_customer(somebody, mailbox, script) -> None:
    number = sells_to_northwind(somebody, mailbox)
    name = f"Supply {'with' if script else 'without'} script"
    provider = somebody("admin-agent@tailspin.example", script=script)
    before = mailbox.newest()
    options(provider, name, number, "contoso.example")
    provider.press("Next")
    provider.sees("No indirect reseller with this partner ID has a customer with this domain.")
    provider.fill("Domain of its customer", "northwind.example")
    asked = lock(provider)
    provider.sees("Waits for the reseller", "Wingtip IT was told and decides first.", "The reseller decides first.")

    customer = somebody(ADDRESS, script=script)
    customer.open("/t/northwind/requests/roles")
    customer.doesnt_see(name)
    customer.open(asked.link)
    customer.is_at("Not open yet")

    reseller = somebody("admin-agent@wingtip.example", script=script)
    mailbox.wait("admin-agent@wingtip.example", after=before)
    reseller.open("/")
    reseller.main.get_by_role("link", name=re.compile("requests to approve for your customers")).click()
    reseller.is_at("For your customers")
    reseller.row(name).get_by_role("link", name="Tailspin Distribution").click()
    reseller.is_at("Approve for your customer")
    reseller.sees(READER, "Northwind 貿易", "You get no rights by it")
    reseller.press("Approve")
    reseller.sees("Now Northwind 貿易 decides.", "Approved by the reseller")
    assert not reseller.offered("Approve")

    customer.open("/t/northwind/requests/roles")
    customer.row(name).get_by_role("link", name="Tailspin Distribution").click()
    customer.is_at("Tailspin Distribution asks for admin roles")
    customer.sees("through your reseller Wingtip IT", "Asked through")
    customer.tick_first("Yes, I authorise")
    customer.press("Approve all")
    customer.sees("You have approved the roles of", name)


def test_the_reseller_rejects_and_the_customer_never_hears_of_it(somebody, mailbox) -> None:
    number = sells_to_northwind(somebody, mailbox)
    provider = somebody("admin-agent@tailspin.example")
    options(provider, "Rejected supply", number, "northwind.example")
    asked = lock(provider)
    reseller = somebody("admin-agent@wingtip.example")
    reseller.open("/p/wingtip/admin-relationships")
    reseller.follow("For your customers")
    reseller.row("Rejected supply").get_by_role("link", name="Tailspin Distribution").click()
    reseller.press("Reject")
    reseller.is_at("Reject the request")
    reseller.fill("Reason", "We do this ourselves.")
    reseller.press("Reject")
    reseller.sees("Rejected by the reseller", "We do this ourselves.")
    provider.open(asked.page)
    provider.sees("Rejected by the reseller", "We do this ourselves.")
    customer = somebody(ADDRESS)
    customer.open("/t/northwind/requests/roles")
    customer.doesnt_see("Rejected supply")
