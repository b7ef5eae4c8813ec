"""Auto-extend and renewals of many relationships: what the single services do, row by row reported (DOMAIN §6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from delegation import bulk, gdap_expiring, services
from delegation.models import DapGrant, GdapRelationship
from portal import clock, jobs
from portal.models import AuditEntry, Job, JobRow, OutboxMessage, TenantGrant
from portal.services import jobs as job_services
from tests.cast import Cast
from tests.delegation import granting

DAY = timedelta(days=1)


def run(cast: Cast, kind: str, *found: GdapRelationship, by: str = "admin-agent", **arguments: object) -> Job:
    """A finished job of one of the app's kinds about these."""
    job = job_services.start_job(
        tenant=cast.fabrikam, actor=cast[by], kind=kind, subjects=jobs.subjects_of(found), arguments=arguments
    )
    job_services.run_due()
    job.refresh_from_db()
    return job


def codes(job: Job) -> list[tuple[str, str]]:
    """State and code of each row, in the order in which they were chosen."""
    return [(str(row.state), row.code) for row in job.rows.order_by("position")]


def test_on_and_off_move_the_paths_and_leave_one_audit_row_each(dap_cast: Cast) -> None:
    rows = [granting.active(dap_cast) for _number in range(3)]
    group = granting.custom(dap_cast.fabrikam, "Night shift", dap_cast["helpdesk-agent"])
    assignment = granting.assign(dap_cast, rows[0], group)
    assert codes(run(dap_cast, bulk.EXTEND_ON, *rows)) == [("done", "extends")] * 3
    assert TenantGrant.objects.get(source=assignment.source).until is None
    assert AuditEntry.objects.filter(action="gdap.extension_on", tenant=dap_cast.contoso).count() == 3
    assert codes(run(dap_cast, bulk.EXTEND_OFF, *rows)) == [("done", "ends")] * 3
    rows[0].refresh_from_db()
    assert TenantGrant.objects.get(source=assignment.source).until == rows[0].ends_at
    assert (rows[0].auto_extend, rows[0].version) == (False, 3)
    call_command("access", "verify")


def test_in_bulk_the_same_is_refused_as_for_one(dap_cast: Cast) -> None:
    full = granting.active(dap_cast, roles=granting.roles(granting.GLOBAL, granting.READER))
    pending = granting.pending(dap_cast)
    forbidden = granting.pending(dap_cast)
    offer = granting.offered(dap_cast, forbidden, is_extension_forbidden=True)
    services.accept_counter_offer(offer=offer, actor=dap_cast["admin-agent"])
    fine, already = granting.active(dap_cast), granting.active(dap_cast, auto_extend=True)
    job = run(dap_cast, bulk.EXTEND_ON, full, pending, forbidden, fine, already)
    assert codes(job) == [
        ("refused", "full_control"),
        ("refused", "not_active"),
        ("refused", "forbidden"),
        ("done", "extends"),
        ("done", "unchanged"),
    ]
    kind = jobs.kind_of(job)
    said = [jobs.result(kind, row) for row in job.rows.order_by("position")]
    assert "Global Administrator" in said[0]
    assert "Approval pending" in said[1]
    assert GdapRelationship.objects.filter(auto_extend=True).count() == 2


def test_another_partners_relationship_is_not_there(dap_cast: Cast) -> None:
    row = granting.active(dap_cast)
    job = job_services.start_job(
        tenant=dap_cast.litware,
        actor=dap_cast["stranger-partner"],
        kind=bulk.EXTEND_ON,
        subjects=[jobs.Subject(str(row.pk), "Somebody else's")],
    )
    job_services.run_due()
    row.refresh_from_db()
    assert (codes(job), row.auto_extend) == ([("refused", "gone")], False)


def test_who_does_not_work_for_this_customer_is_refused_for_it_alone(dap_cast: Cast) -> None:
    row = granting.active(dap_cast)
    other = granting.custom(dap_cast.fabrikam, "Only these", dap_cast["partner-user"])
    services.limit_groups(pair=dap_cast.pair, groups=[other], actor=dap_cast["partner-admin"])
    assert codes(run(dap_cast, bulk.EXTEND_ON, row)) == [("refused", "no_right")]
    assert codes(run(dap_cast, bulk.EXTEND_ON, row, by="partner-admin")) == [("done", "extends")]


def test_a_renewal_is_a_locked_amendment_with_a_name_of_its_own(dap_cast: Cast) -> None:
    first, second = granting.active(dap_cast), granting.active(dap_cast, display_name="x" * 50)
    job = run(dap_cast, bulk.RENEW, first, second, days=90)
    assert codes(job) == [("done", "renewal")] * 2
    renewal = first.amendments.get()
    assert (renewal.display_name, renewal.status, renewal.duration_days) == (
        f"{first.display_name} (2)",
        "approvalPending",
        90,
    )
    assert set(renewal.roles.values_list("role_id")) == set(first.roles.values_list("role_id"))
    assert second.amendments.get().display_name == "x" * 46 + " (2)"
    assert codes(run(dap_cast, bulk.RENEW, first)) == [("refused", "renewal_open")]
    services.withdraw_request(relationship=renewal, actor=dap_cast["admin-agent"])
    assert codes(run(dap_cast, bulk.RENEW, first)) == [("done", "renewal")]
    assert first.amendments.get(status="approvalPending").display_name == f"{first.display_name} (3)"


def test_a_renewal_is_sent_where_it_is_asked_for(dap_cast: Cast) -> None:
    row = granting.active(dap_cast)
    job = run(dap_cast, bulk.RENEW, row, is_sent=True)
    assert codes(job) == [("done", "renewal_sent")]
    messages = OutboxMessage.objects.filter(about_id=row.amendments.get().pk)
    assert messages.exists()
    assert {message.tenant for message in messages} == {dap_cast.fabrikam}


def test_what_has_expired_can_be_renewed_and_what_was_ended_cannot(dap_cast: Cast) -> None:
    expired, ended = granting.active(dap_cast), granting.active(dap_cast)
    services.terminate(relationship=ended, actor=dap_cast["admin-agent"])
    with clock.fixed(clock.now() + 31 * DAY):
        services.expire_gdap()
        assert codes(run(dap_cast, bulk.RENEW, expired, ended)) == [("done", "renewal"), ("refused", "not_active")]


@pytest.mark.parametrize("act", [gdap_expiring.EXTEND_ON, gdap_expiring.EXTEND_OFF, gdap_expiring.RENEW])
def test_the_tally_of_the_confirmation_is_what_the_job_finds(dap_cast: Cast, act: str) -> None:
    rows = [granting.active(dap_cast), granting.active(dap_cast, auto_extend=True), granting.pending(dap_cast)]
    rows.append(granting.active(dap_cast, roles=granting.roles(granting.GLOBAL)))
    kinds = {"extend_on": bulk.EXTEND_ON, "extend_off": bulk.EXTEND_OFF, "renew": bulk.RENEW}
    tally = gdap_expiring.tally(GdapRelationship.objects.filter(partner=dap_cast.fabrikam), act)
    job = run(dap_cast, kinds[act], *rows)
    found = [row.code for row in job.rows.all()]
    assert sum(tally.values()) == 4
    assert {code: count for code, count in tally.items() if code} == {
        code: found.count(code) for code in gdap_expiring.OBSTACLES if code in found
    }


def test_the_tiles_count_by_the_end_as_it_stands(dap_cast: Cast) -> None:
    now = clock.now()
    soon = granting.active(dap_cast, duration_days=1)
    week = granting.active(dap_cast, duration_days=6)
    extending = granting.active(dap_cast, duration_days=2, auto_extend=True)
    later = granting.active(dap_cast, duration_days=200)
    mine = GdapRelationship.objects.filter(partner=dap_cast.fabrikam)

    def tile(which: str) -> set[object]:
        return {row.pk for row in gdap_expiring.due(mine, which)}

    with clock.fixed(now + timedelta(minutes=1)):
        assert tile("1") == {soon.pk}
        assert tile("7") == {soon.pk, week.pk, extending.pk}
        assert tile("later") == {later.pk}
        assert tile("") == {soon.pk, week.pk, extending.pk, later.pk}
    with clock.fixed(now + 3 * DAY):  # no sweep has run
        assert tile("expired") == {soon.pk}
        assert tile("7") == {week.pk}
        assert tile("later") == {later.pk, extending.pk}
        end = extending.end_at(clock.now())
    assert end is not None
    minute = timedelta(minutes=1)
    for moment, which, other in ((end - 30 * DAY - minute, "later", "30"), (end - 30 * DAY + minute, "30", "later")):
        with clock.fixed(moment):
            assert extending.pk in tile(which)
            assert extending.pk not in tile(other)


def test_who_may_extend_can_choose_rows_and_who_may_only_look_cannot(dap_cast: Cast) -> None:
    row = granting.active(dap_cast)
    pages = {}
    for name in ("admin-agent", "sales-agent"):
        client = Client()
        client.force_login(dap_cast[name])
        pages[name] = client.get(reverse("gdap-expiring", args=["fabrikam"])).content.decode()
    assert row.display_name in pages["sales-agent"]
    assert [page.count('form="bulk"') for page in pages.values()] == [1, 0]
    assert [page.count('value="extend_on"') for page in pages.values()] == [1, 0]
    assert [page.count('value="give_up_dap"') for page in pages.values()] == [1, 0]
    assert "All that match (1)" in pages["admin-agent"]


# ── DAP beside it ──


def given_up(cast: Cast, *rows: GdapRelationship, by: str = "admin-agent") -> Job | None:
    """The finished job of *Give up DAP for the chosen customers*; None where its page starts none."""
    client = Client()
    client.force_login(cast[by])
    keys = [str(row.pk) for row in rows]
    form = {"act": gdap_expiring.GIVE_UP_DAP, "which": "chosen", "row": keys, "reason": "Named roles are in place."}
    client.post(reverse("gdap-expiring-change", args=["fabrikam"]), form)
    job_services.run_due()
    return Job.objects.filter(kind=bulk.GIVE_UP_DAP).first()


def test_dap_is_given_up_once_for_each_customer_and_gdap_stays(dap_cast: Cast) -> None:
    rows = [granting.active(dap_cast), granting.active(dap_cast)]
    granting.assign(dap_cast, rows[0], granting.group(dap_cast.fabrikam))
    job = given_up(dap_cast, *rows)
    assert job is not None
    assert codes(job) == [("done", "dap_given_up")]
    grant = DapGrant.objects.get()
    assert (grant.ended_by_side, grant.end_reason) == ("partner", "Named roles are in place.")
    assert AuditEntry.objects.filter(action="dap.given_up", tenant=dap_cast.contoso).count() == 1
    assert GdapRelationship.objects.in_force(clock.now()).count() == 2
    call_command("access", "verify")
    assert given_up(dap_cast, *rows) == job, "nothing to give up: no second job"


def test_without_gdap_in_force_it_says_that_nobody_can_work_there(dap_cast: Cast) -> None:
    row = granting.active(dap_cast, duration_days=1)
    with clock.fixed(clock.now() + 2 * DAY):
        client = Client()
        client.force_login(dap_cast["admin-agent"])
        query = f"?act=give_up_dap&which=chosen&row={row.pk}"
        page = client.get(reverse("gdap-expiring-change", args=["fabrikam"]) + query).content.decode()
        assert "No GDAP is in force there." in page
        job = given_up(dap_cast, row)
        assert job is not None
        assert codes(job) == [("done", "dap_given_up_bare")]


def test_who_may_not_give_dap_up_at_the_customer_may_not_here(dap_cast: Cast) -> None:
    row = granting.active(dap_cast)
    assert given_up(dap_cast, row, by="sales-agent") is None
    assert given_up(dap_cast, row, by="helpdesk-agent") is None
    other = granting.custom(dap_cast.fabrikam, "Only these", dap_cast["partner-user"])
    services.limit_groups(pair=dap_cast.pair, groups=[other], actor=dap_cast["partner-admin"])
    assert given_up(dap_cast, row) is None
    subject = jobs.Subject(str(dap_cast.pair.pk), "Contoso")
    for by, tenant in (("admin-agent", dap_cast.fabrikam), ("stranger-partner", dap_cast.litware)):
        job_services.start_job(tenant=tenant, actor=dap_cast[by], kind=bulk.GIVE_UP_DAP, subjects=[subject])
    job_services.run_due()
    rows = JobRow.objects.filter(job__kind=bulk.GIVE_UP_DAP)
    assert {(row.job.tenant.slug, row.code) for row in rows} == {("fabrikam", "no_right"), ("litware", "gone")}
    assert DapGrant.objects.get().ended_at is None


@pytest.mark.parametrize("due", ["", "1", "7", "30", "later"])
def test_all_that_match_are_those_of_the_tile_with_dap_beside_them(dap_cast: Cast, due: str) -> None:
    days = {"": 30, "1": 1, "7": 7, "30": 30, "later": 300}[due]
    granting.active(dap_cast, duration_days=days)
    client = Client()
    client.force_login(dap_cast["partner-admin"])
    listed = client.get(reverse("gdap-expiring", args=["fabrikam"]) + f"?due={due}&dap=with")
    assert listed.context["total"] == 1
    assert "With some of these customers DAP lives beside GDAP" in listed.content.decode()
    query = f"?act=give_up_dap&which=all&due={due}&dap=with"
    page = client.get(reverse("gdap-expiring-change", args=["fabrikam"]) + query)
    assert (page.status_code, page.context["works"]) == (200, 1)
    assert client.get(reverse("gdap-expiring", args=["fabrikam"]) + "?dap=without").context["total"] == 0
