"""Fixed tables of GDAP: role templates, the roles that never last, and the numbers (DOMAIN §6)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from portal import catalogue
from portal.catalogue import Role

DATA = Path(__file__).parent / "data"

MOST_DAYS = 730
MOST_NAME = 50
MOST_TEMPLATE_NAME = 80
#: Auto-extend moves the end on by so much, as often as it takes.
EXTENSION = timedelta(days=180)
DAY = timedelta(days=1)
#: A locked request waits so long for its answer.
PENDING = timedelta(days=90)
#: Days before the end on which both sides are reminded; with several due, only the last one goes out.
REMINDERS = (30, 7, 1)

_NEVER_LASTING = ("Global Administrator", "Privileged Role Administrator", "Privileged Authentication Administrator")


@dataclass(frozen=True)
class Template:
    """A named set of roles to start a request from."""

    name: str
    roles: tuple[Role, ...]


@cache
def never_lasting() -> frozenset[str]:
    """Ids of the roles that can't be combined with auto-extend."""
    return frozenset(catalogue.roles_by_name()[name].id for name in _NEVER_LASTING)


@cache
def requestable() -> dict[str, Role]:
    """The roles that a GDAP request may name, by template id."""
    return {key: role for key, role in catalogue.roles().items() if role.is_gdap_requestable}


@cache
def templates() -> tuple[Template, ...]:
    """The templates of the table, without roles that can't be asked for."""
    with (DATA / "gdap_role_templates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        named = [catalogue.roles_by_name()[name] for name in row["role_display_names"].split(";")]
        found.append(Template(row["template_name"], tuple(role for role in named if role.id in requestable())))
    return tuple(found)
