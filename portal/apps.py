"""The project's base app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Tenants, people, access, audit, mail."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the environment; answer for mail that carries one of the base app's links."""
        from portal import checks  # noqa: F401 - registers by being imported
        from portal.mail import meant
        from portal.services import right_links

        for purpose in right_links.PREFIXES:
            meant.ask_about(purpose.value, right_links.working_versions)
