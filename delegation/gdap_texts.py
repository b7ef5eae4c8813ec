"""The message of a GDAP request and its personal link (DOMAIN §3, §6): as those of an invitation, below `/g/`.

A draft whose text nobody has edited keeps none: it follows the options until the request is locked.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from delegation.models import GdapRelationship
from portal import catalogue, clock
from relationships.letters import Letters, reads_as_link

#: What tokens of GDAP requests are signed for, and the route below which they are.
PURPOSE, PREFIX = "gdap", "g"
#: The kind of its message.
MAIL = "gdap_request"
#: The message names so many roles; the page of the request names all of them.
MOST_NAMED = 8

LETTERS = Letters(PURPOSE, PREFIX, "delegation/gdap_draft")
link_of = LETTERS.link_of
personal_link = LETTERS.personal_link
shown = LETTERS.shown
mailto = LETTERS.mailto
stored = LETTERS.stored


def default_text(relationship: GdapRelationship) -> tuple[str, str]:
    """Subject and body as they are while nobody has edited them."""
    asked = [catalogue.roles()[role_id] for role_id in relationship.roles.values_list("role_id", flat=True)]
    named = sorted(asked, key=lambda role: role.name) if len(asked) <= MOST_NAMED else []
    name = relationship.customer_name
    return LETTERS.default_text(
        relationship,
        relationship.created_by,
        roles=named,
        count=len(asked),
        name="" if reads_as_link(name) else name,
    )


def with_text(relationship: GdapRelationship) -> GdapRelationship:
    """The same row, its text filled in (unsaved) where nobody has written one."""
    if not relationship.body:
        relationship.subject, relationship.body = default_text(relationship)
    return relationship


def working_versions(keys: Collection[UUID]) -> dict[UUID, int | None]:
    """Which version of each request's link can be answered now, None where none can (`portal.mail.meant`)."""
    rows = GdapRelationship.objects.filter(pk__in=keys)
    pending = set(rows.pending(clock.now()).values_list("pk", flat=True))
    return {pk: version if pk in pending else None for pk, version in rows.values_list("pk", "link_version")}
