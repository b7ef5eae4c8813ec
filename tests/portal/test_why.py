"""*Why can they?* and *Why can't I?*: whom one may ask about, and what a page says (DOMAIN §5, §14)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delegation import services
from portal import why
from portal.catalogue import Capability as Can
from portal.models import SecurityGroup, User
from portal.why import Act
from tests import factories, hostile
from tests.cast import Cast
from tests.delegation import granting


@pytest.fixture
def story(dap_cast: Cast) -> Cast:
    """Everybody reads English."""
    User.objects.update(language="en")
    return dap_cast


def ask(cast: Cast, name: str, *, side: str = "why", **question: Any) -> Any:
    """The page's answer to somebody's question."""
    slug = cast.fabrikam.slug if side == "partner-why" else cast.contoso.slug
    client = Client()
    client.force_login(cast[name])
    return client.get(reverse(side, args=[slug]), question)


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def acts(told: why.Explanation) -> list[str]:
    return [str(one.change.act) for one in told.least]


def test_an_administrator_sees_each_path_of_an_agent(story: Cast) -> None:
    agent = story["admin-agent"]
    page = ask(story, "global-admin", person=agent.pk, action="users.edit", object=f"person:{story['user'].pk}")
    (path,) = page.context["told"].paths
    assert [step["label"] for step in path.steps] == [
        "Admin agent",
        "AdminAgents",
        "DAP",
        "Global Administrator",
        "Contoso GmbH",
        "user@contoso.example",
    ]
    assert "Yes: Admin agent can do this" in text_of(page)


def test_a_refused_page_says_the_same_and_names_nobody_to_strangers_of_the_house(story: Cast) -> None:
    client = Client()
    client.force_login(story["helpdesk-agent"])
    refused = client.get(reverse("user-roles", args=[story.contoso.slug, story["user"].pk]))
    assert refused.status_code == 403
    assert "Why can't I?" in text_of(refused)
    assert "Privileged Role Administrator" in text_of(refused)
    assert "global-admin@contoso.example" not in text_of(refused)
    client.force_login(story["user-admin"])
    own = client.get(reverse("user-roles", args=[story.contoso.slug, story["user"].pk]))
    assert "global-admin@contoso.example" in text_of(own)


def test_what_is_never_done_on_behalf_has_no_change(story: Cast) -> None:
    told = why.explain(story["admin-agent"], Can.PARTNERS_REMOVE_DAP, story.contoso)
    assert (told.allowed, told.least) == (False, ())
    assert "Only the organisation's own people" in told.never


def test_a_privileged_person_is_asked_by_the_privileged_capability(story: Cast) -> None:
    told = why.explain(story["user-admin"], Can.USERS_EDIT, story["billing-admin"])
    assert told.capability == Can.USERS_EDIT_PRIVILEGED
    assert acts(told) == [Act.ASSIGN_ROLE]
    assert why.explain(story["user-admin"], Can.USERS_EDIT, story["user"]).allowed


def test_limits_on_behalf_are_said(story: Cast) -> None:
    told = why.explain(story["admin-agent"], Can.ROLES_ASSIGN, story.contoso)
    assert told.allowed
    assert "Global Administrator" in told.limits[0]


def test_gdap_instead_of_dap_is_a_condition_that_is_named(story: Cast) -> None:
    row = granting.active(story, customer=story.contoso, roles=granting.roles(granting.READER))
    group = SecurityGroup.objects.get(tenant=story.fabrikam, kind="admin_agents")
    services.assign_group(
        relationship=row, group=group, role_ids=granting.ids(granting.READER), actor=story["admin-agent"]
    )
    told = why.explain(story["admin-agent"], Can.USERS_CREATE, story.contoso)
    unmet = {condition.text for way in told.tried for condition in way.conditions if not condition.is_met}
    assert "No GDAP of the person's groups counts instead of DAP" in unmet
    assert acts(told) == [Act.GDAP_ASK, Act.GDAP_ASSIGN]


def test_a_blocked_person_is_explained_to_an_administrator_and_to_nobody_else(story: Cast) -> None:
    person = story["user-admin"]
    User.objects.filter(pk=person.pk).update(blocked_at=person.created_at)
    told = why.explain(person, Can.USERS_VIEW, story.contoso, reader=story["global-admin"])
    assert acts(told) == [Act.UNBLOCK]
    assert told.least[0].names == ("global-admin@contoso.example",)
    assert why.explain(person, Can.USERS_VIEW, story.contoso).is_stranger


def test_a_customer_learns_no_name_of_a_group_that_holds_nothing_there(story: Cast) -> None:
    granting.custom(story.fabrikam, "Secret team", story["sales-agent"])
    told = {
        name: why.explain(story["sales-agent"], Can.USERS_VIEW, story.contoso, reader=story[name])
        for name in ("global-admin", "sales-agent")
    }
    texts = {name: str([way.changes for way in one.ways]) + str(one.tried) for name, one in told.items()}
    assert "Secret team" in texts["sales-agent"]
    assert "Secret team" not in texts["global-admin"]


def test_a_stranger_learns_nothing(story: Cast) -> None:
    told = why.explain(story["stranger-partner"], Can.USERS_VIEW, story.contoso)
    assert told.is_stranger
    assert (told.paths, told.tried, told.least, told.others, told.limits) == ((), (), (), (), ())
    assert ask(story, "stranger-partner").status_code == 404


@pytest.mark.parametrize(
    ("reader", "person", "status"),
    [
        ("global-admin", "user", 200),
        ("global-admin", "admin-agent", 200),
        ("user-admin", "user", 200),
        ("user-admin", "admin-agent", 400),  # sees users, but no partners
        ("user", "user", 200),
        ("user", "user-admin", 400),
        ("admin-agent", "helpdesk-agent", 200),  # on behalf the own partner's people
        ("admin-agent", "user", 400),
        ("helpdesk-agent", "admin-agent", 400),
        ("global-admin", "stranger-partner", 400),
    ],
)
def test_whom_one_may_ask_about(story: Cast, reader: str, person: str, status: int) -> None:
    assert ask(story, reader, person=story[person].pk, action="users.view").status_code == status


@pytest.mark.parametrize(
    ("reader", "status"), [("partner-admin", 200), ("admin-agent", 200), ("sales-agent", 400), ("partner-user", 400)]
)
def test_the_partner_asks_about_its_own_people_at_a_customer(story: Cast, reader: str, status: int) -> None:
    agent, customer = story["helpdesk-agent"].pk, f"pair:{story.pair.pk}"
    question = {"person": agent, "action": "users.reset_password", "object": customer}
    page = ask(story, reader, side="partner-why", **question)
    assert page.status_code == status
    if reader == "partner-admin":
        assert page.context["told"].allowed


def test_people_are_found_by_name_and_an_outsider_without_rights_by_the_full_one_only(story: Cast) -> None:
    def hits(words: str) -> list[str]:
        page = ask(story, "global-admin", part="who", who=words)
        return [hit.label for hit in page.context["hits"] if hit.value != str(story["global-admin"].pk)]

    assert hits("admin ag") == ["Admin agent"]
    assert hits("partner") == []
    assert hits("user@fabrikam.example") == ["User"]
    assert "Billing admin" in hits("billing")


@pytest.mark.parametrize(
    "question",
    [
        {"action": "azure.view"},  # about no scope
        {"action": "no.such"},
        {"object": "scope:nonsense"},
        {"object": "pair:00000000-0000-0000-0000-000000000000"},
        {"person": "nonsense"},
    ],
)
def test_a_question_that_makes_no_sense_is_an_error_that_says_so(story: Cast, question: dict[str, str]) -> None:
    page = ask(story, "global-admin", **question)
    assert page.status_code == 400
    assert page.context["problems"]


def test_an_explanation_asks_the_same_number_of_queries_however_many_paths(
    story: Cast, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        group = granting.custom(story.fabrikam, f"Team {number}")
        row = granting.active(story, customer=story.contoso)
        services.assign_group(
            relationship=row, group=group, role_ids=granting.ids(granting.READER), actor=story["admin-agent"]
        )
    with django_assert_max_num_queries(24):
        told = why.explain(story["partner-user"], Can.SERVICE_REQUESTS_VIEW, story.contoso)
    assert told.least


def test_the_least_privileged_role_comes_first(story: Cast) -> None:
    told = why.explain(story["user"], Can.USERS_VIEW, story.contoso)
    assert told.least[0].change.role_id == factories.role("Directory Readers")
    assert told.least[0].names == ("global-admin@contoso.example",)


def test_nothing_that_is_typed_breaks_the_page(story: Cast) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(story["global-admin"])
    url = reverse("why", args=[story.contoso.slug])
    for text in hostile.TEXTS:
        for question in (
            dict.fromkeys(("person", "who", "action", "object", "what"), text),
            {"object": f"person:{text}", "who": text, "part": "who"},
            {"object": f"scope:{text}", "what": text, "part": "what"},
        ):
            answer = client.get(url, question)
            assert answer.status_code in (200, 400), (question, answer.status_code)
