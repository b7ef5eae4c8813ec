"""Founding an organisation by a link to a confirmed address (DOMAIN §2)."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings

from portal.models import RightLink, User
from portal.services import organisations, right_links
from portal.writes import writes


@writes
def start_organisation(*, address: str, language: str, then: str = "", kept: list[tuple[str, str, int]]) -> RightLink:
    """Mail a link by which this address founds an organisation (DOMAIN §2); known or not, the same happens.

    `then` is the page to continue on, `kept` the personal links (purpose, key, version) that this browser had open.
    """
    link = right_links.make(
        RightLink.Purpose.NEW_ORGANISATION,
        actor=None,
        address=address,
        data={"language": language, "then": then, "kept": kept},
    )
    right_links.send("new_organisation", link, to=address)
    return link


@writes
def found_organisation(*, pk: uuid.UUID, version: int | None, details: dict[str, Any]) -> tuple[RightLink, User]:
    """Found the organisation; its first user is its Global Administrator, with the confirmed address.

    `details`: display_name, label, country, language, person, local_part, password.
    Raises BadLink for a link that doesn't work any more, Refused for a name that can't be had.
    """
    link = right_links.claim(RightLink.Purpose.NEW_ORGANISATION, pk, version)
    tenant, person = organisations.create_organisation(
        display_name=details["display_name"],
        label=details["label"],
        country=details["country"],
        language=details["language"],
        administrator={
            "local_part": details["local_part"],
            "display_name": details["person"],
            "contact_address": link.address,
            "password": details["password"],
        },
        is_demo=settings.IS_DEMO,
    )
    link.tenant = tenant
    link.save(update_fields=["tenant"])
    right_links.use(link)
    return link, person
