"""Bulk jobs with two workers at once, and with somebody who changes what a batch is about."""

from __future__ import annotations

from collections import Counter

import pytest

from delegation import bulk, services, verification
from portal import audit, jobs
from portal.models import AuditEntry, Job
from portal.services import jobs as job_services
from tests.cast import Cast, build_dap_cast
from tests.delegation import granting
from tests.races.together import at_once

pytestmark = pytest.mark.races

ROWS = 40


@pytest.fixture
def stage(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """A committed cast; batches are small, so that workers meet."""
    kind = jobs._kinds[bulk.EXTEND_ON]
    small = jobs.Kind(kind.name, kind.label, kind.capability, kind.run_batch, batch=5, results=kind.results)
    monkeypatch.setitem(jobs._kinds, bulk.EXTEND_ON, small)
    return build_dap_cast()


def test_two_workers_at_once_do_every_row_once(stage: Cast) -> None:
    rows = [granting.active(stage) for _number in range(ROWS)]
    job = job_services.start_job(
        tenant=stage.fabrikam, actor=stage["admin-agent"], kind=bulk.EXTEND_ON, subjects=jobs.subjects_of(rows)
    )
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, started_at=job.created_at)

    def work() -> int:
        return job_services._run(job.pk, float("inf"))

    counts = at_once(work, work, work)
    job.refresh_from_db()
    assert sum(counts) == ROWS
    assert (job.state, job.done_count, job.refused_count, job.failed_count) == (Job.State.DONE, ROWS, 0, 0)
    entries = AuditEntry.objects.filter(action="gdap.extension_on", tenant=stage.fabrikam)
    assert Counter(entries.values_list("target_id", flat=True)) == {str(row.pk): 1 for row in rows}
    assert audit.verify(stage.fabrikam.pk) is None


def test_a_batch_and_endings_of_its_rows_have_one_order(stage: Cast) -> None:
    rows = [granting.active(stage) for _number in range(10)]
    job = job_services.start_job(
        tenant=stage.fabrikam, actor=stage["admin-agent"], kind=bulk.EXTEND_ON, subjects=jobs.subjects_of(rows)
    )

    def end() -> None:
        for row in reversed(rows):
            services.terminate(relationship=row, actor=stage["admin-agent"])

    at_once(job_services.run_due, end)
    job.refresh_from_db()
    assert (job.state, job.handled, job.failed_count) == (Job.State.DONE, 10, 0)
    switched = AuditEntry.objects.filter(action="gdap.extension_on", tenant=stage.fabrikam).count()
    assert (job.done_count, job.refused_count) == (switched, 10 - switched)
    assert verification.differences() == []
