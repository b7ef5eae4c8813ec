"""The pictures of the guides, taken anew from the demo: `script/screenshots`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import launch
from tests.browser.mailbox import Mailbox
from tests.browser.pages import gdap, pair
from tests.browser.person import Complaints, Person
from tests.browser.stack import Stack, short_folder
from tests.browser.steps import open_person, personal_link, request, send
from tests.launched import ROOT

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 170_000
WINDOW = {"width": 1200, "height": 750}
#: For pages whose buttons stand below the window.
TALL = 1080
PHONE = {"width": 360, "height": 740}


@dataclass
class Studio:
    """One stack, one browser, a new person for each picture."""

    stack: Stack
    browser: Browser

    @contextmanager
    def person(self, name: str = "", language: str = "en", **options: object) -> Iterator[Person]:
        """Somebody whose window has the size of a picture."""
        settings = {"viewport": WINDOW, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        context = self.browser.new_context(**settings)  # type: ignore[arg-type]
        person = Person(context, self.stack.url, Complaints())
        if name:
            person.sign_in(name, language)
        yield person
        context.close()

    def take(self, person: Person, name: str, height: int = WINDOW["height"]) -> None:
        """What is in the window now, as a file; the window `height` pixels high where a page says more below."""
        width = person.page.viewport_size["width"]  # type: ignore[index]
        person.page.set_viewport_size({"width": width, "height": height})
        person.page.mouse.move(0, 0)
        picture = person.page.screenshot(animations="disabled", caret="hide", scale="css")
        if len(picture) > MOST_BYTES:
            raise SystemExit(f"{name}: {len(picture)} bytes are too many")
        (FOLDER / f"{name}.png").write_bytes(picture)


def partner_asks(studio: Studio) -> None:
    with studio.person("sales-agent@fabrikam.example") as agent:
        request(agent, customer="Trey Research", address="purchasing@trey.example", with_dap=True)
        personal_link(agent)
        studio.take(agent, "invitation-draft")
        agent.press("Next")
        studio.take(agent, "invitation-deliver")
        agent.open("/p/fabrikam/invitations")
        studio.take(agent, "invitations")


def partner_works(studio: Studio) -> None:
    with studio.person("helpdesk-agent@fabrikam.example") as agent:
        agent.open("/p/fabrikam/customers")
        agent.follow("Services of Adventure Works")
        agent.sees("About this relationship")
        studio.take(agent, "customers")
        agent.open("/t/contoso/users")
        studio.take(agent, "on-behalf")
        open_person(agent, "contoso", "user@contoso.example")
        agent.open(agent.path + "/roles")
        studio.take(agent, "refused")
    with studio.person("admin-agent@fabrikam.example", viewport=PHONE, color_scheme="dark") as agent:
        agent.open("/p/fabrikam/customers")
        studio.take(agent, "phone", PHONE["height"])


def customer_answers(studio: Studio) -> None:
    with studio.person("admin-agent@tailspin.example") as agent, studio.person() as reader:
        options = {"partner": "tailspin", "customer": "Contoso GmbH", "with_dap": True, "language": "Deutsch"}
        link = send(agent, Mailbox(reader), address="billing-admin@contoso.example", **options)
    with studio.person("global-admin@contoso.example", language="de") as admin:
        admin.open(link)
        studio.take(admin, "request-de", TALL)
        admin.choose_language("en")
        admin.open(link)
        studio.take(admin, "request", TALL)
    with studio.person("billing-admin@contoso.example") as billing:
        billing.open(link)
        studio.take(billing, "need-permission")


def customer_decides(studio: Studio) -> None:
    page = f"/t/contoso/partner-relationships/{pair(studio.stack, 'fabrikam', 'contoso')}"
    with studio.person("global-admin@contoso.example") as admin:
        admin.open(page)
        studio.take(admin, "partner-relationships", TALL)
        admin.open(f"{page}/remove-dap")
        studio.take(admin, "remove-delegated-admin", 860)
    with studio.person("global-admin@contoso.example", language="zh-hant", color_scheme="dark") as admin:
        admin.open(page)
        studio.take(admin, "partner-relationships-zh-hant-dark")
        admin.choose_language("de")
    with studio.person("global-admin@contoso.example") as admin:
        admin.open("/t/contoso/audit-log")
        studio.take(admin, "audit-log")


def partner_asks_for_roles(studio: Studio) -> None:
    with studio.person("admin-agent@fabrikam.example") as agent:
        agent.open("/p/fabrikam/admin-relationships/new")
        studio.take(agent, "gdap-request", TALL)
        agent.open("/p/fabrikam/admin-relationships?q=northwind")
        agent.follow("Northwind service desk")
        studio.take(agent, "gdap-relationship", TALL)
        agent.open("/p/fabrikam/admin-relationships/expiring")
        studio.take(agent, "gdap-expiring")
        agent.open("/p/fabrikam/admin-relationships/analytics")
        studio.take(agent, "gdap-analytics", TALL)


def customer_approves_roles(studio: Studio) -> None:
    asked = gdap(studio.stack, "Contoso workplace")
    with studio.person("delegation-admin@contoso.example") as admin:
        admin.open(f"/admin-requests/{asked}")
        studio.take(admin, "gdap-approve", 980)
    held = f"/t/northwind/partner-relationships/{pair(studio.stack, 'fabrikam', 'northwind')}/roles/"
    held += gdap(studio.stack, "Northwind service desk")
    with studio.person("global-admin@northwind.example") as admin:
        admin.open(held)
        studio.take(admin, "gdap-customer", 980)
        admin.open(f"{held}/remove")
        studio.take(admin, "gdap-remove", 860)


def customer_sees_outside_access(studio: Studio) -> None:
    page = f"/t/contoso/partner-relationships/{pair(studio.stack, 'fabrikam', 'contoso')}"
    with studio.person("global-admin@contoso.example") as admin:
        admin.open("/t/contoso/who-has-access")
        studio.take(admin, "who-has-access", 900)
        admin.open(f"{page}/clean-exit")
        studio.take(admin, "clean-exit", TALL)
    with studio.person(
        "global-admin@contoso.example", language="zh-hant", viewport=PHONE, color_scheme="dark"
    ) as admin:
        admin.open("/t/contoso/who-has-access")
        studio.take(admin, "who-has-access-zh-hant-dark", PHONE["height"])
        admin.choose_language("de")
    with studio.person("cloud-admin@contoso.cloud.example") as owner:
        owner.open("/t/contoso/azure")
        owner.follow("Contoso Web shop")
        owner.open(f"{owner.path}/access")
        studio.take(owner, "azure-scope", 900)
    with studio.person("admin-agent@fabrikam.example") as agent:
        agent.open("/p/fabrikam/our-access")
        studio.take(agent, "our-access")


SCENES: tuple[Callable[[Studio], None], ...] = (
    partner_asks,
    partner_works,
    partner_asks_for_roles,
    customer_approves_roles,
    customer_answers,
    customer_decides,
    customer_sees_outside_access,
)


def main() -> None:
    """Take every picture; what is no longer taken goes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with short_folder() as folder, Stack(folder) as stack, sync_playwright() as playwright:
        browser = launch(playwright)
        for scene in SCENES:
            scene(Studio(stack, browser))
        browser.close()
    sys.stdout.write(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
