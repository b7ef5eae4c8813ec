"""The project's base app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Tenants, people, access, audit, mail."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the environment."""
        from portal import checks  # noqa: F401 - registers by being imported
