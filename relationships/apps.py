"""Invitations, relationships, partner types."""

from django.apps import AppConfig


class RelationshipsConfig(AppConfig):
    """The app of invitations and relationships."""

    name = "relationships"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put the inbox of requests on the start page; answer for mail that carries an invitation's link."""
        from portal import hooks
        from portal.mail import meant
        from relationships import queries, texts

        hooks.waiting.append(queries.waiting)
        meant.ask_about(texts.PURPOSE, texts.working_versions)
