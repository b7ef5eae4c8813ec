"""Story 10: *Why can't I?* and *Why can they?*, with script and without, in every language, on a phone."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.steps import open_person
from tests.browser.test_story_10_looks import OVERFLOW, PHONE


def test_why_can_they(somebody, script) -> None:
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open("/t/contoso/why")
    admin.is_at("Why can they?")
    admin.fill("Who", "admin-agent@fabrikam")
    if not script:
        admin.press("Search", within=admin.page.locator("#why-person"))
    admin.page.locator("#why-person-hits label", has_text="admin-agent@fabrikam.example").click()
    admin.choose("Action", "edit or block a user who holds no privileged role")
    admin.press("Answer")
    admin.sees("Yes:", "AdminAgents", "DAP", "Global Administrator", "Contoso")
    admin.choose("Action", "remove DAP")
    admin.press("Answer")
    admin.sees("No:", "Only the organisation's own people can do this.")


def test_why_cant_i(somebody, script) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example", script=script)
    open_person(agent, "contoso", "user@contoso.example")
    agent.open(agent.path + "/roles")
    assert agent.status == 403
    agent.sees("Why can't I?", "Privileged Role Administrator", "The least that would change it", "Who can do it")
    agent.doesnt_see("global-admin@contoso.example")
    agent.follow("Ask about something else")
    agent.is_at("Why can't I?")
    agent.sees("No:", "What was looked at")


def test_the_partner_asks_about_its_own(somebody) -> None:
    admin = somebody("admin-agent@fabrikam.example")
    admin.open("/p/fabrikam/why")
    admin.fill("Who", "helpdesk")
    admin.page.locator("#why-person-hits label", has_text="helpdesk-agent@fabrikam.example").click()
    admin.fill("With what", "Contoso")
    admin.page.locator("#why-object-hits label", has_text="contoso").first.click()
    admin.choose("Action", "assign or remove directory roles")
    admin.press("Answer")
    admin.sees("No:", "The least that would change it", "Fabrikam Cloud")


@pytest.mark.parametrize("language", ["en", "de", "zh-hant"])
def test_it_fits_on_a_phone_and_axe_finds_nothing(somebody, language) -> None:
    admin = somebody("global-admin@contoso.example", language=language, viewport=PHONE, has_touch=True)
    for question in ({}, {"action": "users.view"}, {"action": "invitations.send"}, {"action": "azure.view"}):
        admin.open(f"/t/contoso/why?{urlencode(question)}")
        assert admin.page.evaluate(OVERFLOW) == ""
        for violation in Axe().run(admin.page).response["violations"]:
            raise AssertionError(f"{question}: {violation['id']}: {violation['nodes'][0]['html'][:200]}")
