"""The app's pages in the main navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.catalogue import Capability as Can
from portal.hooks import Page, Section

PAGES = (
    Page(
        Section.CUSTOMERS,
        10,
        "customers",
        _("Customers"),
        Can.CUSTOMERS_VIEW,
        "building-office-2",
        _("Whom we work for."),
    ),
    Page(
        Section.CUSTOMERS,
        30,
        "gdap-list",
        _("Admin relationships"),
        Can.GDAP_VIEW,
        "key",
        _("Which roles we hold for whom, until when."),
        others=(Can.GDAP_ASSIGN,),
    ),
    Page(
        Section.TENANT,
        40,
        "azure",
        _("Azure subscriptions"),
        Can.AZURE_VIEW,
        "cloud",
        _("Subscriptions, what is in them, who holds which role there."),
        others=(Can.AZURE_ELEVATE,),
        own=(Can.SUBSCRIPTIONS_MANAGE,),
    ),
    Page(
        Section.CUSTOMERS,
        40,
        "our-access",
        _("Our access"),
        Can.ACCESS_REVIEW,
        "eye",
        _("What our people can do at our customers."),
    ),
    Page(
        Section.SETTINGS,
        10,
        "partner-relationships",
        _("Partner relationships"),
        Can.PARTNERS_VIEW,
        "link",
        _("Who works for us, and what they may do."),
    ),
    Page(
        Section.SETTINGS,
        15,
        "who-has-access",
        _("Who has access"),
        Can.PARTNERS_VIEW,
        "eye",
        _("Everybody from outside, and by which path."),
    ),
)
