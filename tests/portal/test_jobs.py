"""Bulk jobs: what starts one, what a batch does, and what stops it (docs/architecture.md, *A bulk job*)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from portal import jobs
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import AuditEntry, Job, JobRow
from portal.services import jobs as services
from tests.cast import Cast

State, RowState = Job.State, JobRow.State
#: Refusals with something in them: names of roles, a state in words, a name as it is.
FILLED: dict[str, tuple[Any, dict[str, Any]]] = {
    "refuse roles": (
        _("Auto-extend can't be combined with %(roles)s. Leave one of the two out."),
        {"roles": ["Helpdesk Administrator", "Global Administrator"]},
    ),
    "refuse state": (_("This can't be done any more or not yet: %(status)s."), {"status": JobRow.State.WAITING.label}),
    "refuse name": (_("The request was mailed to %(person)s."), {"person": "100 % Done"}),
}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a kind of job that a test may register was asked to do, in order."""
    asked: list[str] = []

    def act(job: Job, actor: Any, row: JobRow) -> jobs.Outcome:
        asked.append(row.subject)
        if row.subject in FILLED:
            text, values = FILLED[row.subject]
            raise Refused(text, **values)
        if row.subject.startswith("refuse"):
            raise Refused(_("Choose one of the languages."))
        if row.subject.startswith("break"):
            raise ZeroDivisionError
        return jobs.done("greeted", name=row.label)

    monkeypatch.setattr(jobs, "_kinds", {})
    results = {"greeted": "Hello %(name)s"}
    jobs.register(jobs.Kind("greet", "Greet", Can.GDAP_EXTEND, jobs.one_by_one(act), batch=4, results=results))
    return asked


def start(cast: Cast, *keys: str, by: str = "admin-agent", **arguments: Any) -> Job:
    """A job of the test's kind about these."""
    subjects = (jobs.Subject(key, key.upper()) for key in keys)
    return services.start_job(
        tenant=cast.fabrikam, actor=cast[by], kind="greet", subjects=subjects, arguments=arguments
    )


def states(job: Job) -> list[str]:
    """The rows' states, in order."""
    return [str(state) for state in job.rows.order_by("position").values_list("state", flat=True)]


def counts(job: Job) -> tuple[str, int, int, int]:
    """State and counts, as they are stored."""
    job.refresh_from_db()
    return str(job.state), job.done_count, job.refused_count, job.failed_count


def test_every_row_is_done_once_and_counted(cast: Cast, seen: list[str]) -> None:
    keys = [f"row {number:02}" for number in range(10)]
    job = start(cast, *keys, language="de")
    assert (job.total, job.state, job.arguments) == (10, State.QUEUED, {"language": "de"})
    assert services.run_due() == 10
    assert services.run_due() == 0
    assert seen == keys
    assert counts(job) == (State.DONE, 10, 0, 0)
    assert states(job) == [RowState.DONE] * 10
    row = job.rows.get(position=1)
    assert jobs.result(jobs.kind_of(job), row) == "Hello ROW 00"
    assert (
        AuditEntry.objects.filter(action="job.started", tenant_id=cast.fabrikam.pk, target_id=str(job.pk)).count() == 1
    )


def test_the_same_thing_twice_is_in_a_job_once(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "a", "b", "a")
    services.run_due()
    assert (job.total, seen) == (2, ["a", "b"])
    assert counts(job) == (State.DONE, 2, 0, 0)


def test_a_refused_and_a_broken_row_change_nothing_for_the_others(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "a", "break 1", "c", "refuse 1", "z")
    assert services.run_due() == 5
    assert counts(job) == (State.DONE, 3, 1, 1)
    assert states(job) == [RowState.DONE, RowState.FAILED, RowState.DONE, RowState.REFUSED, RowState.DONE]


def test_a_refusal_reads_in_the_readers_language(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "refuse")
    services.run_due()
    row = job.rows.get()
    with override("de"):
        german = jobs.result(jobs.kind_of(job), row)
    assert (jobs.result(jobs.kind_of(job), row), german) == (
        "Choose one of the languages.",
        "Wählen Sie eine der Sprachen.",
    )


def test_a_refusal_with_values_reads_in_the_readers_language(cast: Cast, seen: list[str]) -> None:
    """Whatever language the job ran in."""
    cast["admin-agent"].language = "zh-hant"
    cast["admin-agent"].save(update_fields=["language"])
    job = start(cast, *FILLED)
    services.run_due()
    kind = jobs.kind_of(job)
    for language in ("en", "de", "zh-hant"):
        with override(language):
            roles = ", ".join(sorted(gettext(name) for name in FILLED["refuse roles"][1]["roles"]))
            expected = {
                "refuse roles": gettext("Auto-extend can't be combined with %(roles)s. Leave one of the two out.")
                % {"roles": roles},
                "refuse state": gettext("This can't be done any more or not yet: %(status)s.")
                % {"status": gettext("Waiting")},
                "refuse name": gettext("The request was mailed to %(person)s.") % {"person": "100 % Done"},
            }
            assert {row.subject: jobs.result(kind, row) for row in job.rows.all()} == expected
            text, values = FILLED["refuse roles"]
            assert str(Refused(text, **values)) == expected["refuse roles"]


def test_a_job_about_nothing_and_one_of_no_kind_are_refused(cast: Cast, seen: list[str]) -> None:
    with pytest.raises(Refused):
        start(cast)
    with pytest.raises(LookupError):
        services.start_job(tenant=cast.fabrikam, actor=cast["admin-agent"], kind="none", subjects=[])
    assert not Job.objects.exists()


def test_only_who_may_do_the_one_may_do_the_many(cast: Cast, seen: list[str]) -> None:
    with pytest.raises(PermissionDenied):
        start(cast, "a", by="helpdesk-agent")
    with pytest.raises(Http404):
        start(cast, "a", by="stranger-partner")
    job = start(cast, "a")
    for act in (services.cancel_job, services.resume_job, services.rerun_job):
        with pytest.raises(PermissionDenied):
            act(job=job, actor=cast["sales-agent"])
        with pytest.raises(Http404):
            act(job=job, actor=cast["stranger-partner"])
    assert counts(job) == (State.QUEUED, 0, 0, 0)


def test_who_loses_the_right_midway_has_the_rest_refused(cast: Cast, seen: list[str]) -> None:
    job = start(cast, *"abcdefgh")
    services.run_due(seconds=0)
    agent = cast["admin-agent"]
    agent.blocked_at = job.created_at
    agent.save(update_fields=["blocked_at"])
    assert services.run_due() == 4
    assert seen == [*"abcd"]
    assert counts(job) == (State.DONE, 4, 4, 0)
    assert set(job.rows.filter(state=RowState.REFUSED).values_list("code", flat=True)) == {"no_right"}


def test_cancelled_between_batches_and_resumed_it_does_the_rest_once(cast: Cast, seen: list[str]) -> None:
    job = start(cast, *"abcdefgh")
    services.run_due(seconds=0)
    services.cancel_job(job=job, actor=cast["partner-admin"])
    assert services.run_due() == 0
    assert counts(job) == (State.CANCELLED, 4, 0, 0)
    assert services.cancel_job(job=job, actor=cast["partner-admin"]).state == State.CANCELLED
    resumed = services.resume_job(job=job, actor=cast["partner-admin"])
    assert (resumed.state, resumed.run_by) == (State.QUEUED, cast["partner-admin"])
    assert services.run_due() == 4
    assert (counts(job), seen) == ((State.DONE, 8, 0, 0), [*"abcdefgh"])
    with pytest.raises(Refused):
        services.resume_job(job=job, actor=cast["admin-agent"])


def test_a_queued_job_is_cancelled_at_once(cast: Cast, seen: list[str]) -> None:
    job = services.cancel_job(job=start(cast, "a"), actor=cast["admin-agent"])
    assert (job.state, services.run_due(), seen) == (State.CANCELLED, 0, [])


def test_what_was_refused_or_failed_runs_again_as_a_new_job(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "a", "break", "refuse")
    with pytest.raises(Refused):
        services.rerun_job(job=job, actor=cast["admin-agent"])
    services.run_due()
    again = services.rerun_job(job=job, actor=cast["partner-admin"])
    assert (again.rerun_of, again.total, again.created_by) == (job, 2, cast["partner-admin"])
    assert [*again.rows.order_by("position").values_list("subject", "label")] == [
        ("break", "BREAK"),
        ("refuse", "REFUSE"),
    ]
    fine = start(cast, "x")
    services.run_due()
    with pytest.raises(Refused):
        services.rerun_job(job=fine, actor=cast["admin-agent"])


def test_a_kind_that_the_present_code_lacks_fails_and_can_be_read(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "a")
    jobs._kinds.clear()
    services.run_due()
    assert counts(job) == (State.FAILED, 0, 0, 0)
    assert str(job) == "greet"
    with pytest.raises(Refused):
        services.resume_job(job=job, actor=cast["admin-agent"])


@pytest.mark.parametrize(
    "change",
    [
        {"state": "done", "ended_at": "2026-01-01T00:00Z"},
        {"done_count": 3},
        {"state": "running", "ended_at": "2026-01-01T00:00Z"},
        {"kind": "other"},
        {"arguments": {"a": 1}},
    ],
    ids=lambda change: "-".join(change),
)
def test_the_database_refuses_a_job_that_cannot_be(cast: Cast, seen: list[str], change: dict[str, Any]) -> None:
    job = start(cast, "a", "b")
    with pytest.raises(Exception, match=r"job_|legal|illegal|Cannot"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**change)
    assert counts(job) == (State.QUEUED, 0, 0, 0)


def test_the_database_keeps_an_outcome(cast: Cast, seen: list[str]) -> None:
    job = start(cast, "a")
    services.run_due()
    with pytest.raises(IntegrityError), transaction.atomic():
        job.rows.update(state=RowState.WAITING, ended_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        JobRow.objects.create(job=job, position=9, subject="a", label="A")
