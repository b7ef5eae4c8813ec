"""What the stories of Azure do on their way: by the same pages as everybody."""

from __future__ import annotations

import re

from playwright.sync_api import Locator

from tests.browser.pages import pair
from tests.browser.person import Person
from tests.browser.stack import Stack


def provision(agent: Person, stack: Stack, customer: str, name: str) -> str:
    """*Provision a subscription* from the customer's page; the path of its page."""
    agent.open(f"/p/fabrikam/customers/{pair(stack, 'fabrikam', customer)}")
    agent.press("Provision a subscription")
    agent.fill("Name", name)
    agent.fill("Offer", "Azure plan")
    agent.press("Provision")
    agent.is_at(name)
    agent.sees("The subscription was provisioned. AdminAgents is its Owner.")
    return agent.path


def create(admin: Person, tenant: str, name: str) -> str:
    """*Create a subscription* by the customer itself; the path of its page."""
    admin.open(f"/t/{tenant}/azure")
    admin.press("Create a subscription")
    admin.fill("Name", name)
    admin.fill("Offer", "Pay-as-you-go")
    admin.press("Create")
    admin.is_at(name)
    return admin.path


def assign(admin: Person, words: str, principal: str, role: str, **more: str) -> None:
    """*Add a role assignment*, on the page of a scope's role assignments."""
    admin.press("Add a role assignment")
    admin.page.locator("#id_principal-words").fill(words)
    admin.press("Search")
    _radio(admin, "id_principal", principal).check()
    _radio(admin, "id_role", role).check()
    for label, value in more.items():
        admin.fill(label.replace("_", " "), value)
    admin.press("Add")


def _radio(person: Person, part: str, words: str) -> Locator:
    """The radio button of a part of the page whose name begins with these words."""
    return person.page.locator(f"#{part}").get_by_role("radio", name=re.compile(rf"^{re.escape(words)}\b")).first
