"""Mail as the demo's *Mailbox* page shows it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.browser.person import Person


@dataclass(frozen=True)
class Mail:
    """One message: what its reader sees, and where its links go."""

    number: int
    subject: str
    text: str
    links: list[str]

    def link(self, part: str) -> str:
        """The link whose address has this part."""
        found = [link for link in self.links if part in link]
        assert found, f"no link with {part!r} in {self.links} of {self.subject!r}"
        return found[0]


class Mailbox:
    """Reads as a person does: opens the page, searches for the address, opens the message."""

    def __init__(self, reader: Person) -> None:
        self.reader = reader

    def newest(self, to: str = "") -> int:
        """The number of the latest message, 0 if there is none."""
        return max(self._numbers(to), default=0)

    def _numbers(self, to: str) -> list[int]:
        self.reader.open(f"/mailbox?{urlencode({'q': to})}")
        links = self.reader.page.locator("a[href*='/mailbox/']").all()
        return [int(found[1]) for link in links if (found := re.search(r"/(\d+)$", link.get_attribute("href") or ""))]

    def wait(self, to: str, *, after: int = 0, subject: str = "", seconds: float = 20) -> Mail:
        """The latest message to this address that is newer than message `after`; waits until it has come."""
        deadline = time.monotonic() + seconds
        while True:
            for number in sorted(self._numbers(to), reverse=True):
                if number > after:
                    mail = self.read(number)
                    if subject in mail.subject:
                        return mail
            assert time.monotonic() < deadline, f"no new mail to {to} with {subject!r} within {seconds} s"
            time.sleep(0.3)

    def read(self, number: int) -> Mail:
        """Open one message."""
        self.reader.open(f"/mailbox/{number}")
        text = self.reader.page.locator("[data-mail]")
        links = [str(link.get_attribute("href")) for link in text.get_by_role("link").all()]
        heading = self.reader.page.get_by_role("heading", level=1)
        return Mail(number, heading.inner_text().strip(), text.inner_text(), links)

    def html(self, number: int) -> str:
        """The same message's HTML part as a mail program shows it."""
        self.reader.open(f"/mailbox/{number}")
        self.reader.press("Show as HTML")
        return self.reader.page.content()
