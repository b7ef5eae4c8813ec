"""The project's base app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Tenants, people, access, audit, mail."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"
