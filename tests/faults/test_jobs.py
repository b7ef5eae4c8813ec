"""A bulk job survives its worker: resumed by beat within 60 s, nothing lost, nothing twice (DOMAIN §16)."""

from collections import Counter

import pytest
from django.db import connection, connections, transaction

from delegation import bulk
from delegation.models import GdapRelationship
from portal import audit, jobs
from portal.models import AuditEntry, Job
from portal.services import jobs as services
from tests.conftest import build_cast
from tests.delegation import granting
from tests.faults.test_mail import celery, kill, kill_child, mail_server, wait_until  # noqa: F401 - fixtures

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True, databases=["default", "owner"])]
ROWS, RECOVERY = 6, 90


@pytest.mark.parametrize("end", [kill, kill_child])
def test_a_worker_killed_in_the_middle_of_a_job(celery, end):  # noqa: F811
    """The last row is held, so that the worker stands in the middle of its batch when it is killed."""
    cast = build_cast()
    rows = [granting.active(cast) for _number in range(ROWS)]
    kind = jobs.subjects_of(sorted(rows, key=lambda row: str(row.pk)))
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        last = max(str(row.pk) for row in rows)
        cursor.execute("SELECT 1 FROM delegation_gdaprelationship WHERE id = %s FOR UPDATE", [last])
        job = services.start_job(tenant=cast.fabrikam, actor=cast["admin-agent"], kind=bulk.RENEW, subjects=kind)
        worker = celery.worker()
        celery.beat()
        wait_until(_is_waiting, 60)
        end(worker)
    if end is kill:
        celery.worker()
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=Job.State.DONE).exists(), RECOVERY)
    job.refresh_from_db()
    assert (job.done_count, job.refused_count, job.failed_count) == (ROWS, 0, 0)
    renewals = Counter(GdapRelationship.objects.filter(replaces__isnull=False).values_list("replaces", flat=True))
    assert renewals == {row.pk: 1 for row in rows}
    locked = AuditEntry.objects.filter(action="gdap.locked", tenant=cast.fabrikam)
    assert locked.count() == 2 * ROWS
    assert audit.verify(cast.fabrikam.pk) is None


def _is_waiting():
    """Whether a worker waits for a lock; asked as its own role, which may see that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0
