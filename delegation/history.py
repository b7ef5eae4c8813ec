"""What happened between a partner and a customer, for the pages of both sides (DOMAIN §4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from delegation.models import GdapRelationship
from portal.models import AuditEntry, Pair, Tenant, User
from portal.timeline import Event
from relationships.models import InvitationAnswer

MOST_LISTED = 20


def history(pair: Pair, viewer: Tenant) -> list[Event]:
    """What happened between the two, latest first; names of people only of the viewer's own organisation."""

    def who(person: User | None) -> str:
        if person is None:
            return ""
        return str(person) if person.tenant_id == viewer.pk else _organisation(pair, person)

    events = [
        *_answers(pair, who),
        *_relationships(pair, who),
        *_dap(pair, who),
        *_gdap(pair, who),
        *_device_consents(pair, who),
        *_limits(pair, viewer),
    ]
    # What happened in one moment is listed in its order: turned round like everything else.
    return sorted(events, key=lambda event: event.at)[::-1]


def _organisation(pair: Pair, person: User) -> str:
    return pair.partner_name if person.tenant_id == pair.partner_id else pair.customer_name


def answers(pair: Pair) -> QuerySet[Any]:
    """How the customer answered the partner's invitations."""
    return (
        InvitationAnswer.objects.filter(tenant=pair.customer_id, invitation__partner=pair.partner_id)
        .select_related("invitation", "user")
        .order_by("-at")
    )


def _answers(pair: Pair, who: Any) -> Iterator[Event]:
    for answer in answers(pair)[:MOST_LISTED]:
        if not answer.is_accepted:
            yield Event(answer.at, _("Invitation declined"), who(answer.user))
        elif answer.is_already_in_place:
            yield Event(answer.at, _("Invitation accepted: already in place"), who(answer.user))
        else:
            yield Event(answer.at, _("Invitation accepted"), who(answer.user), tone="good")


def _relationships(pair: Pair, who: Any) -> Iterator[Event]:
    for row in pair.relationships.select_related("accepted_by", "ended_by"):
        yield Event(row.started_at, _("Relationship began"), who(row.accepted_by), row.type_name, "good")
        if row.ended_at is not None:
            yield Event(row.ended_at, _("Relationship ended"), who(row.ended_by), row.type_name, "bad")


def _dap(pair: Pair, who: Any) -> Iterator[Event]:
    for grant in pair.dap_grants.select_related("granted_by", "ended_by"):
        yield Event(grant.started_at, _("Delegated admin (DAP) granted"), who(grant.granted_by), tone="good")
        if grant.ended_at is not None:
            title = _("Delegated admin (DAP) ended")
            text = f"{grant.get_ended_by_side_display()}. {grant.end_reason}".strip()
            yield Event(grant.ended_at, title, who(grant.ended_by), text, "bad")


def _gdap(pair: Pair, who: Any) -> Iterator[Event]:
    """Approvals and ends of the pair's latest GDAP relationships, and requests that the customer declined."""
    asked = GdapRelationship.objects.filter(pair=pair).with_customer()
    answered = asked.exclude(status__in=["created", "approvalPending"])
    for row in answered.select_related("approved_by", "ended_by").order_by("-locked_at", "id")[:MOST_LISTED]:
        if row.activated_at is not None:
            yield Event(row.activated_at, _("GDAP roles approved"), who(row.approved_by), row.display_name, "good")
            if row.status_now in (GdapRelationship.Status.EXPIRED, GdapRelationship.Status.TERMINATED):
                text = f"{row.display_name}: {row.status_label}. {row.end_note}".strip()
                yield Event(row.ended_at or row.ends_at, _("GDAP roles ended"), who(row.ended_by), text, "bad")
        elif row.end_reason == GdapRelationship.EndReason.DECLINED:
            text = f"{row.display_name}. {row.end_note}".strip()
            yield Event(row.ended_at, _("GDAP request declined"), who(row.ended_by), text)


def _device_consents(pair: Pair, who: Any) -> Iterator[Event]:
    for consent in pair.device_consents.select_related("given_by"):
        yield Event(consent.asked_at, _("Device registration consent asked for"))
        if consent.given_at is not None:
            yield Event(consent.given_at, _("Device registration consent given"), who(consent.given_by), tone="good")
        if consent.ended_at is not None:
            yield Event(consent.ended_at, _("Device registration consent ended"), tone="bad")


def _limits(pair: Pair, viewer: Tenant) -> Iterator[Event]:
    """Changes of the groups that work for the customer: kept in the viewer's own audit log only."""
    entries = AuditEntry.objects.filter(
        tenant=viewer, action="relationship.groups_limited", target_id=str(pair.pk)
    ).order_by("-seq")
    for entry in entries[:MOST_LISTED]:
        after = json.loads(entry.data)["after"]["groups"]
        by = pair.partner_name if viewer.pk != pair.partner_id else json.loads(entry.data)["actor"]
        yield Event(entry.at, _("Groups that work for this customer"), by, ", ".join(after))
