"""Delegated administration."""

from django.apps import AppConfig


class DelegationConfig(AppConfig):
    """The app of DAP; later GDAP, Azure roles and effective access."""

    name = "delegation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug DAP into acceptance, endings, residual rights and the list of services."""
        from delegation import sources

        sources.plug_in()
