"""Somebody at a browser: presses what can be seen, by its name, and notes what the browser complains about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page, Response, expect

LANGUAGES = {"en": "English", "de": "Deutsch", "zh-hant": "繁體中文"}


@dataclass
class Complaints:
    """What no page may cause: script errors, refusals by the content policy, answers of the 500 class."""

    lines: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.lines.append(f"script error: {error}"))
        page.on("response", self._response)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        # A page that rightly answers 403, 404 or 409 is an "error" in the console too; its status is tested elsewhere.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.lines.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.lines.append(f"{response.status} {response.request.method} {response.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.lines.append(f"a dialog of the browser: {dialog.message}")
        dialog.dismiss()


class Person:
    """One browser profile. Names of buttons, links and fields are those that a person reads (or hears)."""

    def __init__(self, context: BrowserContext, url: str, complaints: Complaints) -> None:
        self.context = context
        self.url = url
        context.on("page", complaints.watch)
        self.page = context.new_page()
        self.status = 0
        self.page.on("response", self._note_status)

    def _note_status(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.frame == self.page.main_frame:
            self.status = response.status

    # ── where ──

    @property
    def path(self) -> str:
        """The page's address without origin."""
        return self.page.url.removeprefix(self.url)

    def open(self, path: str) -> None:
        """Go to an address: a path of the portal or a whole link."""
        self.page.goto(path if path.startswith("http") else self.url + path)

    def sign_in(self, name: str, language: str = "en") -> Person:
        """Press the persona's button, and choose the language the story is told in."""
        if "/sign-in" not in self.path:
            self.open("/sign-in")
        self.press(f"Sign in as {name}") if self.language == "en" else self._persona(name)
        return self.choose_language(language)

    def _persona(self, name: str) -> None:
        self.page.get_by_role("button", name=re.compile(re.escape(name))).click()

    def sign_in_with(self, name: str, password: str) -> Person:
        """Sign in by the form."""
        self.open("/sign-in")
        self.fill("Sign-in name", name)
        self.fill("Password", password)
        self.press("Sign in")
        return self

    def sign_out(self) -> None:
        """By the account menu."""
        self.page.locator("summary").filter(has_text="Account menu").click()
        self.press("Sign out")

    @property
    def language(self) -> str:
        """The page's language."""
        return str(self.page.locator("html").get_attribute("lang"))

    def choose_language(self, language: str) -> Person:
        """By the menu at the top."""
        if self.language != language:
            menu = self.page.locator("details.menu").filter(has=self.page.locator("button[name=language]"))
            menu.locator("summary").click()
            menu.get_by_role("button", name=LANGUAGES[language]).click()
            expect(self.page.locator("html")).to_have_attribute("lang", language)
        return self

    # ── what one does ──

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button, or the link that looks like one, with exactly this name."""
        place = within or self.page
        button = place.get_by_role("button", name=name, exact=True)
        link = place.get_by_role("link", name=name, exact=True)
        button.or_(link).first.click()

    def follow(self, name: str, within: Locator | None = None) -> None:
        """Follow the link with this name."""
        (within or self.page).get_by_role("link", name=name, exact=True).first.click()

    def open_service(self, name: str) -> None:
        """Follow the link of a service; its name goes on with the role that opens it."""
        self.main.get_by_role("link", name=re.compile(f"^{re.escape(name)} as ")).click()

    def fill(self, label: str, value: str, within: Locator | None = None) -> None:
        """Write into a field."""
        (within or self.page).get_by_label(_label(label)).first.fill(value)

    def choose(self, label: str, option: str) -> None:
        """Choose from a list by what it shows."""
        self.page.get_by_label(_label(label)).first.select_option(label=option)

    def tick(self, label: str) -> None:
        """Tick a box or a radio button."""
        self.page.get_by_label(_label(label)).first.check()

    def tick_first(self, words: str) -> None:
        """Tick the box whose name begins with these words and goes on to explain itself."""
        self.page.get_by_role("checkbox", name=re.compile("^" + re.escape(words))).check()

    def untick_first(self, words: str) -> None:
        """Take the tick away again."""
        self.page.get_by_role("checkbox", name=re.compile("^" + re.escape(words))).uncheck()

    def pick(self, words: str) -> None:
        """Choose the radio button whose name begins with these words."""
        self.page.get_by_role("radio", name=re.compile("^" + re.escape(words))).check()

    # ── what one sees ──

    @property
    def main(self) -> Locator:
        """The page without its frame."""
        return self.page.locator("main")

    def sees(self, *texts: str) -> None:
        """All of these texts are on the page, to be seen."""
        for text in texts:
            expect(self.main.get_by_text(text).locator("visible=true").first, f"sees {text!r}").to_be_visible()

    def doesnt_see(self, *texts: str) -> None:
        """None of these texts is on the page."""
        for text in texts:
            expect(self.main.get_by_text(text).locator("visible=true"), f"doesn't see {text!r}").to_have_count(0)

    def offered(self, name: str) -> bool:
        """Whether there is a button or link of this name that works."""
        button = self.main.get_by_role("button", name=name, exact=True).and_(
            self.page.locator(":not([disabled]):not([aria-disabled=true])")
        )
        return bool(button.or_(self.main.get_by_role("link", name=name, exact=True)).count())

    def is_at(self, heading: str | re.Pattern[str]) -> None:
        """The page's title says where one is."""
        expect(self.page.get_by_role("heading", level=1).first).to_have_text(heading)

    def row(self, *texts: str) -> Locator:
        """The row of a table that has these texts."""
        found = self.page.get_by_role("row")
        for text in texts:
            found = found.filter(has_text=text)
        return found.first

    def banner(self) -> Locator:
        """What stands above every page while somebody works on behalf of another organisation."""
        return self.page.get_by_role("complementary", name="On behalf")


def _label(label: str) -> Any:
    """Labels are read without the mark of a required field."""
    return re.compile(rf"^\s*{re.escape(label)}\s*(\*|optional)?\s*$")
