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


def request(
    agent: Person,
    *,
    partner: str = "fabrikam",
    customer: str = "",
    address: str = "",
    with_dap: bool = False,
    language: str = "English",
    days: int = 30,
    most: int = 0,
) -> None:
    """*Request a reseller relationship*, up to the draft: for a named customer, or (`most`) an open link."""
    agent.open(f"/p/{partner}/customers")
    agent.press("Request a reseller relationship")
    agent.pick("With delegated admin" if with_dap else "Without delegated admin")
    if most:
        agent.pick("An open link")
        agent.fill("Most customers", str(most))
    else:
        agent.pick("One named customer")
        agent.fill("Customer", customer)
        agent.fill("E-mail", address)
    agent.choose("Language of the message", language)
    agent.fill("Days until it expires", str(days))
    agent.press("Next")
    agent.page.get_by_label("Message").first.wait_for()


def personal_link(agent: Person) -> str:
    """The link that the draft or the invitation shows."""
    return agent.page.locator("#personal-link").input_value()


def send(agent: Person, mailbox: Mailbox, *, address: str, **options: object) -> str:
    """Request, *Send for me*, *Done*; the personal link as it arrives by mail."""
    before = mailbox.newest()
    request(agent, address=address, **options)  # type: ignore[arg-type]
    agent.press("Next")
    agent.press("Send for me")
    agent.press("Done")
    return mailbox.wait(address, after=before).link("/i/")
