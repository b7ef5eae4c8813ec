"""Invitations, relationships, partner types."""

from django.apps import AppConfig


class RelationshipsConfig(AppConfig):
    """The app of invitations and relationships."""

    name = "relationships"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug in the app's pages and the inbox of requests; answer for mail that carries an invitation's link."""
        from portal import hooks
        from portal.mail import meant
        from relationships import pages, queries, texts

        hooks.navigation += pages.PAGES
        hooks.waiting.append(queries.waiting)
        meant.ask_about(texts.PURPOSE, texts.working_versions)
