"""GDAP, story 6: *Remove roles* → *Yes*: immediate; what remains is shown."""

from __future__ import annotations

from tests.browser.gdap.asking import approve, ask_for_roles

HELPDESK = "Helpdesk Administrator"


def test_remove_roles_ends_them_for_people_who_are_signed_in(somebody, script) -> None:
    partner = "fabrikam" if script else "tailspin"
    name = f"Removed {'with' if script else 'without'} script"
    asking = somebody(f"admin-agent@{partner}.example", script=script)
    asked = ask_for_roles(asking, HELPDESK, name=name, partner=partner, groups={"SalesAgents": [HELPDESK]})
    admin = somebody("global-admin@adventure-works.example", script=script)
    approve(admin, asked.link)
    agent = somebody(f"sales-agent@{partner}.example", script=script)
    agent.open("/t/adventure-works/users")
    agent.is_at("Users")

    admin.follow(name)
    admin.is_at(name)
    admin.sees("SalesAgents", "GDAP request approved")
    admin.press("Remove roles")
    admin.is_at("Remove roles")
    admin.sees("What ends", "What remains", HELPDESK, "Azure role assignments", "Do you want to remove these roles?")
    admin.press("Cancel")
    agent.open("/t/adventure-works/users")
    assert agent.status == 200
    admin.press("Remove roles")
    admin.fill("Reason", "The project is over.")
    admin.press("Yes")
    admin.sees(f"by “{name}” were removed.")
    agent.open("/t/adventure-works/users")
    assert agent.status in (403, 404)
    admin.follow(name)
    admin.sees("Removed by the customer", "The project is over.")
    asking.open(asked.page)
    asking.sees("Removed by the customer", "The project is over.")
