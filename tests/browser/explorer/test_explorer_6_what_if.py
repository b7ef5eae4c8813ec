"""Story 6: *What if*: tick a partner, a role, a group or an assignment; the page says what ends and what remains."""

from __future__ import annotations


def test_a_partner_is_ticked(somebody, script) -> None:
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open("/t/contoso/who-has-access")
    admin.press("What if …")
    admin.is_at("What if")
    admin.page.locator("input[name=partner]").first.check()
    admin.press("Show what would end")
    admin.sees("What ends", "What remains", "If this ended", "Global Administrator (DAP)", "Pages that would do it")
    admin.follow("Clear")
    admin.doesnt_see("If this ended")
    admin.open("/t/contoso/who-has-access")
    admin.sees("HelpdeskAgents", "AdminAgents")


def test_one_path_is_asked_about_from_its_line(somebody, script) -> None:
    admin = somebody("global-admin@contoso.example", script=script)
    admin.open("/t/contoso/who-has-access?q=helpdesk-agent&kind=dap")
    admin.page.get_by_role("link", name="What if Helpdesk Administrator of").first.click()
    admin.is_at("What if")
    admin.sees("What ends", "Helpdesk Administrator (DAP)")
    admin.main.get_by_role("link", name="DAP", exact=True).first.click()
    admin.sees("Remove delegated admin")
