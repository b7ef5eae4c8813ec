"""The app's pages in the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.catalogue import Capability as Can
from portal.hooks import Page, Section

PAGES = (
    Page(
        Section.CUSTOMERS,
        20,
        "invitations",
        _("Invitations"),
        Can.INVITATIONS_VIEW,
        "envelope",
        _("What we have asked for."),
    ),
    Page(Section.SETTINGS, 20, "requests", _("Requests"), Can.PARTNERS_VIEW, "inbox", _("What partners ask of us.")),
)
