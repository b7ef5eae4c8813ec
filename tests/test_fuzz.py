"""Hostile input to every route and form: never a 5xx, always a page, nothing half done (DOMAIN §17).

`tests/hostile.py` says what is sent. Everything is drawn from a fixed seed, so that a run can be repeated;
`FUZZ_DEPTH=10 ./script/test tests/test_fuzz.py` draws ten times as much.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal import audit
from tests import hostile
from tests.world import PERSONAS, SIGNED_OUT, World, routes, undone

ROUTES = routes()
WEBHOOKS = {name for name in ROUTES if name.startswith("anymail:")}
#: Kept beside the portal's state, and meant to change when something is refused.
BESIDE = {"portal_ratecounter", "portal_deniedattempt", "portal_pathuse"}
#: How many times the usual number of examples is drawn.
DEPTH = int(os.environ.get("FUZZ_DEPTH", "1"))
_LINE_BREAK = re.compile(r"[\r\n\x00]")


def modest(examples: int) -> settings:
    """So many examples, the same ones every time."""
    return settings(
        max_examples=examples * DEPTH,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )


def state() -> str:
    """A digest of every row of the portal's tables: the same digest, the same state."""
    tables = {
        model._meta.db_table
        for label in ("portal", "relationships", "delegation")
        for model in apps.get_app_config(label).get_models()
    } - BESIDE
    sums = (f"(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t)" for table in sorted(tables))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws(',', {', '.join(sums)})")
        return str(cursor.fetchone()[0])


class Browser:
    """Asks as somebody, checks the answer, and undoes whatever was done."""

    def __init__(self, world: World) -> None:
        self.world, self.tally = world, Counter[int]()
        self.sessions = {persona: self._session(persona) for persona in PERSONAS if persona != SIGNED_OUT}
        self.before = state()  # signing in leaves its time with the person

    def _session(self, persona: str) -> str:
        client = Client()
        client.force_login(self.world.cast[persona])
        return client.cookies[django_settings.SESSION_COOKIE_NAME].value

    def client(self, persona: str, **options: Any) -> Client:
        """A fresh browser, signed in or not."""
        client = Client(raise_request_exception=False, **options)
        if persona != SIGNED_OUT:
            client.cookies[django_settings.SESSION_COOKIE_NAME] = self.sessions[persona]
        return client

    def ask(self, persona: str, method: str, path: str, *, link: str = "", **request: Any) -> Any:
        """The checked answer; `link` is a personal link that this browser opened before."""
        client = self.client(persona)
        with undone():
            if link:
                assert client.get(link).status_code == 302
            given = (request.pop("body"),) if "body" in request else ()
            send = partial(client.generic, method.upper()) if given else getattr(client, method)
            response = send(path, *given, **request)
            self.check(response, f"{method.upper()} {path[:200]!r} as {persona}: {given!r:.100} {request!r:.600}")
        return response

    def check(self, response: Any, what: str) -> None:
        """No error of ours; a page or a redirect; refused means that nothing at all was changed."""
        self.tally[response.status_code] += 1
        reason = response.exc_info[1] if response.exc_info else ""
        assert response.status_code < 500, f"{what} → {response.status_code} {reason!r}"
        body = b"".join(response) if response.streaming else response.content
        is_page = response["Content-Type"].startswith("text/html") and response.status_code in (200, 400, 403, 404, 409)
        assert body or not is_page, f"{what} → an empty {response.status_code}"
        for name, value in response.items():
            assert not _LINE_BREAK.search(name + value), f"{what} → {name}: {value!r}"
        if response.status_code == 302:
            assert not re.match(r"(?:[a-z]+:|//|/\\)", response["Location"], re.IGNORECASE), what
            self.check_chains(what)
        else:
            assert state() == self.before, f"{what} → {response.status_code}, but something was changed"

    def check_chains(self, what: str) -> None:
        """Every chain of the audit still verifies."""
        for tenant_id in audit.heads():
            assert audit.verify(tenant_id) is None, what

    def address(self, route: str) -> str:
        """An existing address of a route."""
        return self.world.path(route, ROUTES[route])

    def link(self, route: str) -> str:
        """The personal link that has to be opened before this page."""
        needed = {"reset": "reset-link", "organisation-details": "organisation-link"}
        return self.address(needed[route]) if route in needed else ""


@pytest.fixture
def browser(world: World) -> Browser:
    """Of somebody with bad intentions."""
    # Each link row of the world has its own key; the clean addresses are those of these two.
    keys = {"reset": "reset-link:token", "organisation-details": "organisation-link:token"}
    for route, name in keys.items():
        world.values[f"{route}:link_id"] = _key_of(world.values[name])
    return Browser(world)


def _key_of(token: str) -> str:
    text = token.partition("-")[0]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def reader(route: str) -> str:
    """Somebody who may see this page."""
    if route.startswith("outbox"):
        return "operator"
    if route.startswith("group"):
        return "partner-admin"
    return "admin-agent" if ROUTES[route].startswith("p/") else "global-admin"


# ── forms ──


def test_filled_in_well_every_form_works(browser: Browser) -> None:
    """Or the tests below would only look at refusals."""
    for route, (persona, fields) in hostile.filled(browser.world).items():
        response = browser.ask(persona, "post", browser.address(route), data=fields, link=browser.link(route))
        assert response.status_code == 302, route


def test_spoiled_forms_are_refused_or_done_whole(browser: Browser) -> None:
    forms = hostile.filled(browser.world)

    @modest(200)
    @given(case=hostile.spoiled(forms))
    def check(case: tuple[str, str, dict[str, Any]]) -> None:
        route, persona, fields = case
        browser.ask(persona, "post", browser.address(route), data=fields, link=browser.link(route))

    check()
    assert {200, 302, 400} <= set(browser.tally)


def test_unknown_fields_change_no_answer_to_a_crash(browser: Browser) -> None:
    """Routes that take no form, and forms of other pages."""
    forms = hostile.filled(browser.world)
    names = st.sampled_from(sorted({name for _persona, fields in forms.values() for name in fields} | {"persona"}))

    @modest(60)
    @given(route=st.sampled_from(sorted(ROUTES)), fields=st.dictionaries(names, hostile.value, max_size=3))
    def check(route: str, fields: dict[str, Any]) -> None:
        browser.ask(reader(route), "post", browser.address(route), data=fields)

    check()


# ── addresses ──


def test_query_strings_of_every_page(browser: Browser) -> None:
    pages = sorted(set(ROUTES) - WEBHOOKS)

    @modest(80)
    @given(route=st.sampled_from(pages), query=hostile.query)
    def check(route: str, query: dict[str, Any]) -> None:
        browser.ask(reader(route), "get", f"{browser.address(route)}?{urlencode(query, doseq=True)}")

    check()


LISTS = (
    "customers",
    "customers-export",
    "partner-relationships",
    "invitations",
    "invitations-export",
    "gdap-expiring",
    "gdap-expiring-export",
    "gdap-expiring-change",
    "jobs",
    "job",
    "gdap-list",
    "gdap-export",
    "gdap-new",
    "gdap-name-check",
    "gdap-customers",
    "requests",
    "requests-export",
    "requests-gdap",
    "requests-gdap-export",
    "users",
    "users-csv",
    "why",
    "partner-why",
    "groups",
    "group",
    "service-requests",
    "audit-log",
    "audit-log-lines",
    "certificates",
    "certificates-csv",
    "mailbox",
    "outbox",
    "gdap-templates",
    "gdap-template-drift",
    "gdap-moves",
    "gdap-moves-ask",
    "gdap-moves-give-up",
    "azure",
    "azure-scope",
    "azure-assignments",
    "azure-principals",
)


def test_query_strings_of_lists(browser: Browser) -> None:
    """Forged places, unknown columns, filters with values that nobody offered."""

    @modest(150)
    @given(route=st.sampled_from(LISTS), query=hostile.query)
    def check(route: str, query: dict[str, Any]) -> None:
        browser.ask(reader(route), "get", f"{browser.address(route)}?{urlencode(query, doseq=True)}")

    check()
    assert browser.tally[200] > 90 * DEPTH


@pytest.mark.parametrize(
    "route",
    ["customers", "users", "audit-log", "certificates", "invitations", "gdap-list", "azure", "azure-assignments"],
)
def test_forged_keys_of_every_sort_show_the_first_page(browser: Browser, route: str) -> None:
    """What JSON can hold and a column can't: each in the place of each list's own key."""
    first = browser.client(reader(route)).get(browser.address(route)).context["table"]
    for sort in sorted(first.sorts):
        for key in hostile.KEYS:
            query = urlencode(
                {"sort": sort, "at": hostile.place(["after", [key, str(browser.world.cast.contoso.pk)], 3])}
            )
            browser.ask(reader(route), "get", f"{browser.address(route)}?{query}")


def test_parts_of_addresses(browser: Browser) -> None:
    """Slugs, keys and tokens that name nothing."""
    patterns = sorted(name for name, pattern in ROUTES.items() if "<" in pattern)

    @modest(100)
    @given(route=st.sampled_from(patterns), part=hostile.text, data=st.data())
    def check(route: str, part: str, data: st.DataObject) -> None:
        pieces = re.split(r"<[^>]*>", ROUTES[route])
        which = data.draw(st.integers(0, len(pieces) - 2))
        real = browser.address(route).strip("/")
        found = re.fullmatch("(.*?)".join(map(re.escape, pieces)), real)
        assert found
        values = [quote(part, safe="") if number == which else value for number, value in enumerate(found.groups())]
        path = "/" + "".join(f"{piece}{value}" for piece, value in zip(pieces, [*values, ""], strict=True))
        browser.ask(reader(route), data.draw(st.sampled_from(["get", "post"])), path)

    check()
    assert browser.tally[404] > 30 * DEPTH


# ── requests that no form makes ──


def test_bodies_that_are_no_form(browser: Browser) -> None:
    for number, route in enumerate(sorted(ROUTES)):
        for content_type, body in (hostile.BODIES[(number + step) % len(hostile.BODIES)] for step in (0, 6)):
            browser.ask(reader(route), "post", browser.address(route), content_type=content_type, body=body)


def test_other_methods_change_nothing(browser: Browser) -> None:
    methods = ("put", "patch", "delete", "options", "trace", "head", "post-it")
    for number, route in enumerate(sorted(ROUTES)):
        for method in (methods[number % 7], methods[(number + 3) % 7]):
            with undone():
                response = browser.client(reader(route)).generic(method.upper(), browser.address(route))
                what = f"{method.upper()} {route} → {response.status_code}"
                assert (response.status_code < 500, state()) == (True, browser.before), what


def test_headers(browser: Browser) -> None:
    pages = itertools.cycle(("start", "sign-in", "customers"))
    for name, values in hostile.HEADERS.items():
        for value, route in zip(values, pages, strict=False):
            browser.ask(reader(route), "get", browser.address(route), **{name: value})


def test_a_form_without_its_token_does_nothing(browser: Browser) -> None:
    """Every route but the providers' webhooks, which check their own signatures."""
    forms = hostile.filled(browser.world)
    for route in sorted(set(ROUTES) - WEBHOOKS):
        persona, fields = forms.get(route, (reader(route), {}))
        client = browser.client(persona, enforce_csrf_checks=True)
        with undone():
            response = client.post(browser.address(route), fields)
            browser.check(response, f"POST {route} without a token")
        assert response.status_code == 403, route
