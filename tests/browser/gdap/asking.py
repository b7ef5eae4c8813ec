"""What the stories of GDAP do by the pages: a partner asks for roles, a customer answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.browser.mailbox import Mailbox
from tests.browser.person import Person

REASON = "Support contract"


@dataclass(frozen=True)
class Asked:
    """A locked request: the partner's page of it, and its personal link."""

    page: str
    link: str


def tick_role(agent: Person, name: str, reason: str = REASON) -> None:
    """Tick a role, found by its name where there is script; a privileged one with a reason."""
    search = agent.page.get_by_role("searchbox", name="Roles: Search")
    if search.count():
        search.fill(name)
    agent.tick_first(name)
    why = agent.page.get_by_label(f"Why you need it: {name}", exact=True)
    if why.count():
        why.fill(reason)


def ask_for_roles(
    agent: Person,
    *roles: str,
    name: str,
    partner: str = "fabrikam",
    domain: str = "",
    address: str = "",
    days: int = 365,
    auto_extend: bool = False,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Asked:
    """*Request admin relationship* up to *Lock for approval*; of a domain, or of whoever opens the link first.

    `groups` are planned to get some of the roles.
    """
    agent.open(f"/p/{partner}/admin-relationships/new")
    agent.fill("Name", name)
    if domain:
        agent.pick("The organisation that has verified a domain")
        agent.fill("Domain", domain)
    else:
        agent.pick("Whoever opens the link first")
    agent.fill("Days", str(days))
    if auto_extend:
        agent.tick_first("Extend by 180 days")
    for role in roles:
        tick_role(agent, role)
    agent.fill("E-mail", address)
    return lock(agent, groups)


def lock(agent: Person, groups: Mapping[str, Sequence[str]] | None = None) -> Asked:
    """From the options of a draft through its text, with planned groups, to *Lock for approval*."""
    agent.press("Next")
    link = agent.page.get_by_label("The personal link, in case you lost it").input_value()
    agent.press("Next")
    deliver = agent.path
    for group, roles in (groups or {}).items():
        agent.press("Add a group")
        agent.pick(group)
        for role in roles:
            agent.tick_first(role)
        agent.press("Plan")
        agent.sees("Planned groups", group)
        agent.open(deliver)
    agent.press("Lock for approval")
    agent.sees("Locked for approval")
    return Asked(deliver.removesuffix("/deliver"), link)


def send(agent: Person, mailbox: Mailbox, address: str) -> str:
    """*Send for me*; the personal link as this address gets it."""
    before = mailbox.newest()
    agent.press("Send for me")
    agent.sees("is on its way")
    return mailbox.wait(address, after=before).link("/g/")


def approve(admin: Person, link: str) -> None:
    """*Approve all* behind a personal link."""
    admin.open(link)
    admin.tick_first("Yes, I authorise")
    admin.press("Approve all")
    admin.sees("You have approved the roles of")
