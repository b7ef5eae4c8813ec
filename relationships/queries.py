"""Reads of invitations for pages: delivery, time line, the customer's inbox (DOMAIN §3, §4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, clock, hooks, mail, search
from portal.catalogue import Capability
from portal.models import AuditEntry, DeliveryEvent, OutboxMessage, Tenant, User
from portal.services import organisations
from portal.timeline import Event
from relationships.models import CUSTOMER_DOMAIN, Invitation

SENT = "invitation"

_MOST_EVENTS = 200
_MOST_COUNTED = 100
#: What the time line says about each audited act: title, tone.
_ACTS = {
    "invitation.created": (_("Draft made"), "idle"),
    "invitation.opened": (_("Opened: text and options are frozen"), "good"),
    "invitation.link_replaced": (_("Link replaced: the old one is dead"), "wait"),
    "invitation.cancelled": (_("Cancelled"), "bad"),
    "invitation.expired": (_("Expired"), "bad"),
    "invitation.accepted": (_("Accepted"), "good"),
    "invitation.already_in_place": (_("Accepted: already in place, nothing was used up"), "idle"),
    "invitation.declined": (_("Declined"), "bad"),
}
_TONES = {"delivered": "good", "sent": "idle", "bounced": "bad", "rejected": "bad", "failed": "bad"}


def add_delivery(rows: list[Any]) -> None:
    """Set `delivery` on each invitation of a page: its last message, or None where the portal sent none."""
    latest = mail.latest_about(rows, SENT)
    for row in rows:
        row.delivery = latest.get(row.pk)


def timeline(invitation: Invitation) -> list[Event]:
    """What happened, the latest first: acts of people, messages, and the providers' reports on them."""
    events = [*_acts(invitation), *_messages(invitation)]
    # What happened in one moment is listed in its order: turned round like everything else.
    return sorted(events, key=lambda event: event.at)[::-1]


def _acts(invitation: Invitation) -> Iterator[Event]:
    entries = AuditEntry.objects.filter(
        tenant=invitation.partner_id, target_id=str(invitation.pk), action__in=list(_ACTS)
    ).order_by("seq")
    for entry in entries[:_MOST_EVENTS]:
        title, tone = _ACTS[entry.action]
        actor = json.loads(entry.data).get("actor", "") if entry.actor_id else ""
        yield Event(entry.at, title, actor, "", tone)


def _messages(invitation: Invitation) -> Iterator[Event]:
    about = {"about_type": invitation._meta.label_lower, "about_id": invitation.pk}
    kinds = {SENT: _("Message queued"), "invitation_reminder": _("Reminder queued")}
    rows = list(OutboxMessage.objects.filter(**about, kind__in=kinds).order_by("created_at", "id")[:_MOST_EVENTS])
    for row in rows:
        yield Event(row.created_at, kinds[row.kind], "", row.to_address)
        if row.sent_at is not None:
            yield Event(row.sent_at, _("Handed to the mail server"), "", row.to_address)
        if row.settled_at is not None and row.state in _TONES:
            yield Event(row.settled_at, row.get_state_display(), "", row.last_error, _TONES[row.state])
    settled = {(row.pk, row.settled_at) for row in rows}
    for report in DeliveryEvent.objects.filter(message__in=rows).order_by("at", "id")[:_MOST_EVENTS]:
        if (report.message_id, report.at) not in settled:
            yield Event(report.at, _("Report of the mail provider"), "", f"{report.kind} {report.detail}".strip())


# ── the customer's inbox ──


def addressed_to(customer: Tenant) -> QuerySet[Invitation]:
    """Every request that was opened and is addressed to one of the customer's verified domains."""
    domains = [name.lower() for name in organisations.domains_of(customer)]
    return (
        Invitation.objects.filter(is_open_link=False, opened_at__isnull=False)
        .exclude(partner=customer)
        .alias(domain=CUSTOMER_DOMAIN)
        .filter(domain__in=domains)
    )


def named(tenant: Tenant, words: str) -> QuerySet[Invitation]:
    """The tenant's own invitations to customers of that name or address."""
    return search.matching(Invitation.objects.filter(partner=tenant), [tenant.pk], words)


def count_open(tenant: Tenant, partner: Tenant | None = None) -> int:
    """How many of them wait for an answer, as far as pages count; of one partner, or of all."""
    rows = addressed_to(tenant).open_at(clock.now())
    return (rows.filter(partner=partner) if partner else rows)[:_MOST_COUNTED].count()


def waiting(user: User, tenant: Tenant, rights: access.Rights) -> list[hooks.Waiting]:
    """Open requests in the tenant's inbox, for the start page of those who may see partners."""
    if not rights.allows(Capability.PARTNERS_VIEW):
        return []
    count = count_open(tenant)
    url = f"{reverse('requests', args=[tenant.slug])}?state=open"
    return [hooks.Waiting(_("requests of partners"), count, url)] if count else []
