"""Stories 5 and 11: *Who has access*, also on a date, with script and without, in every language, on a phone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_story_10_looks import OVERFLOW, PHONE

PAGE = "/t/contoso/who-has-access"


def test_everybody_from_outside_with_every_path(somebody, script) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example", script=script)
    agent.open("/t/contoso/users")
    agent.is_at("Users")
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open("/t/contoso/partner-relationships")
    admin.follow("Who has access")
    admin.is_at("Who has access")
    desk = admin.row("helpdesk-agent@fabrikam.example")
    for words in ("Helpdesk Administrator", "HelpdeskAgents", "DAP", "whole tenant", "no end"):
        assert words in desk.inner_text()
    assert "never" not in desk.inner_text()  # the agent has just been here
    owner = admin.row("admin-agent@fabrikam.example", "Owner") if script else None
    assert owner is None or owner.count() <= 1
    admin.sees("sign-in policy doesn’t bind them", "people from outside", "unused for 90 days")


def test_the_list_is_narrowed_exported_and_printed(somebody, script) -> None:
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open(PAGE)
    admin.main.get_by_role("link", name="Azure").first.click()
    admin.page.wait_for_url("**kind=azure**")
    admin.sees("Azure role assignment")
    admin.doesnt_see("HelpdeskAgents")
    admin.open(f"{PAGE}?q=helpdesk+administrator")
    admin.sees("HelpdeskAgents")
    admin.doesnt_see("Owner")
    rows = admin.page.request.get(admin.url + f"{PAGE}.csv?show=privileged").text().splitlines()
    assert rows[0].startswith("Person,Sign-in name,Partner,Kind,Can act as,Privileged,Because of")
    assert any("admin-agent@fabrikam.example" in row and "Global Administrator" in row for row in rows)
    admin.open(PAGE)
    admin.press("Print")
    admin.sees("Ready to print")
    assert admin.offered("Print") == script  # without script the browser's own menu prints


def test_access_on_a_date(somebody, script) -> None:
    """Northwind ends GDAP; two days ago it still counted, and the page says so."""
    tenant = "northwind"
    admin = somebody(f"global-admin@{tenant}.example", script=script)
    page = f"/t/{tenant}/who-has-access"
    admin.open(page)
    if script:  # the first to tell it ends it, the other one finds it ended
        admin.sees("GDAP “Northwind service desk”")
        admin.main.get_by_role("link", name="GDAP “Northwind service desk”").first.click()
        admin.press("Remove roles")
        admin.press("Yes")
        admin.open(page)
    admin.doesnt_see("GDAP “Northwind service desk”")
    day = (datetime.now(UTC) - timedelta(days=2)).date()
    admin.open(f"{page}?on={day.isoformat()}")
    admin.sees("Access as it was on", "GDAP “Northwind service desk”")
    admin.press("Back to now")
    admin.doesnt_see("Access as it was on", "GDAP “Northwind service desk”")
    admin.open(f"{page}?on=2001-01-01")
    admin.sees("Nothing is known of that day")


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
def test_the_pages_fit_on_a_phone_and_axe_finds_nothing(somebody, language) -> None:
    admin = somebody("global-admin@contoso.example", language=language, viewport=PHONE, has_touch=True)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    what_if = "/t/contoso/what-if"
    for path in (PAGE, f"{PAGE}?on={yesterday}", f"{PAGE}?q=nobody", f"{PAGE}?print=yes", what_if):
        _looks(admin, path)
    admin.open(what_if)
    admin.page.locator("input[type=checkbox]").first.check()
    admin.main.locator("form button[type=submit].primary").click()
    _looks(admin, admin.path)
    agent = somebody("admin-agent@fabrikam.example", language=language, viewport=PHONE, has_touch=True)
    _looks(agent, "/p/fabrikam/our-access")
    agent.main.locator("tbody a").first.click()
    _looks(agent, agent.path)
    _looks(agent, agent.path.partition("?")[0] + "/leaver")


def _looks(person, path: str) -> None:
    person.open(path)
    assert person.status == 200
    assert person.page.evaluate(OVERFLOW) == ""
    for violation in Axe().run(person.page).response["violations"]:
        raise AssertionError(f"{path}: {violation['id']}: {violation['nodes'][0]['html'][:200]}")
