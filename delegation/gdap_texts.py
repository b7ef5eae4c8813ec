"""The personal link of a GDAP request (DOMAIN §6): as that of an invitation, below `/g/`."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from delegation.models import GdapRelationship
from portal import clock, links

#: What tokens of GDAP requests are signed for, and the route below which they are.
PURPOSE, PREFIX = "gdap", "g"


def link_of(relationship: GdapRelationship) -> tuple[str, str, UUID, int]:
    """The personal link as `portal.mail` stores it: without its secret."""
    return (PREFIX, PURPOSE, relationship.pk, relationship.link_version)


def personal_link(relationship: GdapRelationship) -> str:
    """The whole personal link; anybody who holds it can open the request."""
    return links.url(PREFIX, PURPOSE, relationship.pk, relationship.link_version)


def working_versions(keys: Collection[UUID]) -> dict[UUID, int | None]:
    """Which version of each request's link can be answered now, None where none can (`portal.mail.meant`)."""
    rows = GdapRelationship.objects.filter(pk__in=keys)
    pending = set(rows.pending(clock.now()).values_list("pk", flat=True))
    return {pk: version if pk in pending else None for pk, version in rows.values_list("pk", "link_version")}
