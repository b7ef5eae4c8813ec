"""What happened to one GDAP relationship, for the partner's page of it (DOMAIN §6, §15)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from delegation.models import GdapRelationship
from portal.models import AuditEntry
from portal.timeline import Event

MOST_EVENTS = 200
#: What the time line says about each audited act: title, tone.
_ACTS = {
    "gdap.created": (_("Draft made"), "idle"),
    "gdap.edited": (_("Draft changed"), "idle"),
    "gdap.locked": (_("Locked for approval"), "wait"),
    "gdap.sent": (_("Sent"), "idle"),
    "gdap.resent": (_("Sent again"), "idle"),
    "gdap.link_replaced": (_("Link replaced: the old one is dead"), "wait"),
    "gdap.withdrawn": (_("Request withdrawn"), "bad"),
    "gdap.declined": (_("Declined by the customer"), "bad"),
    "gdap.lapsed": (_("Not answered in time"), "bad"),
    "gdap.reseller_approved": (_("Approved by the reseller"), "good"),
    "gdap.reseller_rejected": (_("Rejected by the reseller"), "bad"),
    "gdap.counter_offered": (_("Counter-offer made"), "wait"),
    "gdap.counter_offer_withdrawn": (_("Counter-offer taken back"), "idle"),
    "gdap.approved": (_("Approved: the roles are in force"), "good"),
    "gdap.planned": (_("Group planned"), "idle"),
    "gdap.assigned": (_("Group got roles"), "good"),
    "gdap.assignment_edited": (_("Roles of a group changed"), "idle"),
    "gdap.assignment_removed": (_("Group lost its roles"), "wait"),
    "gdap.extension_on": (_("Auto-extend switched on"), "good"),
    "gdap.extension_off": (_("Auto-extend switched off"), "wait"),
    "gdap.extended": (_("Extended by itself"), "good"),
    "gdap.roles_removed": (_("Roles removed by the partner"), "wait"),
    "gdap.expired": (_("Expired"), "bad"),
    "gdap.ended_by_partner": (_("Ended by the partner"), "bad"),
    "gdap.removed_by_customer": (_("Removed by the customer"), "bad"),
    "gdap.replaced": (_("Replaced by a newer relationship"), "bad"),
}


def events_of(row: GdapRelationship) -> list[Event]:
    """The latest acts and reminders, the latest first."""
    events = [*_acts(row), *_reminders(row)]
    # What happened in one moment is listed in its order: turned round like everything else.
    return sorted(events, key=lambda event: event.at)[::-1]


def _acts(row: GdapRelationship) -> Iterator[Event]:
    entries = AuditEntry.objects.filter(tenant=row.partner_id, target_id=str(row.pk), action__in=list(_ACTS))
    for entry in list(entries.order_by("-seq")[:MOST_EVENTS])[::-1]:
        title, tone = _ACTS[entry.action]
        data = json.loads(entry.data)
        yield Event(entry.at, title, data["actor"] if entry.actor_id else "", _text(data), tone)


def _text(data: dict[str, Any]) -> str:
    """The group that an act was about, the roles that it left or took, its reason."""
    before, after = (data.get(side) or {} for side in ("before", "after"))
    if "name" in after:  # a draft as a whole: its page shows it
        return ""
    gone = [role for role in before.get("roles", []) if role not in after.get("roles", [])]
    came = [role for role in after.get("roles", []) if role not in before.get("roles", [])]
    parts = [_named("+ ", came) if before else _named("", came), _named("− ", gone)]
    said = "; ".join(filter(None, parts))
    return " · ".join(filter(None, [data.get("group", ""), said, data.get("reason", "")]))


def _named(sign: str, roles: Iterable[str]) -> str:
    return ", ".join(sign + gettext(role) for role in roles)


def _reminders(row: GdapRelationship) -> Iterator[Event]:
    for reminder in row.reminders.order_by("at")[:MOST_EVENTS]:
        text = ngettext("%(count)d day before the end", "%(count)d days before the end", reminder.days)
        yield Event(reminder.at, _("Both sides were reminded"), "", text % {"count": reminder.days})
