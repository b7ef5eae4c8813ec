"""Short cuts of the tests about resellers: Litware is an indirect provider, Fabrikam the reseller of Contoso."""

from __future__ import annotations

from typing import Any

from delegation import services
from delegation.models import GdapRelationship
from portal import clock
from portal.models import ChannelRole, PartnerProfile, Tenant
from relationships.models import Relationship
from tests import factories
from tests.cast import Cast
from tests.delegation.granting import HELPDESK, READER, roles


def channel(cast: Cast) -> Cast:
    """Give the two their roles, and Fabrikam its customer."""
    PartnerProfile.objects.filter(tenant=cast.litware).update(channel_role=ChannelRole.INDIRECT_PROVIDER)
    PartnerProfile.objects.filter(tenant=cast.fabrikam).update(channel_role=ChannelRole.INDIRECT_RESELLER)
    known = Tenant.objects.select_related("profile")
    cast.litware, cast.fabrikam = known.get(pk=cast.litware.pk), known.get(pk=cast.fabrikam.pk)
    cast.pair = cast.pair or factories.pair(cast.fabrikam, cast.contoso)
    sides = {"pair": cast.pair, "partner": cast.fabrikam, "customer": cast.contoso, "partner_type": "reseller"}
    if not Relationship.objects.filter(**sides, ended_at=None).exists():
        Relationship.objects.create(**sides, started_at=clock.now())
    return cast


def through(cast: Cast, **options: Any) -> GdapRelationship:
    """Litware's draft for Fabrikam's customer Contoso."""
    number = GdapRelationship.objects.count()
    chosen = {"display_name": f"Supply {number}", "duration_days": 30, "roles": roles(READER, HELPDESK)}
    chosen |= {"reseller": cast.fabrikam, "customer": cast.contoso}
    return services.create_request(partner=cast.litware, actor=cast["stranger-partner"], **{**chosen, **options})


def asked(cast: Cast, **options: Any) -> GdapRelationship:
    """The same, locked: it waits for Fabrikam."""
    return services.lock_request(relationship=through(cast, **options), actor=cast["stranger-partner"])


def passed_on(cast: Cast, **options: Any) -> GdapRelationship:
    """The same, approved by Fabrikam: it waits for Contoso."""
    return services.approve_for_customer(relationship=asked(cast, **options), actor=cast["admin-agent"])
