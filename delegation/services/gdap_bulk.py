"""Acts on many GDAP relationships: auto-extend in sets; renewals, and the DAP beside them, one by one.

Batches of a bulk job (`portal.jobs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from delegation import catalogue, gdap_expiring, gdap_offers, gdap_pairs
from delegation.models import GdapAssignment, GdapRelationship
from delegation.queries import active_dap
from delegation.services import dap, gdap_amendments, gdap_delivery, gdap_requests
from delegation.services import gdap_rows as rows
from portal import access, clock, jobs
from portal.access import Decision
from portal.catalogue import Capability
from portal.jobs import Outcome
from portal.models import Job, JobRow, Pair, User

_SWITCH = """
UPDATE delegation_gdaprelationship r SET auto_extend = %s, ends_at = u.ends_at, version = r.version + 1
FROM unnest(%s::uuid[], %s::timestamptz[]) AS u(id, ends_at) WHERE r.id = u.id
"""


# ── auto-extend, in sets ──


def switch_on(job: Job, actor: User, found: Sequence[JobRow]) -> Mapping[str, Outcome]:
    """A batch of *Switch auto-extend on*."""
    return _switch(job, actor, found, is_on=True)


def switch_off(job: Job, actor: User, found: Sequence[JobRow]) -> Mapping[str, Outcome]:
    """A batch of *Switch auto-extend off*: each ends at the end as it stands now."""
    return _switch(job, actor, found, is_on=False)


def _switch(job: Job, actor: User, found: Sequence[JobRow], *, is_on: bool) -> dict[str, Outcome]:
    """What `set_auto_extend` does to one, done to many by few statements; the same refusals, one audit row each."""
    act = gdap_expiring.EXTEND_ON if is_on else gdap_expiring.EXTEND_OFF
    outcomes, changed = {}, []
    locked = _locked(job, [UUID(row.subject) for row in found], act)
    allowed = set(_allowed(actor, locked))
    for row in found:
        relationship = locked.get(UUID(row.subject))
        if relationship is None:
            outcomes[row.subject] = jobs.refused("gone")
        elif relationship.pk not in allowed:
            outcomes[row.subject] = jobs.refused("no_right")
        elif relationship.obstacle:
            outcomes[row.subject] = _refusal(relationship)
        else:
            outcomes[row.subject] = jobs.done("extends" if is_on else "ends", until=relationship.end_at(clock.now()))
            changed.append(relationship)
    _write(changed, actor, access.decide(actor, Capability.GDAP_EXTEND, job), is_on=is_on)
    return outcomes


def _locked(job: Job, keys: list[UUID], act: str) -> dict[UUID, Any]:
    """The job's partner's rows of these keys with what stands in the way, locked after their pairs."""
    mine = GdapRelationship.objects.filter(partner=job.tenant_id, pk__in=keys)
    pairs = Pair.objects.select_for_update(of=("self",)).filter(pk__in=mine.values("pair")).order_by("pk")
    known = {pair.pk for pair in pairs}
    locked = gdap_expiring.with_obstacle(mine.order_by("pk").select_for_update(of=("self",)), act)
    # One that was approved since the pairs were locked is left alone: its pair comes before it.
    return {row.pk: row for row in locked if row.pair_id is None or row.pair_id in known}


def _allowed(actor: User, locked: Mapping[UUID, Any]) -> list[UUID]:
    mine = GdapRelationship.objects.filter(pk__in=locked)
    return list(access.allowing(mine, actor, Capability.GDAP_EXTEND).values_list("pk", flat=True))


def _refusal(relationship: Any) -> Outcome:
    if relationship.obstacle == gdap_expiring.UNCHANGED:
        return jobs.done("unchanged")
    if relationship.obstacle == "not_active":
        return jobs.refused("not_active", status=relationship.status_text)
    if relationship.obstacle == "full_control":
        held = {role.role_id for role in rows.roles_in_force(relationship)}
        return jobs.refused("full_control", roles=rows.names_of(held & catalogue.never_lasting()))
    return jobs.refused(relationship.obstacle)


def _write(changed: list[GdapRelationship], actor: User, decision: Decision, *, is_on: bool) -> None:
    if not changed:
        return
    now = clock.now()
    ends: dict[UUID, datetime | None] = {row.pk: row.end_at(now) for row in changed}
    with connection.cursor() as cursor:
        cursor.execute(_SWITCH, [is_on, [*ends], [*ends.values()]])
    active = GdapAssignment.objects.filter(relationship__in=ends, state=GdapAssignment.State.ACTIVE)
    found = active.values_list("pk", "relationship_id")
    access.set_until({f"gdap:{pk}": None if is_on else ends[relationship] for pk, relationship in found})
    for row in changed:
        action = "gdap.extension_on" if is_on else "gdap.extension_off"
        rows.record(action, row, actor, decision, until=ends[row.pk])


# ── renewals, one by one ──


def _renew(job: Job, actor: User, found: JobRow) -> Outcome:
    """A locked request for the same roles that replaces this one once the customer approves it."""
    mine = GdapRelationship.objects.filter(partner=job.tenant_id, pk=found.subject)
    present = mine.first()
    if present is None:
        return jobs.refused("gone")
    rows.locked(present)
    old: Any = gdap_expiring.with_obstacle(mine, gdap_expiring.RENEW).select_related("partner").get()
    if old.obstacle:
        return _refusal(old)
    renewal = gdap_amendments.draft_replacement(
        old,
        actor,
        duration_days=int(job.arguments.get("days") or old.duration_days),
        auto_extend=old.auto_extend,
        roles={role.role_id: role.reason for role in rows.roles_in_force(old)},
        customer_address=old.customer_address,
    )
    renewal = gdap_requests.lock_request(relationship=renewal, actor=actor)
    if not job.arguments.get("is_sent"):
        return jobs.done("renewal", name=renewal.display_name)
    if not gdap_offers.recipients(renewal):
        return jobs.done("renewal_unsent", name=renewal.display_name)
    gdap_delivery.send_message(renewal, actor, "gdap.sent")
    return jobs.done("renewal_sent", name=renewal.display_name)


#: A batch of *Ask for renewals*.
renew = jobs.one_by_one(_renew)


# ── DAP beside GDAP, one by one ──


def _give_up_dap(job: Job, actor: User, found: JobRow) -> Outcome:
    """What `give_up_dap` does for one customer; says whether anything of GDAP stays in its place."""
    pair = Pair.objects.filter(partner=job.tenant_id, pk=found.subject).first()
    if pair is None:
        return jobs.refused("gone")
    grant = active_dap(pair)
    if grant is None:
        access.require(actor, Capability.DAP_GIVE_UP, pair)
        return jobs.done("no_dap")
    dap.give_up_dap(grant=grant, actor=actor, reason=str(job.arguments.get("reason", "")))
    return jobs.done("dap_given_up" if gdap_pairs.in_force(pair).exists() else "dap_given_up_bare")


#: A batch of *Give up DAP for the chosen customers*.
give_up_dap = jobs.one_by_one(_give_up_dap)
