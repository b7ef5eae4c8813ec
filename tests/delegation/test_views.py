"""The pages of both sides: who sees what, what an ending says, what is left afterwards."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from delegation import services
from delegation.models import DapGrant
from portal.models import Pair, SecurityGroup, User
from relationships.models import DeviceConsent, Relationship
from tests import factories
from tests.cast import Cast


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def story(dap_cast: Cast) -> Cast:
    """A relationship with its row, DAP, and a second partner of the customer."""
    pair = dap_cast.pair
    Relationship.objects.create(
        pair=pair,
        partner=pair.partner,
        customer=pair.customer,
        partner_type="reseller",
        started_at=pair.started_at,
        accepted_by=dap_cast["global-admin"],
    )
    factories.pair(dap_cast.litware, dap_cast.contoso)
    User.objects.update(language="en")  # the sentences below are the English ones
    return dap_cast


def url(name: str, cast: Cast, *more: object) -> str:
    partner_side = name in (
        "customers",
        "customers-export",
        "customer",
        "customer-services",
        "customer-limit-groups",
        "customer-give-up-dap",
        "relationship-end",
    )
    return reverse(name, args=[(cast.fabrikam if partner_side else cast.contoso).slug, *more])


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


# ── Customers ──


@pytest.mark.parametrize("persona", ["admin-agent", "sales-agent", "helpdesk-agent", "partner-admin"])
def test_agents_see_customers(story: Cast, persona: str) -> None:
    response = signed_in(story[persona]).get(url("customers", story))
    assert response.status_code == 200
    assert "Contoso GmbH" in text(response)


@pytest.mark.parametrize(
    ("persona", "status"),
    [("partner-user", 403), ("global-admin", 404), ("stranger-partner", 404), ("stranger-customer", 404)],
)
def test_others_do_not(story: Cast, persona: str, status: int) -> None:
    client = signed_in(story[persona])
    pair = story.pair.pk
    for page in (url("customers", story), url("customer", story, pair), url("customer-services", story, pair)):
        assert client.get(page).status_code == status


def test_another_partners_customer_is_not_found(story: Cast) -> None:
    other = Pair.objects.get(partner=story.litware)
    assert signed_in(story["admin-agent"]).get(url("customer", story, other.pk)).status_code == 404


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("", True),
        ("?show=dap", True),
        ("?show=none", False),
        ("?show=ended", False),
        ("?q=cont", True),
        ("?q=gmbh cont", True),
        ("?q=fabrikam", False),
        ("?q=contoso.example", True),
    ],
)
def test_search_and_filters(story: Cast, query: str, is_there: bool) -> None:
    response = signed_in(story["admin-agent"]).get(url("customers", story) + query)
    assert response.status_code == 200
    assert ("contoso.cloud" in text(response)) is is_there


def test_expanded_row_links_what_this_person_may_open_and_says_what_is_missing(story: Cast) -> None:
    page = url("customers", story) + f"?open={story.pair.pk}"
    helpdesk = text(signed_in(story["helpdesk-agent"]).get(page))
    assert f'href="{reverse("users", args=[story.contoso.slug])}"' in helpdesk
    assert "as Helpdesk Administrator" in helpdesk
    assert f'href="{reverse("audit-log", args=[story.contoso.slug])}"' not in helpdesk
    sales = text(signed_in(story["sales-agent"]).get(page))
    assert f'href="{reverse("users", args=[story.contoso.slug])}"' not in sales
    assert "You have no role in their tenant" in sales


def test_expanded_row_offers_the_request_only_without_dap_and_to_who_may(story: Cast) -> None:
    page = url("customer-services", story, story.pair.pk)
    assert "Request delegated admin" not in text(signed_in(story["sales-agent"]).get(page))
    services.remove_dap(grant=story.dap, actor=story["global-admin"])
    assert "Request delegated admin" in text(signed_in(story["sales-agent"]).get(page))
    assert "Request delegated admin" not in text(signed_in(story["helpdesk-agent"]).get(page))


def test_row_as_fragment_opens_and_closes(story: Cast) -> None:
    client = signed_in(story["admin-agent"])
    page = url("customer-services", story, story.pair.pk)
    opened = text(client.get(page))
    assert opened.lstrip().startswith("<tr")
    assert 'aria-expanded="true"' in opened
    closed = text(client.get(page, {"close": "1"}))
    assert "<tr" not in closed
    assert 'aria-expanded="false"' in closed


def test_customers_as_csv_for_those_who_may(story: Cast) -> None:
    response = signed_in(story["sales-agent"]).get(url("customers-export", story))
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [(row["Customer"], row["Domain"], row["Delegated admin"]) for row in rows] == [
        ("Contoso GmbH", story.contoso.default_domain, "DAP")
    ]
    assert signed_in(story["helpdesk-agent"]).get(url("customers-export", story)).status_code == 403


def test_customers_takes_few_queries_whatever_the_rows(story: Cast, django_assert_max_num_queries) -> None:
    client = signed_in(story["admin-agent"])
    client.get(url("customers", story))
    with django_assert_max_num_queries(12) as one:
        client.get(url("customers", story))
    for number in range(30):
        customer, administrator = factories.tenant(f"Customer {number:02}")
        pair = factories.pair(story.fabrikam, customer)
        if number % 2:
            factories.dap(pair, administrator)
    with django_assert_max_num_queries(12) as many:
        assert "Customer 20" in text(client.get(url("customers", story)))
    assert len(many) <= len(one) + 1  # the pager counts once there is a second page


# ── one customer ──


def test_partner_gives_up_dap_by_its_page(story: Cast) -> None:
    client = signed_in(story["admin-agent"])
    page = url("customer-give-up-dap", story, story.pair.pk)
    assert "AdminAgents" in text(client.get(page))
    assert DapGrant.objects.get().ended_at is None
    response = client.post(page, {"reason": "moved"}, follow=True)
    assert response.redirect_chain[-1][0] == url("customer", story, story.pair.pk)
    assert "Given up by the partner" in text(response)
    assert DapGrant.objects.get().end_reason == "moved"


@pytest.mark.parametrize("persona", ["sales-agent", "helpdesk-agent"])
def test_agents_without_the_right_get_neither_button_nor_page(story: Cast, persona: str) -> None:
    client = signed_in(story[persona])
    assert "Give up delegated admin" not in text(client.get(url("customer", story, story.pair.pk)))
    assert client.get(url("customer-give-up-dap", story, story.pair.pk)).status_code == 403
    assert client.post(url("customer-give-up-dap", story, story.pair.pk)).status_code == 403


def test_groups_are_limited_by_the_form(story: Cast) -> None:
    client = signed_in(story["partner-admin"])
    page = url("customer-limit-groups", story, story.pair.pk)
    helpdesk = SecurityGroup.objects.get(tenant=story.fabrikam, kind="helpdesk_agents")
    response = client.post(page, {"which": "chosen", "groups": [str(helpdesk.uid)]}, follow=True)
    assert response.status_code == 200
    assert signed_in(story["admin-agent"]).get(url("customer", story, story.pair.pk)).status_code == 403
    assert signed_in(story["helpdesk-agent"]).get(url("customer", story, story.pair.pk)).status_code == 200


def test_limiting_to_no_group_says_so(story: Cast) -> None:
    response = signed_in(story["admin-agent"]).post(
        url("customer-limit-groups", story, story.pair.pk), {"which": "chosen"}
    )
    assert response.status_code == 400
    assert "Choose at least one group" in text(response)


def test_history_stays_readable_after_the_end(story: Cast) -> None:
    client = signed_in(story["admin-agent"])
    relationship = Relationship.objects.get()
    page = url("relationship-end", story, story.pair.pk, relationship.pk)
    assert "Both sides can go on reading it" in text(client.get(page))
    response = client.post(page, follow=True)
    assert "This relationship has ended" in text(response)
    for route in ("users", "account", "partner-relationships"):
        assert client.get(reverse(route, args=[story.contoso.slug])).status_code == 404
    assert "contoso.cloud" not in text(client.get(url("customers", story)))
    assert "contoso.cloud" in text(client.get(url("customers", story) + "?show=ended"))
    own = signed_in(story["global-admin"]).get(url("partner-relationship", story, story.pair.pk))
    assert "Ended with the relationship" in text(own)


def test_sales_agent_cannot_end_a_relationship(story: Cast) -> None:
    relationship = Relationship.objects.get()
    page = url("relationship-end", story, story.pair.pk, relationship.pk)
    assert signed_in(story["sales-agent"]).post(page).status_code == 403
    assert Relationship.objects.get().ended_at is None


# ── Partner relationships ──


@pytest.mark.parametrize("persona", ["global-admin", "billing-admin", "delegation-admin"])
def test_customers_people_see_all_partners(story: Cast, persona: str) -> None:
    content = text(signed_in(story[persona]).get(url("partner-relationships", story)))
    assert "Fabrikam Cloud" in content
    assert "Litware Advisors" in content


@pytest.mark.parametrize(
    ("persona", "status"),
    [("user", 403), ("user-admin", 403), ("helpdesk-agent", 403), ("sales-agent", 403), ("stranger-customer", 404)],
)
def test_others_do_not_see_partner_relationships(story: Cast, persona: str, status: int) -> None:
    client = signed_in(story[persona])
    assert client.get(url("partner-relationships", story)).status_code == status
    assert client.get(url("partner-relationship", story, story.pair.pk)).status_code == status


def test_on_behalf_only_the_own_partner_is_seen(story: Cast) -> None:
    client = signed_in(story["admin-agent"])
    content = text(client.get(url("partner-relationships", story)))
    assert "Fabrikam Cloud" in content
    assert "Litware" not in content
    other = Pair.objects.get(partner=story.litware)
    assert client.get(url("partner-relationship", story, other.pk)).status_code == 404
    rows = b"".join(client.get(url("partner-relationships-export", story)).streaming_content).decode()
    assert "Litware" not in rows


def test_details_name_roles_groups_and_people(story: Cast) -> None:
    factories.agent(story.fabrikam, "second-helpdesk-agent", "helpdesk_agents", domain="fabrikam.example")
    content = text(signed_in(story["global-admin"]).get(url("partner-relationship", story, story.pair.pk)))
    assert "Helpdesk Administrator" in content
    assert "2 people" in content
    assert "implicit" in content
    assert url("partner-remove-dap", story, story.pair.pk) in content


def test_details_list_what_the_partner_made(story: Cast) -> None:
    person = factories.person(story.contoso, "made", domain="contoso.example", made_by_partner=story.fabrikam)
    content = text(signed_in(story["global-admin"]).get(url("partner-relationship", story, story.pair.pk)))
    assert person.sign_in_name in content
    other = Pair.objects.get(partner=story.litware)
    assert person.sign_in_name not in text(
        signed_in(story["global-admin"]).get(url("partner-relationship", story, other.pk))
    )


def test_who_may_not_remove_reads_why_and_who_could(story: Cast) -> None:
    own = text(signed_in(story["billing-admin"]).get(url("partner-relationship", story, story.pair.pk)))
    assert url("partner-remove-dap", story, story.pair.pk) not in own
    assert "global-admin@contoso.example" in own
    outside = text(signed_in(story["admin-agent"]).get(url("partner-relationship", story, story.pair.pk)))
    assert "nobody on its behalf" in outside
    assert url("partner-remove-dap", story, story.pair.pk) not in outside


def test_removal_says_what_ends_and_remains_and_refuses_the_next_request(story: Cast) -> None:
    agent, administrator = signed_in(story["helpdesk-agent"]), signed_in(story["global-admin"])
    users = reverse("users", args=[story.contoso.slug])
    assert agent.get(users).status_code == 200
    page = url("partner-remove-dap", story, story.pair.pk)
    question = text(administrator.get(page))
    assert "HelpdeskAgents · 1 person" in question
    assert "Azure role assignments" in question
    assert DapGrant.objects.get().ended_at is None
    response = administrator.post(page, {"reason": "No longer needed"}, follow=True)
    assert "Delegated admin of Fabrikam Cloud was removed." in text(response)
    assert "What remains: Relationship: Reseller." in text(response)
    assert agent.get(users).status_code == 403
    shown = text(signed_in(story["admin-agent"]).get(url("customer", story, story.pair.pk)))
    assert "No longer needed" in shown


@pytest.mark.parametrize("persona", ["billing-admin", "delegation-admin", "admin-agent"])
def test_removal_page_is_for_own_global_administrators(story: Cast, persona: str) -> None:
    client = signed_in(story[persona])
    assert client.get(url("partner-remove-dap", story, story.pair.pk)).status_code == 403
    assert client.post(url("partner-remove-dap", story, story.pair.pk)).status_code == 403
    assert DapGrant.objects.get().ended_at is None


def test_too_long_a_reason_is_a_clear_error(story: Cast) -> None:
    response = signed_in(story["global-admin"]).post(
        url("partner-remove-dap", story, story.pair.pk), {"reason": "x" * 501}
    )
    assert response.status_code == 400
    assert "500" in text(response)
    assert DapGrant.objects.get().ended_at is None


def test_pending_consent_is_given_by_a_global_administrator_only(story: Cast) -> None:
    consent = DeviceConsent.objects.create(
        pair=story.pair,
        partner=story.fabrikam,
        customer=story.contoso,
        state="pending",
        asked_at=story.pair.started_at,
    )
    page = url("partner-give-consent", story, story.pair.pk)
    assert signed_in(story["billing-admin"]).post(page).status_code == 403
    assert signed_in(story["admin-agent"]).post(page).status_code == 403
    assert DeviceConsent.objects.get(pk=consent.pk).state == "pending"
    assert signed_in(story["global-admin"]).post(page).status_code == 302
    assert DeviceConsent.objects.get(pk=consent.pk).state == "given"


def test_customer_blocks_and_unblocks_a_partner(story: Cast) -> None:
    client = signed_in(story["global-admin"])
    assert client.post(url("partner-block", story, story.pair.pk)).status_code == 302
    assert Pair.objects.get(pk=story.pair.pk).blocked_at is not None
    assert client.post(url("partner-unblock", story, story.pair.pk)).status_code == 302
    assert Pair.objects.get(pk=story.pair.pk).blocked_at is None
    assert signed_in(story["admin-agent"]).post(url("partner-block", story, story.pair.pk)).status_code == 403
    assert signed_in(story["user"]).post(url("partner-block", story, story.pair.pk)).status_code == 403


def test_tiles_count_people_who_can_use_their_access(story: Cast) -> None:
    from delegation import queries

    assert queries.totals(story.contoso) == queries.Totals(
        2, people=2, with_every_right=1, ending_soon=0, pending_consents=0
    )
    helpdesk = SecurityGroup.objects.get(tenant=story.fabrikam, kind="helpdesk_agents")
    services.limit_groups(pair=story.pair, groups=[helpdesk], actor=story["partner-admin"])
    assert queries.totals(story.contoso).people == 1


def test_partner_relationships_takes_few_queries(story: Cast, django_assert_max_num_queries) -> None:
    client = signed_in(story["global-admin"])
    client.get(url("partner-relationships", story))
    with django_assert_max_num_queries(12):
        client.get(url("partner-relationships", story))


def test_get_never_writes(story: Cast) -> None:
    client = signed_in(story["global-admin"])
    for name in ("partner-give-consent", "partner-block", "partner-unblock"):
        assert client.get(url(name, story, story.pair.pk)).status_code == 405
    assert signed_in(story["admin-agent"]).get(url("customer-limit-groups", story, story.pair.pk)).status_code == 405


# ── working on behalf ──


def test_banner_says_as_what_by_which_path_and_leads_back(story: Cast) -> None:
    content = text(signed_in(story["helpdesk-agent"]).get(reverse("users", args=[story.contoso.slug])))
    assert "On behalf of Contoso GmbH" in content
    assert "as Helpdesk Administrator (DAP)" in " ".join(content.split()).replace("</span>", "")
    assert "Through HelpdeskAgents." in content
    assert "no end date" in content
    assert f'href="{url("customers", story)}"' in content


def test_own_people_see_no_banner(story: Cast) -> None:
    assert "On behalf of" not in text(signed_in(story["global-admin"]).get(reverse("users", args=[story.contoso.slug])))
