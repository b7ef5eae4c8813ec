"""Names of requests that nobody types: they are unique over all of the partner's, for ever (DOMAIN §6)."""

from __future__ import annotations

import itertools
import re

from delegation import catalogue
from delegation.models import GdapRelationship
from portal import search
from portal.models import Tenant

_NUMBERED = re.compile(r" \(\d+\)$")
_TRIED_AT_ONCE = 50


def free_name(partner: Tenant, wanted: str) -> str:
    """The name, or the same with the first free number behind it, within 50 characters."""
    stem = " ".join("".join(char for char in _NUMBERED.sub("", wanted) if char.isprintable()).split()) or "GDAP"
    names = itertools.chain([_cut(stem, "")], (_cut(stem, f" ({number})") for number in itertools.count(2)))
    while True:
        some = {search.key(name): name for name in itertools.islice(names, _TRIED_AT_ONCE)}
        mine = GdapRelationship.objects.filter(partner=partner, name_key__in=some)
        taken = set(mine.values_list("name_key", flat=True))
        free = next((name for key, name in some.items() if key not in taken), None)
        if free is not None:
            return free


def _cut(stem: str, end: str) -> str:
    return f"{stem[: catalogue.MOST_NAME - len(end)].rstrip()}{end}"
