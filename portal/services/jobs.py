"""Starting, running, cancelling and resuming bulk jobs.

A batch of waiting rows is claimed by a statement that skips what others hold; the rows are applied and their outcomes
recorded in that same transaction. So a killed worker leaves nothing half done and nothing is done twice: what it had
claimed waits again, and beat's look into the database goes on with it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from psycopg.errors import DeadlockDetected
from psycopg.types.json import Jsonb

from portal import access, audit, broker, clock, jobs
from portal.catalogue import Capability
from portal.errors import Refused
from portal.jobs import Kind, Outcome, Subject
from portal.models import Job, JobRow, Tenant, User
from portal.writes import write, writes

log = logging.getLogger(__name__)
State, RowState = Job.State, JobRow.State

RUN = "portal.tasks.run_jobs"
#: How long one run of the task goes on before other tasks get their turn.
SLICE_SECONDS = 10.0
#: A job whose worker hasn't been heard of for so long is taken over; beat looks every 15 s: 60 s at most.
STALE = timedelta(seconds=30)
_CHUNK = 2_000
_TRIES = 3

_INSERT = """
INSERT INTO portal_jobrow (job_id, position, subject, label, data, state, code, parameters)
SELECT %s, %s + n, subject, label, data, 'waiting', '', '{}'
FROM unnest(%s::text[], %s::text[], %s::jsonb[]) WITH ORDINALITY AS u(subject, label, data, n)
ON CONFLICT (job_id, subject) DO NOTHING
"""
_AGAIN = """
INSERT INTO portal_jobrow (job_id, position, subject, label, data, state, code, parameters)
SELECT %s, row_number() OVER (ORDER BY position), subject, label, data, 'waiting', '', '{}'
FROM portal_jobrow WHERE job_id = %s AND state IN ('refused', 'failed')
"""
_TAKE = """
UPDATE portal_job SET state = 'running', heartbeat_at = %(now)s, started_at = coalesce(started_at, %(now)s)
WHERE id = (SELECT id FROM portal_job
            WHERE state = 'queued' OR (state = 'running' AND (heartbeat_at IS NULL OR heartbeat_at < %(stale)s))
            ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""
_CLAIM = """
SELECT * FROM portal_jobrow WHERE job_id = %s AND state = 'waiting' ORDER BY position LIMIT %s FOR UPDATE SKIP LOCKED
"""
_SETTLE = """
UPDATE portal_jobrow r SET state = u.state, code = u.code, parameters = u.parameters, ended_at = %s
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::jsonb[]) AS u(id, state, code, parameters) WHERE r.id = u.id
"""
_COUNT = """
UPDATE portal_job SET done_count = done_count + %s, refused_count = refused_count + %s,
    failed_count = failed_count + %s, heartbeat_at = %s WHERE id = %s
"""
_REFUSE_REST = """
WITH waiting AS (
    SELECT id FROM portal_jobrow WHERE job_id = %(job)s AND state = 'waiting' ORDER BY position FOR UPDATE SKIP LOCKED
), refused AS (
    UPDATE portal_jobrow r SET state = 'refused', code = 'no_right', ended_at = %(now)s FROM waiting
    WHERE r.id = waiting.id RETURNING r.id
)
UPDATE portal_job SET refused_count = refused_count + (SELECT count(*) FROM refused), heartbeat_at = %(now)s
WHERE id = %(job)s RETURNING (SELECT count(*) FROM refused)
"""
_FINISH = """
UPDATE portal_job SET state = 'done', ended_at = %(now)s, is_cancel_requested = false
WHERE id = %(job)s AND state = 'running'
  AND NOT EXISTS (SELECT 1 FROM portal_jobrow WHERE job_id = %(job)s AND state = 'waiting')
"""


# ── what people do ──


@writes
def start_job(
    *, tenant: Tenant, actor: User, kind: str, subjects: Iterable[Subject], arguments: Mapping[str, Any] | None = None
) -> Job:
    """Queue one act on many things and have a worker begin once this is committed.

    `subjects` may be a stream: they are inserted in sets, the same key twice once. Raises PermissionDenied without the
    kind's capability in the tenant, Refused where there is nothing to do, LookupError for an unknown kind.
    """
    job = Job(tenant=tenant, kind=kind, arguments=dict(arguments or {}), created_by=actor, run_by=actor)
    job.created_at = clock.now()
    decision = access.require(actor, _capability(job), job)
    job.save()
    _insert(job, subjects)
    if not job.total:
        raise Refused(_("Nothing is chosen."))
    _queued("job.started", job, actor, decision)
    return job


@writes
def cancel_job(*, job: Job, actor: User) -> Job:
    """Stop after the batch under way; what is done stays done. Cancelling what is over changes nothing.

    Raises PermissionDenied without the kind's capability.
    """
    row, decision = _locked(job, actor)
    if row.is_over or row.is_cancel_requested:
        return row
    if row.state == State.QUEUED:
        row.state, row.ended_at = State.CANCELLED, clock.now()
    else:
        row.is_cancel_requested = True
    row.save(update_fields=["state", "ended_at", "is_cancel_requested"])
    _record("job.cancelled", row, actor, decision)
    return row


@writes
def resume_job(*, job: Job, actor: User) -> Job:
    """Go on with the rows that wait, by the rights of whoever resumes. Resuming what runs changes nothing.

    Raises PermissionDenied without the kind's capability, Refused for a finished job.
    """
    row, decision = _locked(job, actor)
    if not row.is_over:
        return row
    if row.state == State.DONE:
        raise Refused(_("This job is finished; nothing waits in it."))
    row.state, row.ended_at, row.heartbeat_at, row.is_cancel_requested = State.QUEUED, None, None, False
    row.run_by = actor
    row.save(update_fields=["state", "ended_at", "heartbeat_at", "is_cancel_requested", "run_by"])
    _queued("job.resumed", row, actor, decision)
    return row


@writes
def rerun_job(*, job: Job, actor: User) -> Job:
    """A new job for the rows that were refused or failed.

    Raises PermissionDenied without the kind's capability, Refused while it runs and where there are none.
    """
    old, decision = _locked(job, actor)
    if not old.is_over:
        raise Refused(_("This job is still running."))
    again = Job(tenant=old.tenant, kind=old.kind, arguments=old.arguments, created_by=actor, run_by=actor)
    again.created_at, again.rerun_of = clock.now(), old
    again.save()
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, [again.pk, old.pk])
        again.total = cursor.rowcount
    if not again.total:
        raise Refused(_("Nothing was refused and nothing failed: there is nothing to run again."))
    again.save(update_fields=["total"])
    _queued("job.started", again, actor, decision)
    return again


def _capability(job: Job) -> Capability:
    if not jobs.is_known(job):
        raise LookupError(f"no kind of job is called {job.kind}")
    return jobs.kind_of(job).capability


def _locked(job: Job, actor: User) -> tuple[Job, access.Decision]:
    row = Job.objects.select_for_update(of=("self",), no_key=True).select_related("tenant").get(pk=job.pk)
    if not jobs.is_known(row):
        raise Refused(_("This version of the portal doesn't know this kind of job."))
    return row, access.require(actor, _capability(row), row)


def _insert(job: Job, subjects: Iterable[Subject]) -> None:
    stream, place = iter(subjects), 0
    while chunk := list(islice(stream, _CHUNK)):
        columns = [[subject.key[:200] for subject in chunk], [subject.label[:250] for subject in chunk]]
        data = [Jsonb(dict(subject.data)) for subject in chunk]
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [job.pk, place, *columns, data])
            job.total += cursor.rowcount
        place += len(chunk)
    job.save(update_fields=["total"])


def _queued(action: str, job: Job, actor: User, decision: access.Decision) -> None:
    _record(action, job, actor, decision)
    transaction.on_commit(partial(broker.nudge, RUN), robust=True)


def _record(action: str, job: Job, actor: User, decision: access.Decision) -> None:
    audit.record(action, actor=actor, tenant=job.tenant, target=job, decision=decision, rows=job.total)


# ── what a worker does ──


def run_due(*, seconds: float = SLICE_SECONDS) -> int:
    """Run what is queued, and what a dead worker left, for about so long; how many rows got their outcome.

    Where more is left, another worker is asked to go on.
    """
    ends, count = time.monotonic() + seconds, 0
    while (job_id := _take()) is not None:
        count += _run(job_id, ends)
        if time.monotonic() >= ends:
            broker.nudge(RUN)
            break
    return count


def _take() -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"now": clock.now(), "stale": clock.now() - STALE})
        found = cursor.fetchone()
    return found[0] if found else None


def _run(job_id: UUID, ends: float) -> int:
    """Batch after batch until nothing waits, the job is cancelled or the time is over."""
    count = 0
    while True:
        job = Job.objects.select_related("tenant", "run_by", "run_by__tenant").get(pk=job_id)
        if job.state != State.RUNNING:
            return count
        if job.is_cancel_requested or not jobs.is_known(job):
            _stop(job, State.CANCELLED if job.is_cancel_requested else State.FAILED)
            return count
        handled = _batch(job, jobs.kind_of(job).batch)
        count += handled
        if not handled and _finish(job):
            return count
        if not handled or time.monotonic() >= ends:
            # Others hold the rest, or other tasks wait: let go, so that whoever looks next goes on.
            Job.objects.filter(pk=job_id, state=State.RUNNING).update(heartbeat_at=None if handled else clock.now())
            return count


def _stop(job: Job, state: str) -> None:
    Job.objects.filter(pk=job.pk, state=State.RUNNING).update(state=state, ended_at=clock.now())


def _finish(job: Job) -> bool:
    """Whoever settles the last row finds nothing waiting and ends the job."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, {"job": job.pk, "now": clock.now()})
        return bool(cursor.rowcount)


def _batch(job: Job, most: int) -> int:
    """Claim, apply and record one batch; how many rows. A deadlock with somebody else's write is tried again."""
    for _attempt in range(_TRIES - 1):
        try:
            return _apply(job, most)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise  # the database is away: the job stays as it is, and beat finds it
    return _apply(job, most)


def _apply(job: Job, most: int) -> int:
    kind, actor = jobs.kind_of(job), job.run_by
    with translation.override(actor.language), write():
        if not access.decide(actor, kind.capability, job, lock=True).allowed:
            return _refuse_rest(job)
        rows = sorted(JobRow.objects.raw(_CLAIM, [job.pk, most]), key=lambda row: row.subject)
        if rows:
            _settle(job, rows, _outcomes(kind, job, actor, rows))
    return len(rows)


def _outcomes(kind: Kind, job: Job, actor: User, rows: Sequence[JobRow]) -> dict[str, Outcome]:
    """What became of each row. Where it breaks, halves are tried, until the row on which it breaks stands alone."""
    try:
        with write():
            found = dict(kind.run_batch(job, actor, rows))
            with connection.cursor() as cursor:  # what the database looks at when it commits, it looks at now
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        return {row.subject: found[row.subject] for row in rows}
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        log.exception("job %s (%s) broke on %s rows from %s on", job.pk, job.kind, len(rows), rows[0].subject)
    if len(rows) == 1:
        return {rows[0].subject: jobs.failed()}
    middle = len(rows) // 2
    return _outcomes(kind, job, actor, rows[:middle]) | _outcomes(kind, job, actor, rows[middle:])


def _refuse_rest(job: Job) -> int:
    """Whoever the job runs for has lost the right: nothing more is done for them."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_REST, {"job": job.pk, "now": clock.now()})
        (count,) = cursor.fetchone()
    return int(count)


def _settle(job: Job, rows: Sequence[JobRow], outcomes: Mapping[str, Outcome]) -> None:
    found = [outcomes[row.subject] for row in rows]
    states = [str(outcome.state) for outcome in found]
    details = [Jsonb(jobs.stored(outcome)) for outcome in found]
    counts = [states.count(state) for state in (RowState.DONE, RowState.REFUSED, RowState.FAILED)]
    keys, codes = [row.pk for row in rows], [outcome.code for outcome in found]
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [clock.now(), keys, states, codes, details])
        cursor.execute(_COUNT, [*counts, clock.now(), job.pk])
