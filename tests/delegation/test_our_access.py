"""*Our access* and the leaver's page: what people of a partner reach, and what disabling one ends (DOMAIN §14)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from portal import access, catalogue, clock
from portal.models import PairGrant, PathKind, Scope, SecurityGroup, User
from portal.services import accounts, people
from portal.writes import write
from tests import factories
from tests.cast import Cast
from tests.delegation import granting


def page(cast: Cast, path: str = "", by: str = "partner-admin", **query: Any) -> Any:
    client = Client()
    client.force_login(cast[by])
    return client.get(f"/p/{cast.fabrikam.slug}/our-access{path}", query)


def reached(response: Any) -> list[str]:
    return [row.customer_name for row in response.context["table"].data]


@pytest.fixture
def furnished(dap_cast: Cast) -> Cast:
    """DAP at Contoso and Woodgrove, where it is limited to HelpdeskAgents; GDAP and an Azure role at Contoso."""
    cast = dap_cast
    pair = factories.pair(cast.fabrikam, cast.woodgrove)
    factories.dap(pair, cast["stranger-customer"])
    team = granting.custom(cast.fabrikam, "Tier 1", cast["partner-user"])
    granting.assign(cast, granting.active(cast, display_name="Support 2026"), team, granting.HELPDESK)
    with write():
        access.revoke_pair(pair)
        access.grant_pair(pair, [granting.group(cast.fabrikam).pk], source="limit")
        root = Scope(tenant=cast.contoso, kind="root", name="All", created_at=clock.now())
        root.save()
        production = Scope(
            tenant=cast.contoso, kind="subscription", parent=root, name="Production", created_at=clock.now()
        )
        production.save()
        access.grant_scope(
            production,
            cast["sales-agent"].own_group.pk,
            catalogue.azure_roles_by_name()["Owner"].codename,
            kind=PathKind.AZURE,
            source="azure:1",
            pair=cast.pair,
        )
    return cast


def test_people_are_listed_with_their_customers_and_ways(furnished: Cast) -> None:
    rows = {row.display_name: row for row in page(furnished).context["table"].data}
    counts = {name: row.customers for name, row in rows.items()}
    assert counts == {"Admin agent": 1, "Global admin": 0, "Helpdesk agent": 2, "Sales agent": 1, "User": 1}
    assert rows["User"].ways == [PathKind.GDAP]
    assert rows["Sales agent"].ways == [PathKind.AZURE]
    assert rows["Helpdesk agent"].group_names == ["HelpdeskAgents"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"show": "access"}, ["Admin agent", "Helpdesk agent", "Sales agent", "User"]),
        ({"show": "none"}, ["Global admin"]),
        ({"show": "blocked"}, []),
        ({"q": "helpd"}, ["Helpdesk agent"]),
        ({"show": "rubbish"}, []),
    ],
)
def test_people_are_narrowed_and_exported(furnished: Cast, query: dict[str, str], names: list[str]) -> None:
    assert [row.display_name for row in page(furnished, **query).context["table"].data] == names
    answer = page(furnished, ".csv", **query)
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert [row["Person"] for row in rows] == names


def test_a_persons_customers_with_roles_and_paths(furnished: Cast) -> None:
    desk = f"/{furnished['helpdesk-agent'].pk}"
    response = page(furnished, desk)
    assert reached(response) == ["Contoso GmbH", "Woodgrove Bank"]
    text = response.content.decode()
    assert "HelpdeskAgents" in text
    assert "whole tenant" in text
    assert reached(page(furnished, desk, q="woodg")) == ["Woodgrove Bank"]
    assert reached(page(furnished, desk, kind="gdap")) == []
    assert reached(page(furnished, desk, kind="rubbish")) == []
    assert reached(page(furnished, f"/{furnished['sales-agent'].pk}", kind="azure")) == ["Contoso GmbH"]
    answer = page(furnished, f"/{furnished['partner-user'].pk}.csv")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["Customer"], row["Can act as"]) == ("Contoso GmbH", "Helpdesk Administrator")
    assert row["Because of"] == "Tier 1 → GDAP “Support 2026” → whole tenant"


def test_an_agent_reviews_only_customers_that_the_own_groups_work_for(furnished: Cast) -> None:
    """Woodgrove is limited to HelpdeskAgents; its names are none of an Admin agent's business (DOMAIN §2)."""
    desk = f"/{furnished['helpdesk-agent'].pk}"
    assert reached(page(furnished, desk, by="admin-agent")) == ["Contoso GmbH"]
    rows = {row.display_name: row.customers for row in page(furnished, by="admin-agent").context["table"].data}
    assert rows["Helpdesk agent"] == 1
    PairGrant.objects.all().delete()
    assert reached(page(furnished, desk)) == []


def test_who_may_not_review_is_refused_and_others_people_are_not_found(furnished: Cast) -> None:
    for path in ("", ".csv", f"/{furnished['admin-agent'].pk}", f"/{furnished['admin-agent'].pk}/leaver"):
        assert page(furnished, path, by="sales-agent").status_code == 403
        assert page(furnished, path, by="stranger-partner").status_code == 404
    for path in ("", ".csv", "/leaver"):
        assert page(furnished, f"/{furnished['global-admin'].pk}{path}").status_code == 404


def test_the_leavers_page_says_what_ends_and_what_stays(furnished: Cast) -> None:
    agent = furnished["admin-agent"]
    made = accounts.invite_person(
        tenant=furnished.contoso,
        actor=agent,
        sign_in_name="helper@contoso.example",
        display_name="Helper",
        contact_address="helper@contoso.example",
    )
    people.assign_role(person=made, role_id=factories.role("Global Administrator"), actor=agent)
    response = page(furnished, f"/{agent.pk}/leaver")
    ends = [(item["label"], item["detail"]) for item in response.context["ends"]]
    assert ("Contoso GmbH", "Global Administrator") in ends
    assert ("AdminAgents", "Group: what it holds no longer reaches them") in ends
    remains = [(item["label"], item["detail"]) for item in response.context["remains"]]
    assert ("helper@contoso.example", "Account they made at Contoso GmbH") in remains
    assert ("Global Administrator", "Role they assigned to helper@contoso.example at Contoso GmbH") in remains
    assert response.context["open_account"]["reason"] == ""
    assert f"/users/{agent.pk}" in response.content.decode()
    User.objects.filter(pk=agent.pk).update(blocked_at=clock.now())
    after = page(furnished, f"/{agent.pk}/leaver").context
    assert after["found"].customers == 0
    assert ("helper@contoso.example", "Account they made at Contoso GmbH") in [
        (item["label"], item["detail"]) for item in after["remains"]
    ]


def test_groups_that_are_hidden_are_not_named(furnished: Cast) -> None:
    hidden = SecurityGroup.objects.filter(kind__in=SecurityGroup.HIDDEN).values_list("name", flat=True)
    shown = page(furnished, f"/{furnished['admin-agent'].pk}/leaver").context["ends"]
    assert not {item["label"] for item in shown} & set(hidden)
