"""*Who has access*, *Access on a date*, *What if*: what the pages show and to whom (DOMAIN §5, §14)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from delegation import services
from portal import access, catalogue, clock
from portal.models import Membership, PathKind, PathUse, RoleAssignment, Scope, SecurityGroup, TenantGrant, User
from portal.services import accounts, people
from portal.writes import write
from tests import factories
from tests.cast import Cast
from tests.delegation import granting

PAGE = "/t/{slug}/who-has-access"


def client_of(cast: Cast, name: str = "global-admin") -> Client:
    client = Client()
    client.force_login(cast[name])
    return client


def page(cast: Cast, name: str = "global-admin", url: str = PAGE, **query: Any) -> Any:
    return client_of(cast, name).get(url.format(slug=cast.contoso.slug), query)


def lines(response: Any) -> list[tuple[str, str]]:
    """Person and role of each line of the page."""
    return [(line.row.name, line.row.role_label) for line in response.context["table"].data]


def exported(cast: Cast, **query: Any) -> list[dict[str, str]]:
    response = page(cast, url=PAGE + ".csv", **query)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.fixture
def furnished(dap_cast: Cast) -> Cast:
    """DAP of two partners, GDAP with an end and one without, an Azure role, an account that a partner made."""
    cast = dap_cast
    User.objects.filter(tenant=cast.contoso).update(language="en")
    litware = factories.pair(cast.litware, cast.contoso)
    factories.dap(litware, cast["global-admin"])
    team = granting.custom(cast.fabrikam, "Tier 1", cast["partner-user"])
    granting.assign(cast, granting.active(cast, display_name="Support 2026", duration_days=20), team, granting.HELPDESK)
    nights = granting.custom(cast.fabrikam, "Nights", cast["sales-agent"])
    granting.assign(cast, granting.active(cast, display_name="Nights", auto_extend=True), nights)
    with write():
        scopes: list[Scope] = []
        for kind, name in (("root", "All"), ("subscription", "Production"), ("resource_group", "web")):
            scope = Scope(tenant=cast.contoso, kind=kind, name=name, created_at=clock.now())
            scope.parent = scopes[-1] if scopes else None
            scope.save()
            scope.refresh_from_db()
            scopes.append(scope)
        owner = catalogue.azure_roles_by_name()["Owner"].codename
        agents = SecurityGroup.objects.get(tenant=cast.fabrikam, kind="admin_agents")
        access.grant_scope(scopes[2], agents.pk, owner, kind=PathKind.AZURE, source="azure:1", pair=cast.pair)
    made = accounts.invite_person(
        tenant=cast.contoso,
        actor=cast["admin-agent"],
        sign_in_name="helper@contoso.example",
        display_name="Helper",
        contact_address="helper@contoso.example",
    )
    User.objects.filter(pk=made.pk).update(activated_at=clock.now())
    with write():
        people.give_role(made, factories.role("User Administrator"), actor=cast["global-admin"])
    return cast


EVERYBODY = [
    ("Admin agent", "Global Administrator"),
    ("Admin agent", "Global Administrator"),
    ("Admin agent", "Owner"),
    ("Helpdesk agent", "Helpdesk Administrator"),
    ("Helper", "User Administrator"),
    ("Sales agent", "Directory Readers"),
    ("User", "Helpdesk Administrator"),
]


def test_everybody_from_outside_is_listed_with_every_path(furnished: Cast) -> None:
    response = page(furnished)
    assert sorted(lines(response)) == EVERYBODY
    text = response.content.decode()
    for words in (
        "GDAP “Support 2026”",
        "whole tenant",
        "Azure · Production / web",
        "extends itself",
        "no end",
        "never",
    ):
        assert words in text
    assert "sign-in policy doesn’t bind them" in text
    assert [tile["value"] for tile in response.context["tiles"]] == [6, 2, 5, 1, 0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "azure"}, [("Admin agent", "Owner")]),
        ({"kind": "account"}, [("Helper", "User Administrator")]),
        ({"show": "expiring"}, [("User", "Helpdesk Administrator")]),
        ({"show": "unused"}, []),
        ({"q": "owner"}, [("Admin agent", "Owner")]),
        ({"q": "tier fabrikam"}, [("User", "Helpdesk Administrator")]),
        ({"q": "litware"}, [("Admin agent", "Global Administrator")]),
        ({"q": "nobody"}, []),
        ({"partner": "none"}, []),
        ({"partner": "rubbish"}, []),
        ({"kind": "rubbish"}, []),
        ({"person": "rubbish"}, []),
    ],
)
def test_it_is_narrowed(furnished: Cast, query: dict[str, str], expected: list[Any]) -> None:
    assert lines(page(furnished, **query)) == expected
    assert [(row["Person"], row["Can act as"]) for row in exported(furnished, **query)] == expected


def test_by_partner_and_privileged(furnished: Cast) -> None:
    assert lines(page(furnished, partner=str(furnished.litware.pk))) == [("Admin agent", "Global Administrator")]
    privileged = {role for _name, role in lines(page(furnished, show="privileged"))}
    assert privileged == {"Global Administrator", "Owner", "Helpdesk Administrator", "User Administrator"}


def test_sorted_by_end_and_by_last_use_what_has_none_comes_last(furnished: Cast) -> None:
    used = PathUse(user=furnished["helpdesk-agent"], tenant=furnished.contoso, source=furnished.dap.source)
    used.used_at = clock.now()
    used.save()
    assert lines(page(furnished, sort="until"))[0][0] == "User"
    assert lines(page(furnished, sort="used_at"))[0][0] == "Helpdesk agent"
    assert lines(page(furnished, sort="-used_at"))[0][0] == "Helpdesk agent"
    assert lines(page(furnished, sort="-person"))[0][0] == "User"


def test_unused_for_90_days_counts_from_the_beginning_of_the_path(furnished: Cast) -> None:
    def unused(days: int) -> int:
        with clock.fixed(clock.now() + timedelta(days=days)):
            return len(page(furnished, show="unused", kind="dap").context["table"].data)

    assert unused(89) == 0
    assert unused(91) == 3
    PathUse.objects.create(
        user=furnished["helpdesk-agent"],
        tenant=furnished.contoso,
        source=furnished.dap.source,
        used_at=clock.now() + timedelta(days=5),
    )
    assert unused(91) == 2


def test_on_behalf_only_the_own_partners_rows_are_seen(furnished: Cast) -> None:
    response = page(furnished, "stranger-partner")
    assert lines(response) == [("Admin agent", "Global Administrator")]
    assert "Fabrikam" not in response.content.decode()
    own = page(furnished, "admin-agent")
    assert len(lines(own)) == len(EVERYBODY) - 1
    assert "Litware" not in own.content.decode()
    what_if = page(furnished, "stranger-partner", "/t/{slug}/what-if").content.decode()
    assert "Litware" in what_if
    assert "Fabrikam" not in what_if


def test_who_may_not_see_partners_is_refused_and_a_stranger_learns_nothing(furnished: Cast) -> None:
    for url in (PAGE, PAGE + ".csv", "/t/{slug}/what-if"):
        assert page(furnished, "user-admin", url).status_code == 403
        assert page(furnished, "helpdesk-agent", url).status_code == 403
        assert page(furnished, "stranger-customer", url).status_code == 404


def test_csv_has_every_line_in_utc_with_kind_and_place(furnished: Cast) -> None:
    rows = exported(furnished)
    assert sorted((row["Person"], row["Can act as"]) for row in rows) == EVERYBODY
    owner = next(row for row in rows if row["Can act as"] == "Owner")
    assert owner["Because of"] == "AdminAgents → Azure role assignment → Azure · Production / web"
    assert (owner["Kind"], owner["Partner"], owner["Second factor"]) == ("Azure", "Fabrikam Cloud", "unknown")
    nights = next(row for row in rows if row["Can act as"] == "Directory Readers")
    assert (nights["Extends itself"], bool(nights["Until"])) == ("yes", True)


def test_printed_everything_stands_on_one_page(furnished: Cast) -> None:
    for number in range(30):
        group = granting.custom(
            furnished.fabrikam, f"Shift {number}", factories.person(furnished.fabrikam, f"p{number}")
        )
        access.grant(
            furnished.contoso,
            group.pk,
            catalogue.roles_by_name()["Directory Readers"].codename,
            kind=PathKind.GDAP,
            source=f"gdap:{uuid4()}",
            pair=furnished.pair,
        )
    first = page(furnished)
    assert len({name for name, _role in lines(first)}) < 36
    second = page(furnished, at="25")
    assert not {row.row.user_id for row in first.context["table"].data} & {
        row.row.user_id for row in second.context["table"].data
    }
    assert len(lines(page(furnished, print="yes"))) == len(EVERYBODY) + 30
    for odd in ("x", "-1", "999999", "٣"):
        assert lines(page(furnished, at=odd)) == lines(first)


# ── Access on a date ──


def test_a_date_shows_who_had_access_then(furnished: Cast) -> None:
    day = (clock.now() + timedelta(days=5)).date().isoformat()
    with clock.fixed(clock.now() + timedelta(days=10)):
        services.remove_dap(grant=furnished.dap, actor=furnished["global-admin"])
        then, now = page(furnished, on=day), page(furnished)
        assert ("Helpdesk agent", "Helpdesk Administrator") in lines(then)
        assert ("Helpdesk agent", "Helpdesk Administrator") not in lines(now)
        assert "Access as it was on" in then.content.decode()
        assert "What if Helpdesk" not in then.content.decode()
        assert any(row["Person"] == "Helpdesk agent" for row in exported(furnished, on=day))
        assert lines(page(furnished, on=day, q="owner")) == [("Admin agent", "Owner")]
        assert lines(page(furnished, on=clock.now().date().isoformat())) == lines(now)


def test_before_the_history_began_and_days_to_come_say_so(furnished: Cast) -> None:
    before = page(furnished, on="2001-01-01")
    assert "Nothing is known of that day" in before.content.decode()
    assert lines(before) == []
    for odd in ("0001-01-01", "9999-12-31", "2999-01-01", "yesterday"):
        assert page(furnished, on=odd).status_code == 200
    assert "This day is still to come." in page(furnished, on="2999-01-01").content.decode()


# ── What if ──


def test_ending_gdap_shows_the_fallback_to_dap(dap_cast: Cast) -> None:
    User.objects.filter(tenant=dap_cast.contoso).update(language="en")
    team = granting.custom(dap_cast.fabrikam, "Team", dap_cast["admin-agent"])
    granting.assign(dap_cast, granting.active(dap_cast), team)
    source = TenantGrant.objects.get(kind="gdap").source
    response = page(dap_cast, url="/t/{slug}/what-if", source=source)
    text = response.content.decode()
    assert "again by DAP: Global Administrator (DAP)" in text
    assert "DAP would count again" in text
    assert (response.context["people"], response.context["falling_back"]) == (1, 1)
    assert TenantGrant.objects.filter(source=source).exists()


def test_ticks_combine_and_nothing_is_changed(furnished: Cast) -> None:
    def asked(**query: Any) -> Any:
        return page(furnished, url="/t/{slug}/what-if", **query).context

    before = TenantGrant.objects.count()
    partner = asked(partner=str(furnished.pair.pk))
    assert (partner["people"], partner["without_anything"]) == (4, 3)  # the Azure role and the account stay
    altogether = asked(everything=str(furnished.fabrikam.pk))
    assert (altogether["people"], altogether["without_anything"], altogether["untouched"]) == (5, 5, 1)
    role = factories.role("Global Administrator")
    assert asked(role=f"role_{role}")["people"] == 2
    group = SecurityGroup.objects.get(name="Tier 1")
    assert asked(group=str(group.pk))["people"] == 1
    both = asked(group=str(group.pk), role=f"role_{role}")
    assert both["people"] == 3
    assert {page["url"].rpartition("/")[0] for page in both["pages"]} != set()
    assert asked(source="gdap:none", group="x", partner="y")["is_gone"]
    assert TenantGrant.objects.count() == before


def test_many_people_take_no_more_statements(furnished: Cast) -> None:
    client, path = client_of(furnished), PAGE.format(slug=furnished.contoso.slug)

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    client.get(path)
    few = statements()
    desk = SecurityGroup.objects.get(tenant=furnished.fabrikam, kind="helpdesk_agents")
    everybody = [factories.person(furnished.fabrikam, f"clerk-{number}") for number in range(40)]
    Membership.objects.bulk_create(Membership(group_id=desk.pk, user=one, since=clock.now()) for one in everybody)
    assert statements() <= few <= 10


def test_the_page_leads_to_what_ends_a_path(furnished: Cast) -> None:
    text = page(furnished).content.decode()
    assignment = RoleAssignment.objects.get(user__display_name="Helper")
    assert f"/users/{assignment.user_id}" in text
    assert f"/partner-relationships/{furnished.pair.pk}" in text
