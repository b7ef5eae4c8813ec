"""GDAP story 9: own role templates in versions, what drifts from them, and one amendment for all chosen."""

from __future__ import annotations


def test_a_built_in_template_becomes_an_own_one_in_versions(somebody, script) -> None:
    agent = somebody("admin-agent@fabrikam.example", script=script)
    agent.open("/p/fabrikam/admin-relationships/templates")
    agent.is_at("Role templates")
    agent.press("Copy Complexity: simple to own")
    name = f"Service desk {'with' if script else 'without'} script"
    agent.fill("Name", name)
    agent.fill("Days", "365")
    agent.fill("Default reason", "Support contract")
    agent.press("Save")
    agent.is_at(name)
    agent.sees("Version 1", "The first version.", "Helpdesk Administrator")

    agent.press("Plan groups")
    agent.choose("One more group", "HelpdeskAgents")
    agent.tick("Helpdesk Administrator")
    agent.press("Save")
    agent.sees("Version 2", "Group HelpdeskAgents")

    other = somebody("global-admin@fabrikam.example", script=script)
    other.open(agent.path)
    other.press("Edit")
    agent.press("Edit")
    agent.fill("Days", "180")
    agent.press("Save")
    agent.sees("Version 3", "180 days", "before: 365 days")
    other.fill("Days", "90")
    other.press("Save")
    other.is_at("Changed meanwhile")
    assert other.status == 409
    other.press("Show the present version")
    other.sees("Version 3")

    other.press("Retire")
    other.sees("Retired")
    other.press("Take back into use")
    other.sees("The template is offered again.")


def test_who_may_not_change_templates_sees_them(somebody) -> None:
    agent = somebody("helpdesk-agent@fabrikam.example")
    agent.open("/p/fabrikam/admin-relationships/templates")
    agent.sees("Built-in templates")
    assert not agent.offered("New template")
    agent.follow("Lighthouse: account manager")
    agent.sees("Helpdesk Administrator", "Built-in")
    assert not agent.offered("Copy to own")
    agent.open("/p/fabrikam/admin-relationships/templates/drift")
    agent.is_at("Drift")
    agent.sees("Nothing differs")
