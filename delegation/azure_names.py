"""What Azure's names, types and tags may look like; pure (DOMAIN §8)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from portal.errors import Refused

MOST_SUBSCRIPTION_NAME, MOST_GROUP_NAME, MOST_RESOURCE_NAME, MOST_TYPE, MOST_OFFER = 64, 90, 120, 120, 120
MOST_TAGS, MOST_TAG_NAME, MOST_TAG_VALUE = 50, 128, 256
_GROUP = re.compile(r"[\w().-]*[\w()-]")
_RESOURCE = re.compile(r"[^<>%&\\?/]+")
_TYPE = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)*(/[A-Za-z0-9]+)+")


def _plain(text: str, most: int, field: str) -> str:
    text = text.strip()
    if not text or not text.isprintable():
        raise Refused(_("Give it a name, in one line."), field=field)
    if len(text) > most:
        raise Refused(_("At most %(count)d characters.") % {"count": most}, field=field)
    return text


def subscription_name(text: str) -> str:
    """A subscription's name, without spaces around it. Raises Refused."""
    return _plain(text, MOST_SUBSCRIPTION_NAME, "name")


def offer(text: str) -> str:
    """The name of what is bought. Raises Refused."""
    return _plain(text, MOST_OFFER, "offer")


def group_name(text: str) -> str:
    """A resource group's name. Raises Refused."""
    text = _plain(text, MOST_GROUP_NAME, "name")
    if not _GROUP.fullmatch(text):
        raise Refused(
            _("Use letters, digits, hyphens, underscores, round brackets and dots, no dot last."), field="name"
        )
    return text


def resource_name(text: str) -> str:
    """A resource's name. Raises Refused."""
    text = _plain(text, MOST_RESOURCE_NAME, "name")
    if not _RESOURCE.fullmatch(text):
        raise Refused(_("A name has none of these characters: < > % & \\ ? /"), field="name")
    return text


def resource_type(text: str) -> str:
    """What kind of resource it is. Raises Refused."""
    text = text.strip()
    if len(text) > MOST_TYPE or not _TYPE.fullmatch(text):
        raise Refused(
            _("Give the type as Provider/type, as in Microsoft.Compute/virtualMachines."), field="resource_type"
        )
    return text


def tags(found: Mapping[str, str]) -> dict[str, str]:
    """Tags by name, without spaces around them. Raises Refused."""
    cleaned = {name.strip(): value.strip() for name, value in found.items()}
    if len(cleaned) > MOST_TAGS:
        raise Refused(_("At most %(count)d tags.") % {"count": MOST_TAGS}, field="tags")
    names = {name.lower() for name in cleaned}
    if len(names) < len(found) or not all(_is_tag(name, value) for name, value in cleaned.items()):
        raise Refused(_("A tag is name=value, each name once, in one line."), field="tags")
    return cleaned


def _is_tag(name: str, value: str) -> bool:
    is_short = 0 < len(name) <= MOST_TAG_NAME and len(value) <= MOST_TAG_VALUE
    return is_short and name.isprintable() and value.isprintable()


def parsed_tags(text: str) -> dict[str, str]:
    """Tags written as `name=value; name=value` (or one a line). Raises Refused."""
    parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
    pairs = [(name.strip(), value) for name, _equals, value in (part.partition("=") for part in parts)]
    if len({name.lower() for name, _value in pairs}) < len(pairs):
        raise Refused(_("A tag is name=value, each name once, in one line."), field="tags")
    return tags(dict(pairs))


def written_tags(found: Mapping[str, str]) -> str:
    """The same the other way round."""
    return "; ".join(f"{name}={value}" if value else name for name, value in sorted(found.items()))
