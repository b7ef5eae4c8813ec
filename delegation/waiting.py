"""What waits for people of a customer on their start page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.access import Rights
from portal.catalogue import Capability
from portal.hooks import Waiting
from portal.models import Tenant, User
from relationships.models import DeviceConsent


def pending_consents(user: User, tenant: Tenant, rights: Rights) -> list[Waiting]:
    """Device registration consents that a Global Administrator has still to give (DOMAIN §3)."""
    if not rights.allows(Capability.PARTNERS_ACCEPT_WITH_ROLES):
        return []
    count = DeviceConsent.objects.filter(customer=tenant, state=DeviceConsent.State.PENDING).count()
    url = reverse("partner-relationships", args=[tenant.slug])
    return [Waiting(_("device consents to give"), count, url)] if count else []
