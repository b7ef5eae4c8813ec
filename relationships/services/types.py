"""One type of relationship of a pair begins or ends as part of another write, which has checked the right."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Greatest

from portal import audit, clock
from portal.access import Decision
from portal.models import Pair, User
from portal.services import organisations
from relationships.models import Invitation, Relationship


def begin_type(
    pair: Pair,
    partner_type: str,
    *,
    accepted_by: User,
    actor: User,
    decision: Decision | None,
    invitation: Invitation | None = None,
) -> bool:
    """The partner has this type with the customer from now on; False if it has it already. The pair is locked."""
    if Relationship.objects.filter(pair=pair, partner_type=partner_type, ended_at__isnull=True).exists():
        return False
    relationship = Relationship.objects.create(
        pair=pair,
        partner_id=pair.partner_id,
        customer_id=pair.customer_id,
        partner_type=partner_type,
        invitation=invitation,
        accepted_by=accepted_by,
        started_at=clock.now(),
    )
    organisations.start_pair(pair)
    _record("relationship.began", relationship, actor, decision)
    return True


def end_type(pair: Pair, partner_type: str, *, actor: User | None, decision: Decision | None = None) -> None:
    """This type ends, and with the last one the pair: its people are strangers from here on. The pair is locked."""
    end_types([pair], partner_type, actor=actor, decision=decision)


def end_types(
    pairs: Sequence[Pair], partner_type: str, *, actor: User | None, decision: Decision | None = None
) -> None:
    """The same for many pairs, in sets."""
    now = clock.now()
    rows = Relationship.objects.filter(pair__in=pairs, partner_type=partner_type, ended_at__isnull=True)
    ended = list(rows.select_related("pair").order_by("pk"))
    for row in ended:
        _record("relationship.ended", row, actor, decision)
    rows.update(ended_at=Greatest(Value(now), F("started_at")), ended_by=actor)
    others = Relationship.objects.filter(pair=OuterRef("pk"), ended_at__isnull=True)
    over = Pair.objects.filter(~Exists(others), pk__in=[row.pair_id for row in ended], ended_at__isnull=True)
    over.update(ended_at=Greatest(Value(now), F("started_at")))


def _record(action: str, row: Relationship, actor: User | None, decision: Decision | None) -> None:
    audit.record(action, actor=actor, tenant=row.customer_id, also=[row.partner_id], target=row, decision=decision)
