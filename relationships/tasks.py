"""Jobs of invitations: what is due is in the database, never in the message."""

from celery import shared_task

from relationships import services


@shared_task
def expire_invitations() -> int:
    """Record the expiry of what is past its date; how many."""
    return services.expire_due()


@shared_task
def remind_invitations() -> int:
    """Remind invited addresses before the end; how many messages."""
    return services.remind_due()
