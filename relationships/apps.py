"""Invitations, relationships, partner types."""

from django.apps import AppConfig


class RelationshipsConfig(AppConfig):
    """The app of invitations and relationships."""

    name = "relationships"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put the inbox of requests on the start page."""
        from portal import hooks
        from relationships import queries

        hooks.waiting.append(queries.waiting)
