"""Invitations, relationships, partner types."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


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
        hooks.objects_named.append(queries.named)
        hooks.request_tabs.append(hooks.RequestTab("requests", _("Relationships"), queries.count_open))
        meant.ask_about(texts.PURPOSE, texts.working_versions)
