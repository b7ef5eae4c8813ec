"""The pages of *Role templates*, *Drift* and *DAP to GDAP*."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delegation import bulk_moves, services, verification
from delegation.models import DapGrant, GdapRelationship, GdapTemplate
from portal import jobs
from portal.models import Job
from portal.services import jobs as job_services
from tests import factories, moving
from tests.conftest import Cast
from tests.delegation.granting import HELPDESK, READER, USERS, approve, group, ids
from tests.delegation.test_gdap_drift import made
from tests.delegation.test_gdap_templates import edit, template


def ask(cast: Cast, who: str, route: str, *args: Any, data: dict[str, Any] | None = None, query: str = "") -> Any:
    client = Client()
    client.force_login(cast[who])
    path = reverse(route, args=[cast.fabrikam.slug, *args]) + query
    return client.get(path) if data is None else client.post(path, data)


def test_a_built_in_template_is_copied_to_an_own_one(cast: Cast) -> None:
    page = ask(cast, "admin-agent", "gdap-template-new", query="?copy=3")
    form = page.context["form"]
    filled = {name: form[name].value() for name in ("name", "duration_days", "roles")} | {"reason": "Support contract"}
    answer = ask(cast, "admin-agent", "gdap-template-new", data=filled)
    row = GdapTemplate.objects.get(name="Complexity: simple")
    assert answer["Location"] == reverse("gdap-template", args=[cast.fabrikam.slug, row.pk])
    assert ids(READER)[0] in row.versions.get().roles
    assert ask(cast, "admin-agent", "gdap-template-new", query="?copy=999").status_code == 404


def test_a_stale_edit_gets_a_conflict_page_and_changes_nothing(cast: Cast) -> None:
    row = template(cast)
    filled = {"name": "Service desk", "duration_days": "7", "roles": ids(READER), "number": "1"}
    edit(cast, row, READER, USERS)
    answer = ask(cast, "partner-admin", "gdap-template-edit", row.pk, data=filled)
    assert (answer.status_code, answer.context["present"].number) == (409, 2)
    fresh = ask(cast, "partner-admin", "gdap-template-edit", row.pk, data=filled | {"number": "2"})
    assert (fresh.status_code, row.versions.count()) == (302, 3)


def test_groups_are_planned_and_kept_as_far_as_the_roles_are(cast: Cast) -> None:
    row = template(cast)
    desk = str(group(cast.fabrikam).uid)
    plan = {"add": desk, "add_roles": ids(READER, HELPDESK), "number": "1"}
    assert ask(cast, "admin-agent", "gdap-template-groups", row.pk, data=plan).status_code == 302
    filled = {"name": "Service desk", "duration_days": "90", "roles": ids(READER), "number": "2"}
    assert ask(cast, "admin-agent", "gdap-template-edit", row.pk, data=filled).status_code == 302
    assert [plan["roles"] for plan in row.versions.get(number=3).plans] == [ids(READER)]


def test_one_amendment_for_all_that_match_by_a_job(cast: Cast) -> None:
    desk = template(cast)
    rows = [made(cast, desk) for _number in range(3)]
    other = template(cast, "Field work")
    spared = made(cast, other)
    edit(cast, desk, READER, USERS)
    edit(cast, other, USERS)
    page = ask(cast, "admin-agent", "gdap-template-drift", query=f"?template={desk.pk}")
    assert {row.pk for row in page.context["table"].data.data} == {row.pk for row in rows}
    query = f"?template={desk.pk}&which=all"
    shown = ask(cast, "admin-agent", "gdap-template-drift-amend", query=query)
    assert (shown.context["count"], shown.context["consent"], shown.context["at_once"]) == (3, 3, 0)
    assert ask(cast, "admin-agent", "gdap-template-drift-amend", data={"is_sent": ""}, query=query).status_code == 302
    assert job_services.run_due() == 3
    asked = GdapRelationship.objects.filter(status="approvalPending")
    assert {row.replaces_id for row in asked} == {row.pk for row in rows}
    assert not GdapRelationship.objects.filter(replaces=spared).exists()
    # Run once more: nothing twice.
    ask(cast, "admin-agent", "gdap-template-drift-amend", data={"is_sent": ""}, query=query)
    assert (job_services.run_due(), asked.count()) == (3, 3)
    assert set(Job.objects.latest("created_at").rows.values_list("code", flat=True)) == {"asked_already"}
    for row in asked:
        approve(cast, row, version=None)
    assert ask(cast, "admin-agent", "gdap-template-drift", query=f"?template={desk.pk}").context["total"] == 0


def test_some_are_chosen_by_their_boxes(cast: Cast) -> None:
    desk = template(cast)
    first, _second = made(cast, desk), made(cast, desk)
    edit(cast, desk, READER)
    query = f"?which=chosen&chosen={first.pk}&chosen=nonsense"
    ask(cast, "admin-agent", "gdap-template-drift-amend", data={}, query=query)
    job_services.run_due()
    row = Job.objects.get().rows.get()
    assert (row.subject, row.code) == (str(first.pk), "lessened")
    assert jobs.result(jobs.kind_of(row.job), row) == f"Done at once, without asking: {HELPDESK}."


def test_one_customers_move_by_its_page(dap_cast: Cast) -> None:
    cast, key = dap_cast, dap_cast.pair.pk
    page = ask(cast, "admin-agent", "gdap-move", key)
    admins = page.context["proposal"].groups[0]
    tasks = {f"tasks_{admins.group.pk}": ["users.edit"], "duration_days": "365"}
    shown = ask(cast, "admin-agent", "gdap-move-ask", key, data=tasks | {"preview": "1"})
    assert shown.context["proposal"].groups[0].role_names == [USERS]
    assert not GdapRelationship.objects.exists()
    assert ask(cast, "admin-agent", "gdap-move-ask", key, data=tasks).status_code == 302
    assert ask(cast, "admin-agent", "gdap-move-give-up", key, data={}).status_code == 409
    approve(cast, GdapRelationship.objects.get(), version=None)
    assert ask(cast, "admin-agent", "gdap-move", key).context["state"] == "checked"
    assert ask(cast, "admin-agent", "gdap-move-give-up", key, data={"reason": "Named roles"}).status_code == 302
    assert ask(cast, "admin-agent", "gdap-move", key).context["state"] == "done"
    assert DapGrant.objects.get().end_reason == "Named roles"
    assert verification.differences() == []


def test_all_customers_are_asked_and_give_up_by_jobs_that_go_on_where_they_stopped(dap_cast: Cast) -> None:
    cast = dap_cast
    approvers = {cast.contoso.pk: cast["global-admin"]}
    for number in range(3):
        customer, approvers[customer.pk] = factories.tenant(f"Mover {number}")
        factories.dap(factories.pair(cast.fabrikam, customer), approvers[customer.pk])
    moving.covered(cast, "There already")
    terms = {"template": "", "duration_days": "365", "is_sent": ""}
    assert ask(cast, "admin-agent", "gdap-moves-ask", data=terms).status_code == 302
    job = Job.objects.get(kind=bulk_moves.REQUEST)
    assert (job.total, job_services.run_due()) == (4, 4)
    asked = list(GdapRelationship.objects.filter(status="approvalPending"))
    for row in asked[:3]:
        services.approve_request(relationship=row, actor=approvers[row.customer_id])
    assert ask(cast, "partner-admin", "gdap-moves-give-up", data={"reason": ""}).status_code == 302
    job = Job.objects.get(kind=bulk_moves.GIVE_UP)
    job_services.cancel_job(job=job, actor=cast["partner-admin"])
    job_services.resume_job(job=job, actor=cast["partner-admin"])
    assert (job.total, job_services.run_due()) == (4, 4)
    assert set(DapGrant.objects.filter(ended_at__isnull=True).values_list("customer", flat=True)) == {
        row.customer_id for row in asked[3:]
    }
    assert verification.differences() == []


@pytest.mark.parametrize("state", ["open", "checked"])
def test_the_list_of_moves_is_filtered_by_how_far_they_are(dap_cast: Cast, state: str) -> None:
    pair, _administrator = moving.covered(dap_cast, "There already")
    page = ask(dap_cast, "sales-agent", "gdap-moves", query=f"?state={state}")
    wanted = dap_cast.pair.pk if state == "open" else pair.pk
    assert [row.pk for row in page.context["table"].data.data] == [wanted]
