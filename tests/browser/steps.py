"""What several stories do on their way: by the same pages as everybody."""

from __future__ import annotations

from tests.browser.mailbox import Mailbox
from tests.browser.person import Person

PASSWORD = "four unrelated wooden spoons"


def open_person(reader: Person, tenant: str, sign_in_name: str) -> None:
    """Find somebody in Users, and open the page."""
    reader.open(f"/t/{tenant}/users?q={sign_in_name}")
    reader.row(sign_in_name).get_by_role("link").first.click()
    reader.sees(sign_in_name)


def set_password(person: Person, button: str, password: str = PASSWORD) -> None:
    """On the page behind a reset or welcome link."""
    person.fill("New password", password)
    person.fill("Repeat the password", password)
    person.press(button)


def found_organisation(person: Person, mailbox: Mailbox, *, name: str, label: str, address: str) -> str:
    """*Create an organisation* from the page that asks for an address, up to its first sign-in.

    Returns the sign-in name of its Global Administrator.
    """
    before = mailbox.newest()
    person.fill("Your contact address", address)
    person.press("Send the link")
    person.is_at("Look into your mail")
    person.open(mailbox.wait(address, after=before).link("/o/"))
    person.is_at("Create an organisation")
    person.fill("Name of the organisation", name)
    person.fill("Default domain", label)
    person.choose("Country", "Germany")
    person.choose("Language", "English")
    person.fill("Your name", "Founder")
    person.fill("Your sign-in name", "founder")
    person.fill("Password", PASSWORD)
    person.fill("Repeat the password", PASSWORD)
    person.press("Create and sign in")
    return f"founder@{label}.cloud.example"


def expand(agent: Person, customer: str) -> None:
    """Find a customer on *Customers* and expand its row."""
    agent.open(f"/p/fabrikam/customers?q={customer}")
    agent.follow(f"Services of {customer}")
    agent.sees("About this relationship")
