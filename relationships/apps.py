"""Invitations, relationships, partner types."""

from django.apps import AppConfig


class RelationshipsConfig(AppConfig):
    """The app of invitations and relationships."""

    name = "relationships"
    default_auto_field = "django.db.models.BigAutoField"
