"""The pages of Azure: who sees which scopes, what is below them, who holds what, what a removal says (DOMAIN §8)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from delegation import services
from delegation.models import AzureAssignment, AzureElevation
from portal import clock
from portal.models import Scope, SecurityGroup, ServiceRequest, User
from portal.services import groups
from relationships import services as relationships
from relationships.models import Relationship
from tests import factories
from tests.cast import Cast
from tests.delegation.provisioning import (
    OWNER,
    READER,
    agents,
    azure_role,
    give,
    group_in,
    own,
    owner_of,
    provisioned,
    resource_in,
)
from tests.world import ONLY_AZURE, World, routes


@pytest.fixture
def story(dap_cast: Cast) -> Cast:
    """A subscription that Fabrikam provisioned, in English."""
    User.objects.update(language="en")
    return dap_cast


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def url(name: str, cast: Cast, *more: object) -> str:
    return reverse(name, args=[cast.contoso.slug, *more])


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def names(response: object) -> list[str]:
    return [row.name for row in response.context["table"].data.data]  # type: ignore[attr-defined]


# ── who sees what ──


def test_the_list_shows_only_what_a_role_reaches(story: Cast) -> None:
    first, second = provisioned(story), own(story, "Own")
    give(second.scope, story["global-admin"], story["user"])
    assert names(signed_in(story["admin-agent"]).get(url("azure", story))) == ["Production"]
    assert names(signed_in(story["global-admin"]).get(url("azure", story))) == ["Own"]
    reader = signed_in(story["user"])
    assert names(reader.get(url("azure", story))) == ["Own"]
    assert reader.get(url("azure-scope", story, second.pk)).status_code == 200
    assert reader.get(url("azure-scope", story, first.pk)).status_code == 403
    assert signed_in(story["helpdesk-admin"]).get(url("azure", story)).status_code == 403


def test_a_role_at_a_resource_group_shows_it_without_its_subscription(story: Cast) -> None:
    subscription = provisioned(story)
    group = group_in(subscription.scope, story["admin-agent"])
    machine = resource_in(group, story["admin-agent"])
    give(group, story["admin-agent"], story["user"])
    client = signed_in(story["user"])
    page = client.get(url("azure", story))
    assert names(page) == []
    assert url("azure-scope", story, group.pk) in text(page)
    assert client.get(url("azure-scope", story, subscription.pk)).status_code == 403
    below = client.get(url("azure-scope", story, machine.pk))
    assert [(crumb["label"], bool(crumb["url"])) for crumb in below.context["crumbs"]] == [
        ("Azure subscriptions", True),
        ("Production", False),
        ("web", True),
    ]


@pytest.mark.parametrize(
    ("who", "is_there"),
    [("global-admin", True), ("billing-admin", True), ("user", True), ("helpdesk-admin", False), ("admin-agent", True)],
)
def test_the_navigation_leads_there_whoever_finds_something(story: Cast, who: str, is_there: bool) -> None:
    """By an Azure role, by the right to elevate, or (of the tenant's own people) by the right to create one."""
    subscription = provisioned(story)
    give(subscription.scope, story["admin-agent"], story["user"])
    client = signed_in(story[who])
    page = client.get(url("azure", story))
    assert page.status_code == (200 if is_there else 403)
    labels = [item["url"] for section in page.context["nav_sections"] for item in section["items"]]
    assert (url("azure", story) in labels) == is_there


def test_dap_alone_leads_nowhere_in_azure(story: Cast) -> None:
    """DOMAIN §8: accepting, with or without DAP, gives nothing on existing subscriptions."""
    subscription = own(story)
    client = signed_in(story["admin-agent"])  # acts as Global Administrator
    assert client.get(url("azure", story)).status_code == 403
    assert client.get(url("azure-scope", story, subscription.pk)).status_code == 403
    assert client.get(url("azure-elevate", story)).status_code == 403


def test_another_administrator_ends_an_elevation(story: Cast) -> None:
    other = factories.person(story.contoso, "second-admin", "Global Administrator", domain="contoso.example")
    elevation = services.elevate(tenant=story.contoso, actor=story["global-admin"])
    path = url("azure-elevation-end", story, elevation.pk)
    assert path in text(signed_in(other).get(url("azure", story)))
    assert signed_in(story["billing-admin"]).post(path).status_code == 403
    assert signed_in(other).post(path).status_code == 302
    elevation.refresh_from_db()
    assert (elevation.ended_by, elevation.is_over) == (other, True)


def test_words_find_at_any_depth_and_a_group_expands(story: Cast) -> None:
    subscription = provisioned(story)
    group = group_in(subscription.scope, story["admin-agent"])
    resource_in(group, story["admin-agent"], "database")
    client = signed_in(story["admin-agent"])
    path = url("azure-scope", story, subscription.pk)
    assert names(client.get(path)) == ["web"]
    assert "database" not in text(client.get(path))
    assert "database" in text(client.get(f"{path}?open={group.pk}"))
    assert names(client.get(f"{path}?q=data")) == ["database"]
    rows = list(csv.DictReader(io.StringIO(b"".join(client.get(f"{path}.csv").streaming_content).decode())))
    assert [(row["Name"], row["In"]) for row in rows] == [("database", "web"), ("web", "")]


def test_after_the_end_an_azure_role_opens_azure_and_nothing_else(world: World) -> None:
    answers = {}
    for name, pattern in routes().items():
        if pattern.startswith("t/"):
            answers[name] = world.ask(ONLY_AZURE, "get", world.path(name, pattern)).status_code
    opened = {name for name, code in answers.items() if code == 200}
    pages = {"azure", "azure-scope", "azure-assignments"}
    assert opened == pages | {f"{name}-export" for name in pages} | {"why"}  # where one asks about oneself
    refused = {name for name, code in answers.items() if code == 403}
    assert all(name.startswith("azure-") for name in refused)
    page = text(world.ask(ONLY_AZURE, "get", world.path("azure", routes()["azure"])))
    assert "Partner relationships" not in page


def test_the_frame_says_on_whose_behalf_somebody_with_an_azure_role_only_works(story: Cast) -> None:
    subscription = provisioned(story)
    services.remove_dap(grant=story.dap, actor=story["global-admin"])
    page = text(signed_in(story["admin-agent"]).get(url("azure-scope", story, subscription.pk)))
    assert "On behalf of Contoso GmbH" in page
    assert "as Owner (Azure)" in page
    story.pair.refresh_from_db()
    assert story.pair.last_on_behalf_at is not None


# ── elevation ──


def test_a_global_administrator_sees_everything_while_elevated(story: Cast) -> None:
    subscription = provisioned(story)
    client = signed_in(story["global-admin"])
    before = client.get(url("azure", story))
    assert (names(before), "Others may be there" in text(before)) == ([], True)
    assert client.post(url("azure-elevate", story)).status_code == 302
    page = client.get(url("azure", story))
    assert (names(page), "You are elevated" in text(page)) == (["Production"], True)
    principal = str(story["global-admin"].own_group.uid)
    answer = client.post(
        url("azure-assignment-new", story, subscription.pk), {"principal": principal, "role": azure_role(OWNER)}
    )
    assert answer.status_code == 302
    assert AzureAssignment.objects.get(principal=story["global-admin"].own_group).is_made_elevated
    assert "made elevated" in text(client.get(url("azure-assignments", story, subscription.pk)))
    elevation = AzureElevation.objects.get()
    assert client.post(url("azure-elevation-end", story, elevation.pk)).status_code == 302
    assert "You are elevated" not in text(client.get(url("azure", story)))


def test_a_refused_global_administrator_is_led_to_elevating(story: Cast) -> None:
    subscription = provisioned(story)
    path = url("azure-assignment-remove", story, owner_of(subscription).pk)
    answer = signed_in(story["global-admin"]).get(path)
    assert (answer.status_code, url("azure-elevate", story) in text(answer)) == (403, True)
    give(subscription.scope, story["admin-agent"], story["user"])
    refused = signed_in(story["user"]).get(path)
    assert (refused.status_code, url("azure-elevate", story) in text(refused)) == (403, False)


# ── role assignments ──


def test_inherited_ones_say_where_they_come_from_and_are_removed_there(story: Cast) -> None:
    subscription = provisioned(story)
    group = group_in(subscription.scope, story["admin-agent"])
    mine = give(group, story["admin-agent"], story["user"])
    client = signed_in(story["admin-agent"])
    page = text(client.get(url("azure-assignments", story, group.pk)))
    owner = owner_of(subscription)
    assert url("azure-assignment-remove", story, mine.pk) in page
    assert url("azure-assignment-remove", story, owner.pk) not in page
    assert url("azure-assignments", story, subscription.pk) in page
    own_only = client.get(url("azure-assignments", story, group.pk) + "?made=own")
    assert [row.pk for row in own_only.context["table"].data.data] == [mine.pk]
    by_partner = client.get(url("azure-assignments", story, group.pk) + f"?partner={story.fabrikam.pk}")
    assert [row.pk for row in by_partner.context["table"].data.data] == [owner.pk]


def test_a_deleted_group_is_shown_as_identity_not_found(story: Cast) -> None:
    subscription = own(story)
    group = groups.create_group(tenant=story.contoso, actor=story["global-admin"], name="Night shift")
    give(subscription.scope, story["global-admin"], SecurityGroup.objects.get(pk=group.pk))
    client = signed_in(story["global-admin"])
    path = url("azure-assignments", story, subscription.pk)
    assert "Identity not found" not in text(client.get(path))
    groups.delete_group(group=group, actor=story["global-admin"])
    assert "Identity not found" in text(client.get(path))


def test_another_partners_names_are_hidden_on_behalf(story: Cast) -> None:
    subscription = provisioned(story)
    other = factories.pair(story.litware, story.contoso)
    litware = SecurityGroup.objects.get(tenant=story.litware, kind="admin_agents")
    give(subscription.scope, story["admin-agent"], litware)
    assert other.partner_name == "Litware Advisors"
    services.elevate(tenant=story.contoso, actor=story["global-admin"])
    path = url("azure-assignments", story, subscription.pk)
    assert "Litware Advisors" in text(signed_in(story["global-admin"]).get(path))
    ours = signed_in(story["admin-agent"])
    assert "Litware Advisors" not in text(ours.get(path))
    assert "another partner" in text(ours.get(path))
    found = text(ours.get(url("azure-principals", story, subscription.pk) + "?find=litware"))
    assert "Litware" not in found
    assert "Litware" in text(ours.get(url("azure-principals", story, subscription.pk) + "?find=Litware+Advisors"))


def test_search_loses_nothing_and_the_same_again_is_refused_at_its_field(story: Cast) -> None:
    subscription = own(story)
    client = signed_in(story["global-admin"])
    path = url("azure-assignment-new", story, subscription.pk)
    sent = {"find": "user", "role": azure_role(READER), "description": "Costs", "do": "find"}
    page = client.post(path, sent)
    assert page.status_code == 200
    assert str(story["user"].own_group.uid) in text(page)
    assert "Costs" in text(page)
    sent = {"principal": str(story["user"].own_group.uid), "role": azure_role(READER)}
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert again.status_code == 400
    assert "already exists" in text(again)


def test_an_end_is_the_last_day_and_a_stale_page_saves_nothing(story: Cast) -> None:
    subscription = own(story)
    row = give(subscription.scope, story["global-admin"], story["user"])
    client = signed_in(story["global-admin"])
    path = url("azure-assignment-edit", story, row.pk)
    day = (clock.now() + timedelta(days=10)).date()
    assert client.post(path, {"description": "Costs", "until": str(day), "version": "1"}).status_code == 302
    row.refresh_from_db()
    assert (row.description, row.until.date() - day) == ("Costs", timedelta(days=0 if row.until.hour else 1))
    listed = text(client.get(url("azure-assignments", story, subscription.pk)))
    assert date_format(day, "DATE_FORMAT") in listed
    stale = client.post(path, {"description": "Other", "until": "", "version": "1"})
    assert stale.status_code == 409
    assert "Nothing was saved" in text(stale)
    row.refresh_from_db()
    assert row.description == "Costs"
    assert client.post(path, {"description": "", "until": "2001-01-01", "version": row.version}).status_code == 400


def test_a_removal_says_what_ends_and_ends_it(story: Cast) -> None:
    subscription = provisioned(story)
    give(subscription.scope, story["admin-agent"], story["global-admin"], OWNER)
    owner = owner_of(subscription)
    agent, client = signed_in(story["admin-agent"]), signed_in(story["global-admin"])
    assert agent.get(url("azure-scope", story, subscription.pk)).status_code == 200
    page = text(client.get(url("azure-assignment-remove", story, owner.pk)))
    assert "admin-agent@fabrikam.example" in page
    assert "earned credit" in page
    assert "last Owner" not in page
    assert client.post(url("azure-assignment-remove", story, owner.pk)).status_code == 302
    assert agent.get(url("azure-scope", story, subscription.pk)).status_code == 403
    assert client.post(url("azure-assignment-remove", story, owner.pk)).status_code == 302  # a repeat is harmless


def test_the_last_owner_is_explained_and_refused(story: Cast) -> None:
    subscription = provisioned(story)
    owner = owner_of(subscription)
    client = signed_in(story["admin-agent"])
    path = url("azure-assignment-remove", story, owner.pk)
    page = client.get(path)
    assert "This is the last Owner" in text(page)
    assert page.context["is_refused"]
    assert client.post(path).status_code == 409
    services.elevate(tenant=story.contoso, actor=story["global-admin"])
    customer = signed_in(story["global-admin"])
    assert not customer.get(path).context["is_refused"]
    assert customer.post(path).status_code == 302


def test_a_partner_is_reinstated_in_one_step(story: Cast) -> None:
    subscription = provisioned(story)
    services.elevate(tenant=story.contoso, actor=story["global-admin"])
    services.remove_azure_assignment(assignment=owner_of(subscription), actor=story["global-admin"])
    path = url("azure-reinstate", story, subscription.pk)
    assert signed_in(story["admin-agent"]).get(path).status_code == 403
    client = signed_in(story["global-admin"])
    assert client.post(path, {"partner": story.pair.pk}).status_code == 302
    assert signed_in(story["admin-agent"]).get(url("azure-scope", story, subscription.pk)).status_code == 200
    assert client.post(path, {"partner": story.pair.pk}).status_code == 400  # Owner already


# ── what is in a subscription ──


def test_an_import_shows_the_verdict_of_each_row_first(story: Cast) -> None:
    subscription = provisioned(story)
    group_in(subscription.scope, story["admin-agent"])
    client = signed_in(story["admin-agent"])
    path = url("azure-import", story, subscription.pk)
    lines = b"name,type,group,tags\r\nweb,,,\r\ndata,,,cost=42\r\nvm,Microsoft.Compute/virtualMachines,nowhere,\r\n"
    page = client.post(path, {"file": SimpleUploadedFile("a.csv", lines)})
    assert (page.status_code, page.context["created"], page.context["refused"]) == (200, 1, 1)
    assert not Scope.objects.filter(name="data").exists()
    assert client.post(path, {"do": "import", "text": page.context["text"]}).status_code == 302
    assert Scope.objects.get(name="data").tags == {"cost": "42"}
    assert client.post(path, {"file": SimpleUploadedFile("a.csv", b"\xff\xfe")}).status_code == 400


def test_nothing_is_added_to_a_cancelled_subscription(story: Cast) -> None:
    subscription = provisioned(story)
    client = signed_in(story["admin-agent"])
    assert client.post(url("azure-cancel", story, subscription.pk)).status_code == 302
    page = client.get(url("azure-scope", story, subscription.pk))
    assert "This subscription is cancelled" in text(page)
    assert [button["label"] for button in page.context["buttons"] if not button["disabled"]] == [
        "Open a service request"
    ]
    assert client.post(url("azure-scope-new", story, subscription.pk), {"name": "x", "tags": ""}).status_code == 400


def test_deleting_a_resource_group_says_what_goes_with_it(story: Cast) -> None:
    subscription = provisioned(story)
    group = group_in(subscription.scope, story["admin-agent"])
    resource_in(group, story["admin-agent"])
    give(group, story["admin-agent"], story["user"])
    client = signed_in(story["admin-agent"])
    page = text(client.get(url("azure-delete", story, group.pk)))
    assert "1 resource" in page
    assert "user@contoso.example" in page
    answer = client.post(url("azure-delete", story, group.pk))
    assert answer["Location"] == url("azure-scope", story, subscription.pk)
    assert client.get(url("azure-scope", story, group.pk)).status_code == 404


# ── the partner's side ──


def test_a_partner_provisions_from_the_customers_page(story: Cast) -> None:
    pair = story.pair
    Relationship.objects.create(
        pair=pair, partner=pair.partner, customer=pair.customer, partner_type="reseller", started_at=clock.now()
    )
    customer = reverse("customer", args=[story.fabrikam.slug, pair.pk])
    path = reverse("azure-provision", args=[story.fabrikam.slug, pair.pk])
    agent = signed_in(story["admin-agent"])
    assert path in text(agent.get(customer))
    assert path not in text(signed_in(story["sales-agent"]).get(customer))
    answer = agent.post(path, {"name": "Production", "offer": "Azure plan"}, follow=True)
    assert answer.status_code == 200
    assert answer.context["scope"].name == "Production"
    assert url("azure", story) in text(agent.get(customer))


def test_the_confirmation_of_removing_dap_names_the_azure_role_that_remains(story: Cast) -> None:
    subscription = provisioned(story)
    owner = owner_of(subscription)
    client = signed_in(story["global-admin"])
    page = text(client.get(url("partner-remove-dap", story, story.pair.pk)))
    assert url("azure-assignment-remove", story, owner.pk) in page
    services.remove_dap(grant=story.dap, actor=story["global-admin"])
    details = text(client.get(url("partner-relationship", story, story.pair.pk)))
    assert url("azure-assignment-remove", story, owner.pk) in details
    assert signed_in(story["admin-agent"]).get(url("azure-scope", story, subscription.pk)).status_code == 200


# ── service requests ──


def test_an_azure_role_opens_a_service_request_about_its_subscription_only(story: Cast) -> None:
    subscription = provisioned(story)
    services.remove_dap(grant=story.dap, actor=story["global-admin"])
    agent, customer = signed_in(story["admin-agent"]), signed_in(story["global-admin"])
    sent = {"title": "Disk is full", "severity": "normal", "description": "Since today."}
    customer.post(url("service-request-new", story), sent | {"title": "Printer"})
    assert agent.post(url("service-request-new", story), sent).status_code == 403
    answer = agent.post(url("azure-service-request", story, subscription.pk), sent)
    found = ServiceRequest.objects.get(title="Disk is full")
    assert answer["Location"] == url("service-request", story, found.pk)
    assert (found.scope_id, found.opened_for_partner) == (subscription.pk, story.fabrikam)
    listed = text(agent.get(url("service-requests", story)))
    assert ("Disk is full" in listed, "Production" in listed, "Printer" in listed) == (True, True, False)
    assert "Production" in text(customer.get(url("service-requests", story)))
    other = ServiceRequest.objects.get(title="Printer")
    assert agent.get(url("service-request", story, other.pk)).status_code == 404
    assert agent.post(url("service-request-comment", story, found.pk), {"text": "Still."}).status_code == 302
    assert agent.post(url("service-request-comment", story, other.pk), {"text": "Hm."}).status_code == 404
    assert signed_in(story["helpdesk-agent"]).get(url("service-requests", story)).status_code == 403
    services.elevate(tenant=story.contoso, actor=story["global-admin"])
    services.remove_azure_assignment(assignment=owner_of(subscription), actor=story["global-admin"])
    assert agent.get(url("service-request", story, found.pk)).status_code == 403


def test_an_ended_relationship_still_leads_to_the_azure_pages(story: Cast) -> None:
    provisioned(story)
    give(owner_of_scope(story), story["admin-agent"], agents(story, "helpdesk_agents"))
    for row in story.pair.relationships.filter(ended_at__isnull=True):
        relationships.end_relationship(relationship=row, actor=story["admin-agent"])
    page = text(signed_in(story["admin-agent"]).get(reverse("customer", args=[story.fabrikam.slug, story.pair.pk])))
    assert url("azure", story) in page


def owner_of_scope(cast: Cast) -> Scope:
    return Scope.objects.get(kind=Scope.Kind.SUBSCRIPTION, tenant=cast.contoso)
