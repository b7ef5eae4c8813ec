"""The tabs of *Admin relationships*."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from delegation import gdap_resellers
from portal.catalogue import Capability as Can

_TABS: tuple[tuple[str, Any, Can], ...] = (
    ("gdap-list", _("Relationships"), Can.GDAP_VIEW),
    ("gdap-expiring", _("Expiring"), Can.GDAP_VIEW),
    ("gdap-analytics", _("Analytics"), Can.GDAP_VIEW),
    ("gdap-templates", _("Templates"), Can.GDAP_VIEW),
    ("gdap-template-drift", _("Drift"), Can.GDAP_VIEW),
    ("gdap-moves", _("DAP to GDAP"), Can.GDAP_VIEW),
)
#: Of indirect resellers.
_FOR_CUSTOMERS = ("gdap-for-customers", _("For your customers"), Can.GDAP_VIEW)


def tabs(request: Any) -> list[dict[str, Any]]:
    """As `c-tabs` takes them: those that this person may open."""
    slug, rights = request.acting.tenant.slug, request.acting.rights
    shown = [*_TABS, _FOR_CUSTOMERS] if gdap_resellers.is_reseller(request.acting.tenant) else _TABS
    found = [(label, reverse(route, args=[slug])) for route, label, capability in shown if rights.allows(capability)]
    return [{"label": label, "url": url, "current": request.path == url} for label, url in found]
