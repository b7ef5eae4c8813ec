"""Delegated administration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DelegationConfig(AppConfig):
    """The app of DAP; GDAP; later Azure roles and effective access."""

    name = "delegation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug DAP and GDAP into acceptance, endings, residual rights and the list of services."""
        from django.conf import settings

        from delegation import (
            bulk,
            bulk_moves,
            gdap_customer,
            gdap_queries,
            gdap_resellers,
            gdap_texts,
            pages,
            sources,
            waiting,
        )
        from delegation.demo import cast
        from portal import hooks
        from portal.mail import meant

        sources.plug_in()
        bulk.register()
        bulk_moves.register()
        hooks.navigation += pages.PAGES
        hooks.waiting.append(waiting.pending_consents)
        hooks.waiting.append(gdap_customer.waiting)
        hooks.waiting.append(gdap_resellers.waiting)
        hooks.objects_named.append(gdap_queries.named)
        hooks.request_tabs.append(hooks.RequestTab("requests-gdap", _("Admin roles"), gdap_customer.count_pending))
        meant.ask_about(gdap_texts.PURPOSE, gdap_texts.working_versions)
        hooks.personas.append(lambda: cast.personas(settings.MANDATE_PLATFORM_SUFFIX))
