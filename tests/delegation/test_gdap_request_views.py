"""*Request admin relationship*: options, message, delivery (DOMAIN §6, issue 3, story 1)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delegation import gdap_texts, services
from delegation.models import GdapRelationship
from portal.models import OutboxMessage
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import GLOBAL, HELPDESK, READER, USERS, active, custom, draft, ids, pending, roles

PRIVILEGED_AUTHENTICATION = "Privileged Authentication Administrator"


@pytest.fixture
def agent(dap_cast: Cast) -> Client:
    client = Client()
    client.force_login(dap_cast["admin-agent"])
    return client


def url(cast: Cast, route: str, *args: Any) -> str:
    return reverse(route, args=[cast.fabrikam.slug, *args])


def filled(*names: str, reason: str = "Support contract", **more: Any) -> dict[str, Any]:
    """Options of a request that is open to whoever opens its link."""
    chosen = names or (READER,)
    base = {"display_name": "Support 2027", "audience": "open", "duration_days": "30", "language": "en"}
    reasons = {f"reason-{factories.role(name)}": reason for name in chosen}
    return base | reasons | {"roles": ids(*chosen)} | more


def ticked(response: Any) -> set[str]:
    found = response.context["picks"]
    return {pick.role.name for part in found.values() for pick in part if pick.is_chosen}


def test_options_then_message_then_lock_then_send(dap_cast: Cast, agent: Client) -> None:
    response = agent.post(
        url(dap_cast, "gdap-new"),
        filled(HELPDESK, audience="ours", customer=dap_cast.pair.pk, customer_address="it@contoso.example"),
    )
    row = GdapRelationship.objects.get()
    assert response["Location"] == url(dap_cast, "gdap-message", row.pk)
    assert (row.customer, row.duration_days, row.status) == (dap_cast.contoso, 30, "created")
    page = agent.get(response["Location"])
    assert gdap_texts.personal_link(row) in page.context["form"].initial["body"]
    text = {"version": row.version, "subject": "Roles", "body": f"Here: {gdap_texts.personal_link(row)}"}
    assert agent.post(response["Location"], text)["Location"] == url(dap_cast, "gdap-deliver", row.pk)
    assert agent.post(url(dap_cast, "gdap-lock", row.pk)).status_code == 302
    page = agent.get(url(dap_cast, "gdap-deliver", row.pk))
    assert page.context["mailto"].startswith("mailto:it@contoso.example?subject=Roles")
    assert agent.post(url(dap_cast, "gdap-send", row.pk)).status_code == 302
    message = OutboxMessage.objects.get(kind=gdap_texts.MAIL)
    assert message.to_address == "it@contoso.example"
    page = agent.get(url(dap_cast, "gdap-deliver", row.pk)).content.decode()
    assert str(message.get_state_display()) in page


def test_a_name_that_is_taken_in_other_letters_is_refused_while_typing_and_afterwards(
    dap_cast: Cast, agent: Client
) -> None:
    row = draft(dap_cast, display_name="Support 2027")
    check = url(dap_cast, "gdap-name-check")
    assert "whatever their letter case" in agent.get(check, {"display_name": "SUPPORT 2027"}).content.decode()
    own = agent.get(check, {"display_name": "SUPPORT 2027", "except": str(row.pk)}).content.decode()
    assert "This name is free." in own
    assert "This name is free." in agent.get(check, {"display_name": "Support 2028"}).content.decode()
    response = agent.post(url(dap_cast, "gdap-new"), filled(display_name="sUPPORT 2027"))
    assert (response.status_code, list(response.context["form"].errors)) == (400, ["display_name"])
    assert GdapRelationship.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": "x" * 51}, "display_name"),
        ({"display_name": ""}, "display_name"),
        ({"duration_days": "0"}, "duration_days"),
        ({"duration_days": "731"}, "duration_days"),
        ({"duration_days": "-1"}, "duration_days"),
        ({"duration_days": "1.5"}, "duration_days"),
        ({"roles": []}, "roles"),
        ({"roles": ["00000000-0000-0000-0000-000000000000"]}, "roles"),
        ({"audience": "ours"}, "customer"),
        ({"audience": "domain"}, "limited_to_domain"),
        ({"audience": "domain", "limited_to_domain": "no domain"}, "limited_to_domain"),
        ({"customer_address": "nobody"}, "customer_address"),
        ({"language": "fr"}, "language"),
    ],
)
def test_what_does_not_fit_is_shown_at_its_field(
    dap_cast: Cast, agent: Client, change: dict[str, Any], field: str
) -> None:
    response = agent.post(url(dap_cast, "gdap-new"), filled() | change)
    assert (response.status_code, list(response.context["form"].errors)) == (400, [field])
    assert not GdapRelationship.objects.exists()


def test_full_control_never_lasts_and_the_form_says_so(dap_cast: Cast, agent: Client) -> None:
    for name in (GLOBAL, PRIVILEGED_AUTHENTICATION):
        response = agent.post(url(dap_cast, "gdap-new"), filled(name, auto_extend="on"))
        assert response.status_code == 400
        assert name in str(response.context["form"].errors["auto_extend"])
    assert agent.post(url(dap_cast, "gdap-new"), filled(GLOBAL)).status_code == 302
    assert agent.post(url(dap_cast, "gdap-new"), filled(display_name="B", auto_extend="on")).status_code == 302


def test_each_privileged_role_needs_its_reason(dap_cast: Cast, agent: Client) -> None:
    response = agent.post(url(dap_cast, "gdap-new"), filled(READER, USERS, GLOBAL, reason=" "))
    errors = str(response.context["form"].errors["roles"])
    assert (GLOBAL in errors, USERS in errors, READER in errors) == (True, True, False)
    assert ticked(response) == {READER, USERS, GLOBAL}


def test_tasks_propose_the_least_roles_and_nothing_is_lost_or_stored(dap_cast: Cast, agent: Client) -> None:
    entered = filled(READER, do="tasks", tasks=["users.reset_password"], display_name="Support é")
    response = agent.post(url(dap_cast, "gdap-new"), entered)
    assert response.status_code == 200
    advice = response.context["advice"]
    proposed = {role.name for role in advice.roles}
    assert ticked(response) == {READER, *proposed}
    assert GLOBAL not in proposed
    assert advice.needless == [READER]
    form = response.context["form"]
    assert (form["display_name"].value(), form["duration_days"].value()) == ("Support é", "30")
    assert not GdapRelationship.objects.exists()


def test_a_template_fills_in_its_roles(dap_cast: Cast, agent: Client) -> None:
    page = agent.get(url(dap_cast, "gdap-new"))
    template = page.context["form"].templates[0]
    response = agent.post(url(dap_cast, "gdap-new"), filled(GLOBAL, do="template", template=template.key))
    form = response.context["form"]
    assert set(form.chosen_roles) == set(template.roles)
    assert form["display_name"].value() == "Support 2027"


def test_an_own_template_is_remembered_and_plans_its_groups(dap_cast: Cast, agent: Client) -> None:
    team = custom(dap_cast.fabrikam, "Desk")
    content = services.Content(roles=roles(READER, HELPDESK), duration_days=90, plans=[(team, ids(READER))])
    template = services.create_template(
        partner=dap_cast.fabrikam, actor=dap_cast["admin-agent"], name="Desk", content=content
    )
    key = f"own:{template.pk}"
    response = agent.post(url(dap_cast, "gdap-new"), filled(do="template", template=key))
    form = response.context["form"]
    assert (ticked(response), form["duration_days"].value()) == ({READER, HELPDESK}, 90)
    agent.post(url(dap_cast, "gdap-new"), filled(READER, HELPDESK, used_template=form["used_template"].value()))
    row = GdapRelationship.objects.get()
    assert row.template_version is not None
    assert row.template_version.template == template
    (plan,) = row.assignments.all()
    assert (plan.group_name, plan.role_ids, plan.state) == ("Desk", ids(READER), "planned")


def test_customers_are_found_by_words_and_only_our_own(dap_cast: Cast, agent: Client) -> None:
    theirs = factories.pair(dap_cast.litware, factories.tenant("Contoso Elsewhere")[0])
    response = agent.post(url(dap_cast, "gdap-new"), filled(do="find", find="conto"))
    assert (response.status_code, [hit.pair.pk for hit in response.context["hits"]]) == (200, [dap_cast.pair.pk])
    kept = agent.post(url(dap_cast, "gdap-new"), filled(do="tasks", customer=dap_cast.pair.pk)).content.decode()
    assert re.search(rf'value="{dap_cast.pair.pk}"[^>]* checked', kept)
    fragment = agent.get(url(dap_cast, "gdap-customers"), {"find": "CONTOSO"}).content.decode()
    assert (str(dap_cast.pair.pk) in fragment, str(theirs.pk) in fragment) == (True, False)
    response = agent.post(url(dap_cast, "gdap-new"), filled(audience="ours", customer=theirs.pk))
    assert list(response.context["form"].errors) == ["customer"]


def test_a_customer_can_be_chosen_by_the_address(dap_cast: Cast, agent: Client) -> None:
    for name in (dap_cast.contoso.slug, dap_cast.contoso.pk, dap_cast.pair.pk):
        page = agent.get(url(dap_cast, "gdap-new"), {"customer": name})
        assert [(hit.pair, hit.is_chosen) for hit in page.context["hits"]] == [(dap_cast.pair, True)]
    for name in ("nobody", dap_cast.woodgrove.slug):
        assert agent.get(url(dap_cast, "gdap-new"), {"customer": name}).context["hits"] == []


def test_an_edit_of_what_somebody_changed_meanwhile_is_a_conflict(dap_cast: Cast, agent: Client) -> None:
    row = draft(dap_cast)
    services.edit_request(relationship=row, actor=dap_cast["admin-agent"], version=1, duration_days=10)
    stale = filled(version="1", display_name="Later")
    assert agent.post(url(dap_cast, "gdap-options", row.pk), stale).status_code == 409
    row.refresh_from_db()
    assert row.duration_days == 10
    assert agent.post(url(dap_cast, "gdap-options", row.pk), stale | {"version": "2"}).status_code == 302


def test_a_locked_request_has_nothing_to_edit(dap_cast: Cast, agent: Client) -> None:
    row = pending(dap_cast)
    for route in ("gdap-options", "gdap-message"):
        response = agent.post(url(dap_cast, route, row.pk), filled(version="1", display_name="Other"))
        assert response["Location"] == url(dap_cast, "gdap-relationship", row.pk)
    assert GdapRelationship.objects.get().display_name == row.display_name


def test_an_amendment_keeps_the_customer_and_shows_what_changes(dap_cast: Cast) -> None:
    old = active(dap_cast, roles=roles(READER, HELPDESK), display_name="Support")
    client = Client()
    client.force_login(dap_cast["partner-admin"])  # who may extend, but not ask anew
    row = services.prepare_amendment(relationship=old, actor=dap_cast["partner-admin"])
    address = url(dap_cast, "gdap-options", row.pk)
    assert ticked(client.get(address)) == {READER, HELPDESK}
    again = client.post(address, filled(READER, USERS, do="tasks"))
    assert [(item.state, item.title) for item in again.context["changes"]] == [
        ("new", USERS),
        ("gone", HELPDESK),
        ("same", READER),
    ]
    sent = filled(READER, USERS, display_name="More", version="1", audience="open")
    assert client.post(address, sent).status_code == 302
    row.refresh_from_db()
    assert (row.display_name, row.customer, row.replaces) == ("More", dap_cast.contoso, old)
    assert client.get(url(dap_cast, "gdap-new")).status_code == 403


def test_drafts_are_deleted_and_requests_withdrawn_after_a_question(dap_cast: Cast, agent: Client) -> None:
    made, waiting = draft(dap_cast), pending(dap_cast)
    assert agent.get(url(dap_cast, "gdap-delete", made.pk)).status_code == 200
    assert GdapRelationship.objects.count() == 2
    agent.post(url(dap_cast, "gdap-delete", made.pk))
    agent.post(url(dap_cast, "gdap-withdraw", waiting.pk))
    assert GdapRelationship.objects.get().end_reason == "withdrawn"
