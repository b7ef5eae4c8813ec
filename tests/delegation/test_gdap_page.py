"""The partner's page of one GDAP relationship: what it shows, what can be done there, and by whom (DOMAIN §6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from delegation import services
from delegation.models import GdapAssignment, GdapRelationship
from portal import clock
from portal.models import User
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import (
    GLOBAL,
    HELPDESK,
    READER,
    USERS,
    active,
    approve,
    assign,
    custom,
    draft,
    group,
    ids,
    offered,
    pending,
    roles,
)


@pytest.fixture(autouse=True)
def _in_english(db: None) -> None:
    User.objects.update(language="en")


def signed_in(person: User) -> Client:
    User.objects.filter(pk=person.pk).update(language="en")
    client = Client()
    client.force_login(person)
    return client


def url(route: str, row: GdapRelationship, *more: Any) -> str:
    return reverse(route, args=[row.partner.slug, row.pk, *more])


def text(response: Any) -> str:
    body: str = response.content.decode()
    return body


def page(cast: Cast, row: GdapRelationship, persona: str = "admin-agent") -> str:
    response = signed_in(cast[persona]).get(url("gdap-relationship", row))
    assert response.status_code == 200
    return text(response)


# ── what the page shows ──


def test_a_draft_shows_what_it_asks_for(cast: Cast) -> None:
    shown = page(cast, draft(cast, roles=roles(USERS)))
    assert "Draft" in shown
    assert "User Administrator" in shown
    assert "Support contract" in shown
    assert "Planned groups" in shown


def test_approved_is_not_access_until_a_group_with_people_has_roles(cast: Cast) -> None:
    row = active(cast)
    assert "Approved is not access" in page(cast, row)
    empty = assign(cast, row, custom(cast.fabrikam, "Nobody yet"))
    assert "have no people who could use them" in page(cast, row)
    services.remove_assignment(assignment=empty, actor=cast["admin-agent"])
    assign(cast, row, custom(cast.fabrikam, "On call", cast["partner-user"]))
    assert "Approved is not access" not in page(cast, row)


def test_it_says_who_can_do_what_through_which_group(cast: Cast) -> None:
    row = active(cast)
    assign(cast, row, custom(cast.fabrikam, "On call", cast["partner-user"]), READER)
    assign(cast, row, group(cast.fabrikam), HELPDESK)
    shown = page(cast, row).partition('id="people"')[2]
    assert shown.index("Helpdesk-agent".replace("-", " ")) > 0
    assert cast["partner-user"].sign_in_name in shown
    assert "On call" in shown
    assert cast["sales-agent"].sign_in_name not in shown


def test_with_auto_extend_it_forecasts_the_end(cast: Cast) -> None:
    row = active(cast, auto_extend=True, duration_days=10)
    with clock.fixed(row.ends_at + timedelta(days=11)):
        response = signed_in(cast["admin-agent"]).get(url("gdap-relationship", row))
    assert response.context["ends_at"] == row.ends_at + timedelta(days=180)
    assert "extended by 180 days" in text(response)


def test_the_time_line_names_what_happened(cast: Cast) -> None:
    row = pending(cast)
    offer = offered(cast, row)
    services.accept_counter_offer(offer=offer, actor=cast["admin-agent"])
    row.refresh_from_db()
    made = assign(cast, row, group(cast.fabrikam))
    services.remove_assignment(assignment=made, actor=cast["admin-agent"])
    services.terminate(relationship=row, actor=cast["admin-agent"], reason="The work is done")
    shown = page(cast, row)
    said = [
        "Ended by the partner",
        "Group lost its roles",
        "Group got roles",
        "Approved: the roles are in force",
        "Counter-offer made",
        "Locked for approval",
        "Draft made",
    ]
    places = [shown.index(f"<strong>{title}</strong>") for title in said]
    assert places == sorted(places)


def test_it_costs_the_same_with_1_group_and_with_100(cast: Cast) -> None:
    row = active(cast)
    client, path = signed_in(cast["admin-agent"]), url("gdap-relationship", row)
    assign(cast, row, custom(cast.fabrikam, "Shift 0", cast["partner-user"]))
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    for number in range(1, 100):
        assign(cast, row, custom(cast.fabrikam, f"Shift {number}", cast["partner-user"]))
    with CaptureQueriesContext(connection) as many:
        response = client.get(path)
    assert len(response.context["holdings"]) == 100
    assert len(few) == len(many) <= 24, "\n".join(query["sql"] for query in many)


# ── acts ──


def test_a_counter_offer_is_accepted_with_what_it_says(cast: Cast) -> None:
    row = pending(cast, auto_extend=True)
    offer = offered(cast, row, is_extension_forbidden=True)
    shown = page(cast, row)
    assert "Accept counter-offer" in shown
    assert "Accept counter-offer" in page(cast, row, "sales-agent")  # but it can't be pressed
    path = url("gdap-accept-counter-offer", row, offer.pk)
    assert signed_in(cast["sales-agent"]).post(path).status_code == 403
    assert signed_in(cast["admin-agent"]).post(path).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.granted_days, row.auto_extend) == ("active", 10, False)


def test_auto_extend_is_switched_only_by_a_clear_word(cast: Cast) -> None:
    row = active(cast)
    client, path = signed_in(cast["admin-agent"]), url("gdap-auto-extend", row)
    assert client.post(path, {"is_on": "perhaps"}).status_code == 409
    assert client.post(path, {"is_on": "yes"}).status_code == 302
    row.refresh_from_db()
    assert row.auto_extend
    assert "Switch auto-extend off" in page(cast, row)


def test_auto_extend_is_not_offered_with_full_control(cast: Cast) -> None:
    row = active(cast, roles=roles(GLOBAL, READER))
    shown = page(cast, row)
    assert "Auto-extend can&#x27;t be combined with Global Administrator." in shown
    path = url("gdap-auto-extend", row)
    assert signed_in(cast["admin-agent"]).post(path, {"is_on": "yes"}).status_code == 409


def test_removing_roles_asks_first_and_says_who_loses_what(cast: Cast) -> None:
    row = active(cast)
    assign(cast, row, group(cast.fabrikam), HELPDESK)
    client, path = signed_in(cast["partner-admin"]), url("gdap-remove-roles", row)
    (helpdesk,) = ids(HELPDESK)
    asked = client.get(path, {"roles": helpdesk})
    assert asked.status_code == 200
    assert "HelpdeskAgents · 1 person" in text(asked)
    assert "its assignment ends" in text(asked)
    assert client.get(path, {"roles": ids(HELPDESK, READER)}).status_code == 400
    assert row.assignments.get().state == "active"
    assert client.post(path, {"roles": helpdesk}).status_code == 302
    assert row.assignments.get().state == "deleted"
    assert "Removed" in page(cast, row)


def test_terminating_says_what_remains_and_who_falls_back_to_dap(dap_cast: Cast) -> None:
    row = active(dap_cast, customer=dap_cast.contoso)
    assign(dap_cast, row, group(dap_cast.fabrikam, "admin_agents"))
    client, path = signed_in(dap_cast["admin-agent"]), url("gdap-terminate", row)
    shown = text(client.get(path))
    assert "They fall back to DAP" in shown
    assert "<strong>Global Administrator</strong> (1 person)" in shown
    assert "Give up delegated admin" in shown
    assert "Delegated admin (DAP)" in shown.partition("What remains")[2]
    assert client.post(path, {"reason": "Done"}).status_code == 302
    row.refresh_from_db()
    assert (row.end_reason, row.end_note) == ("ended_by_partner", "Done")


def test_nobody_falls_back_without_dap(cast: Cast) -> None:
    row = active(cast)
    assign(cast, row, group(cast.fabrikam, "admin_agents"))
    assert "They fall back to DAP" not in text(signed_in(cast["admin-agent"]).get(url("gdap-terminate", row)))


def test_an_amendment_starts_from_what_is_in_force_and_both_pages_show_it(cast: Cast) -> None:
    row = active(cast, display_name="Support", duration_days=40)
    services.remove_roles(relationship=row, role_ids=ids(HELPDESK), actor=cast["admin-agent"])
    assert signed_in(cast["sales-agent"]).post(url("gdap-amend", row)).status_code == 403
    assert signed_in(cast["partner-admin"]).post(url("gdap-amend", row)).status_code == 302
    made = GdapRelationship.objects.get(replaces=row)
    assert (made.display_name, made.duration_days, made.customer) == ("Support (2)", 40, cast.contoso)
    assert [role.role_id for role in made.roles.all()] == ids(READER)
    assert "Support (2)" in page(cast, row)
    assert url("gdap-relationship", row) in page(cast, made)
    again = services.prepare_amendment(relationship=row, actor=cast["admin-agent"])
    assert again.display_name == "Support (3)"


def test_a_request_that_waits_is_not_amended(cast: Cast) -> None:
    assert signed_in(cast["admin-agent"]).post(url("gdap-amend", pending(cast))).status_code == 409


def test_an_approved_amendment_takes_over_the_groups_without_a_gap(cast: Cast) -> None:
    old = active(cast)
    assign(cast, old, group(cast.fabrikam), HELPDESK)
    new = services.prepare_amendment(relationship=old, actor=cast["admin-agent"])
    options = {"roles": roles(READER, HELPDESK, USERS)}
    services.edit_request(relationship=new, actor=cast["admin-agent"], version=new.version, **options)
    services.lock_request(relationship=new, actor=cast["admin-agent"])
    approve(cast, new)
    old.refresh_from_db()
    assert (old.status, old.end_reason) == ("terminated", "replaced")
    shown = page(cast, new)
    assert "HelpdeskAgents" in shown.partition('id="groups"')[2]
    assert "Replaced by" in page(cast, old)


# ── groups ──


def test_a_group_gets_a_subset_of_the_roles(cast: Cast) -> None:
    row = active(cast)
    client, path = signed_in(cast["partner-admin"]), url("gdap-assignment-new", row)
    made = custom(cast.fabrikam, "On call", cast["partner-user"])
    assert "On call" in text(client.get(path))
    assert client.post(path, {"group": str(made.uid)}).status_code == 400
    assert client.post(path, {"group": str(made.uid), "roles": ids(USERS)}).status_code == 400
    foreign = custom(cast.litware, "Foreign")
    assert client.post(path, {"group": str(foreign.uid), "roles": ids(READER)}).status_code == 400
    assert client.post(path, {"group": str(made.uid), "roles": ids(READER)}).status_code == 302
    assert row.assignments.get().role_ids == ids(READER)
    assert client.post(path, {"group": str(made.uid), "roles": ids(HELPDESK)}).status_code == 400
    assert signed_in(cast["helpdesk-agent"]).get(path).status_code == 403


def test_groups_are_planned_for_a_draft_and_found_by_name(cast: Cast) -> None:
    row = draft(cast)
    for number in range(25):
        custom(cast.fabrikam, f"Shift {number:02}")
    client, path = signed_in(cast["admin-agent"]), url("gdap-assignment-new", row)
    first = text(client.get(path))
    assert "There are more groups" in first
    assert "Shift 24" not in first
    found = text(client.get(path, {"q": "shift 24"}))
    assert "Shift 24" in found
    assert "Shift 23" not in found


def test_a_stale_edit_shows_what_was_what_is_and_what_was_wanted(cast: Cast) -> None:
    row = active(cast, roles=roles(READER, HELPDESK, USERS))
    made = assign(cast, row, group(cast.fabrikam), READER)
    client, path = signed_in(cast["admin-agent"]), url("gdap-assignment-edit", row, made.pk)
    assert 'name="was"' in text(client.get(path))
    services.edit_assignment(assignment=made, role_ids=ids(HELPDESK), version=1, actor=cast["partner-admin"])
    response = client.post(path, {"roles": ids(USERS), "version": 1, "was": ids(READER)})
    assert response.status_code == 409
    names = [[role.name for role in response.context[name]] for name in ("was", "now", "wanted")]
    assert names == [[READER], [HELPDESK], [USERS]]
    assert GdapAssignment.objects.get(pk=made.pk).role_ids == ids(HELPDESK)
    going_on = response.context["form"].initial
    assert going_on == {"roles": ids(HELPDESK), "version": 2}
    assert client.post(path, {"roles": ids(USERS), "version": 2}).status_code == 302
    assert GdapAssignment.objects.get(pk=made.pk).role_ids == ids(USERS)


def test_an_edit_of_what_was_removed_says_so(cast: Cast) -> None:
    row = active(cast)
    made = assign(cast, row, group(cast.fabrikam), READER)
    services.remove_assignment(assignment=made, actor=cast["partner-admin"])
    client, path = signed_in(cast["admin-agent"]), url("gdap-assignment-edit", row, made.pk)
    response = client.post(path, {"roles": ids(HELPDESK), "version": 1})
    assert response.status_code == 409
    assert "took the roles from this group" in text(response)
    assert client.get(path).status_code == 302


def test_removing_a_group_says_who_loses_the_roles_and_is_immediate(cast: Cast) -> None:
    row = active(cast)
    made = assign(cast, row, custom(cast.fabrikam, "On call", cast["partner-user"]), READER)
    client, path = signed_in(cast["admin-agent"]), url("gdap-assignment-remove", row, made.pk)
    ends = text(client.get(path)).partition("What ends")[2].partition("What remains")[0]
    assert cast["partner-user"].display_name in ends
    assert READER in ends
    worker = signed_in(cast["partner-user"])
    there = reverse("account", args=[cast.contoso.slug])
    assert worker.get(there).status_code == 200
    assert client.post(path).status_code == 302
    assert worker.get(there).status_code == 403
    assert client.post(path).status_code == 302


def test_nothing_is_added_to_what_has_ended(cast: Cast) -> None:
    row = active(cast)
    services.terminate(relationship=row, actor=cast["admin-agent"])
    assert "Add a group" not in page(cast, row)
    path = url("gdap-assignment-new", row)
    assert signed_in(cast["admin-agent"]).get(path).status_code == 409


def test_another_relationships_group_is_not_found_below_this_one(cast: Cast) -> None:
    one, other = active(cast), active(cast)
    made = assign(cast, other, group(cast.fabrikam))
    path = url("gdap-assignment-edit", one, made.pk)
    assert signed_in(cast["admin-agent"]).get(path).status_code == 404


# ── the partner's other pages ──


def test_customers_say_until_when_gdap_is_in_force(cast: Cast) -> None:
    row = active(cast)
    listed = text(signed_in(cast["admin-agent"]).get(reverse("customers", args=[cast.fabrikam.slug])))
    assert "GDAP" in listed
    assert "DAP · all rights" not in listed
    customer = text(signed_in(cast["admin-agent"]).get(reverse("customer", args=[cast.fabrikam.slug, row.pair_id])))
    assert url("gdap-relationship", row) in customer
    services.terminate(relationship=row, actor=cast["admin-agent"])
    shown = text(signed_in(cast["admin-agent"]).get(reverse("customers", args=[cast.fabrikam.slug]) + "?show=ended"))
    assert '<span class="cut">GDAP</span>' not in shown


def test_the_expanded_row_says_why_gdap_gives_no_access(cast: Cast) -> None:
    row = active(cast)
    services_url = reverse("customer-services", args=[cast.fabrikam.slug, row.pair_id])
    assert "approved is not access" in text(signed_in(cast["admin-agent"]).get(services_url))
    assign(cast, row, custom(cast.fabrikam, "On call"))
    shown = text(signed_in(cast["admin-agent"]).get(services_url))
    assert "you are in none of them: On call" in shown


def test_the_expanded_row_says_that_gdap_counts_instead_of_dap(dap_cast: Cast) -> None:
    row = active(dap_cast, customer=dap_cast.contoso)
    services_url = reverse("customer-services", args=[dap_cast.fabrikam.slug, row.pair_id])
    assert "GDAP counts instead of DAP" not in text(signed_in(dap_cast["admin-agent"]).get(services_url))
    assign(dap_cast, row, group(dap_cast.fabrikam, "admin_agents"))
    shown = text(signed_in(dap_cast["admin-agent"]).get(services_url))
    assert "GDAP counts instead of DAP" in shown
    assert "as Directory Readers" in shown


def test_giving_up_dap_says_that_gdap_remains_and_the_end_of_the_relationship_that_it_ends(dap_cast: Cast) -> None:
    active(dap_cast, customer=dap_cast.contoso, display_name="Night support")
    path = reverse("customer-give-up-dap", args=[dap_cast.fabrikam.slug, dap_cast.pair.pk])
    shown = text(signed_in(dap_cast["admin-agent"]).get(path))
    assert "Roles by GDAP: Night support" in shown.partition("What remains")[2]
    relationship = dap_cast.pair.relationships.get()
    path = reverse("relationship-end", args=[dap_cast.fabrikam.slug, dap_cast.pair.pk, relationship.pk])
    remains = text(signed_in(dap_cast["admin-agent"]).get(path)).partition("What remains")[2]
    assert "Roles by GDAP" not in remains


# ── on behalf ──


def test_the_banner_names_role_path_group_and_end(cast: Cast) -> None:
    row = active(cast)
    assign(cast, row, custom(cast.fabrikam, "On call", cast["partner-user"]), READER)
    response = signed_in(cast["partner-user"]).get(reverse("account", args=[cast.contoso.slug]))
    behalf = response.context["behalf"]
    assert (behalf["roles"], behalf["path"], behalf["until"], behalf["extends"]) == (
        [READER],
        "GDAP",
        row.ends_at,
        False,
    )
    assert "On call" in behalf["note"]


def test_with_auto_extend_the_banner_forecasts_the_end(cast: Cast) -> None:
    row = active(cast, auto_extend=True)
    assign(cast, row, custom(cast.fabrikam, "On call", cast["partner-user"]), READER)
    response = signed_in(cast["partner-user"]).get(reverse("account", args=[cast.contoso.slug]))
    assert (response.context["behalf"]["until"], response.context["behalf"]["extends"]) == (row.ends_at, True)
    assert "then it extends itself" in text(response)


def test_a_user_administrator_of_the_partner_assigns_and_sees_what_for(cast: Cast) -> None:
    person = factories.person(cast.fabrikam, "user-admin", "User Administrator", domain="fabrikam.example")
    row, made = active(cast), group(cast.fabrikam)
    client = signed_in(person)
    assert client.get(reverse("gdap-list", args=[cast.fabrikam.slug])).status_code == 200
    response = client.post(url("gdap-assignment-new", row), {"group": str(made.uid), "roles": ids(READER)}, follow=True)
    assert "HelpdeskAgents has its roles now." in text(response)
    assert client.get(url("gdap-terminate", row)).status_code == 403
