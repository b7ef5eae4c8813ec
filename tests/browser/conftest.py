"""The stack and the people of the stories: one `manage.py up` for all, a fresh browser profile for everyone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import PATIENCE, launch
from tests.browser.mailbox import Mailbox
from tests.browser.person import Complaints, Person
from tests.browser.stack import Stack, short_folder

DESK = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a story in a browser."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The portal with the demo's data, as `manage.py up` serves it."""
    with short_folder() as folder, Stack(folder) as stack:
        yield stack


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def somebody(stack: Stack, browser: Browser) -> Iterator[Callable[..., Person]]:
    """Makes a person with a browser profile; afterwards no browser may have complained about any page."""
    complaints = Complaints()
    contexts = []

    def make(name: str = "", *, language: str = "en", script: bool = True, **options: Any) -> Person:
        options = {"viewport": DESK, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
        context = browser.new_context(java_script_enabled=script, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        person = Person(context, stack.url, complaints)
        if name:
            person.sign_in(name, language)
        return person

    yield make
    for context in contexts:
        context.close()
    assert complaints.lines == []


@pytest.fixture
def mailbox(somebody: Callable[..., Person]) -> Mailbox:
    """The demo's *Mailbox* page, read by somebody who looks for new mail."""
    return Mailbox(somebody())


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def script(request: pytest.FixtureRequest) -> bool:
    """The story is told twice: with JavaScript and without."""
    return bool(request.param)
