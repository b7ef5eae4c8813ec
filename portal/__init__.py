"""The project and what every app shares; imports no other app."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
