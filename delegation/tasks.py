"""Jobs of GDAP and Azure roles: what is due is in the database, never in the message."""

from celery import shared_task

from delegation import services


@shared_task
def settle_gdap() -> int:
    """Record what time did (expiries, extensions, lapsed requests) and remind before ends; how many rows."""
    done = services.expire_gdap() + services.extend_gdap() + services.lapse_gdap()
    return done + services.remind_gdap()


@shared_task
def end_due_azure() -> int:
    """Record the end of Azure roles and elevations whose moment has come; how many rows."""
    return services.end_due_azure()
