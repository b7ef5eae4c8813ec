"""Jobs of the base app: ids and data come from the database, never from the broker."""

from celery import shared_task

from portal.mail import sending
from portal.services import jobs, retention


@shared_task
def send_due_mail() -> int:
    """Send what is due; how many went out. Safe to run any number of times at once."""
    return sending.send_due()


@shared_task
def keep_retention() -> dict[str, int]:
    """Drop what is older than its setting allows; how many rows of each kind."""
    return retention.drop_old()


@shared_task
def run_jobs() -> int:
    """Go on with the bulk jobs that wait; how many rows got their outcome. Safe to run any number of times at once."""
    return jobs.run_due()
