"""The main navigation: each app's own pages, by the same rights as the pages themselves."""

from __future__ import annotations

import pytest
from django.test import Client

from portal import hooks
from portal.catalogue import Capability as Can
from portal.hooks import Page, Section
from tests.conftest import Cast


def entries(cast: Cast, name: str, path: str = "/") -> list[tuple[str, list[str]]]:
    """Headings with their items, as the person's page shows them."""
    person = cast[name]
    person.language = "en"
    person.save(update_fields=["language"])
    client = Client()
    client.force_login(person)
    sections = client.get(path).context["nav_sections"]
    return [(str(one["heading"]), [str(item["label"]) for item in one["items"]]) for one in sections]


OWN = ("Our tenant", ["Account", "Users", "Service requests", "Azure subscriptions"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "global-admin",
            [
                OWN,
                (
                    "Settings",
                    [
                        "Partner relationships",
                        "Who has access",
                        "Requests",
                        "Why can they?",
                        "Groups",
                        "Certificates",
                        "Audit log",
                    ],
                ),
            ],
        ),
        (
            "admin-agent",
            [
                (
                    "Our customers",
                    ["Customers", "Invitations", "Admin relationships", "Our access", "Why can they?", "Bulk jobs"],
                ),
                ("Settings", ["Groups", "Audit log"]),
            ],
        ),
        ("user", []),
    ],
)
def test_everybody_has_the_pages_of_their_rights_in_one_order(
    cast: Cast, name: str, expected: list[tuple[str, list[str]]]
) -> None:
    assert entries(cast, name) == expected


def test_on_behalf_it_is_the_customers(dap_cast: Cast) -> None:
    found = entries(dap_cast, "helpdesk-agent", "/t/contoso/account")
    assert found == [("Their tenant", ["Account", "Users", "Service requests"])]


def test_a_higher_app_plugs_in_its_page_where_it_belongs(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(Section.SETTINGS, 85, "account", "Rooms", Can.PARTNERS_ACCEPT_WITH_ROLES, "home", "A note")
    monkeypatch.setattr(hooks, "navigation", [*hooks.navigation, page])
    found = entries(cast, "global-admin")[-1][1]
    assert found.index("Groups") < found.index("Rooms") < found.index("Audit log")
    assert "Rooms" not in str(entries(cast, "billing-admin"))
    client = Client()
    client.force_login(cast["global-admin"])
    assert "A note" in client.get("/").content.decode()
