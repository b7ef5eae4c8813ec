"""How far the move from DAP to GDAP is (DOMAIN §7). It follows from the DAP grant, the GDAP relationships and who is in
which group: nothing is kept beside them.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from delegation.models import DapGrant, GdapAssignment, GdapRelationship
from portal import clock
from portal.models import Membership, Pair, PairGrant, PathKind, TenantGrant

OPEN, PROPOSED, REQUESTED, APPROVED, CHECKED, DONE = "open", "proposed", "requested", "approved", "checked", "done"
STATES = (
    (OPEN, _("Not begun")),
    (PROPOSED, _("Proposed")),
    (REQUESTED, _("Requested")),
    (APPROVED, _("Approved")),
    (CHECKED, _("Checked")),
    (DONE, _("Done")),
)
Status = GdapRelationship.Status


# ── how far it is ──


def moves(pairs: QuerySet[Pair]) -> QuerySet[Pair]:
    """Pairs with DAP, and those that gave it up for GDAP, each with `move_state`.

    *Proposed*: a draft names the customer. *Requested*: it waits for the customer. *Approved*: in force, but not
    everybody who has DAP here has GDAP's roles yet. *Checked*: everybody has. *Done*: DAP is gone and GDAP in force.
    """
    now = clock.now()
    gdap = GdapRelationship.objects.filter(pair=OuterRef("pk"))
    has_dap = Exists(DapGrant.objects.filter(pair=OuterRef("pk"), ended_at__isnull=True))
    had_dap = Exists(DapGrant.objects.filter(pair=OuterRef("pk"), ended_at__isnull=False))
    in_force = Exists(gdap.in_force(now))  # type: ignore[attr-defined]
    found = pairs.filter(started_at__isnull=False, ended_at__isnull=True)
    found = found.filter(Q(has_dap) | Q(had_dap, in_force))
    return found.annotate(
        move_state=Case(
            When(~Q(has_dap), then=Value(DONE)),
            When(Q(in_force) & ~Q(_left_out(now)) & Q(_assigned(now)), then=Value(CHECKED)),
            When(in_force, then=Value(APPROVED)),
            When(Exists(gdap.pending(now)), then=Value(REQUESTED)),  # type: ignore[attr-defined]
            When(Exists(gdap.filter(status=Status.CREATED)), then=Value(PROPOSED)),
            default=Value(OPEN),
            output_field=CharField(),
        )
    )


def _held(kind: PathKind, now: Any) -> QuerySet[TenantGrant]:
    return TenantGrant.objects.filter(Q(until__isnull=True) | Q(until__gt=now), kind=kind)


def able_members() -> QuerySet[Membership]:
    """Memberships of those who can sign in."""
    return Membership.objects.filter(
        user__activated_at__isnull=False, user__blocked_at__isnull=True, user__tenant__disabled_at__isnull=True
    )


def _assigned(now: Any) -> Exists:
    """Somebody has a role by GDAP."""
    held = _held(PathKind.GDAP, now).filter(pair=OuterRef(OuterRef("pk")))
    return Exists(able_members().filter(group_id__in=held.values("group_id")))


def _left_out(now: Any) -> Exists:
    """Somebody works here by DAP and would be left with nothing."""
    dap = _held(PathKind.DAP, now).filter(pair=OuterRef(OuterRef("pk")))
    gdap = _held(PathKind.GDAP, now).filter(pair=OuterRef(OuterRef(OuterRef("pk"))))
    works = PairGrant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now),
        content_object_id=OuterRef(OuterRef("pk")),
        group__memberships__user_id=OuterRef("user_id"),
    )
    covered = Membership.objects.filter(user_id=OuterRef("user_id"), group_id__in=gdap.values("group_id"))
    return Exists(able_members().filter(Exists(works), ~Exists(covered), group_id__in=dap.values("group_id")))


def is_assigned(pair: Pair) -> bool:
    """Whether anybody who can sign in has a role here by GDAP in force."""
    held = _held(PathKind.GDAP, clock.now()).filter(pair=pair)
    return able_members().filter(group_id__in=held.values("group_id")).exists()


def state_of(pair: Pair) -> str:
    """`move_state` of one pair; nothing for one that has nothing to move."""
    found = moves(Pair.objects.filter(pk=pair.pk)).values_list("move_state", flat=True).first()
    return found or ""


def tally(moves_of: QuerySet[Pair]) -> dict[str, int]:
    """How many of the `moves` are how far: one statement."""
    return dict(moves_of.order_by().values_list("move_state").annotate(Count("pk")))


def present(pair: Pair) -> dict[str, GdapRelationship | None]:
    """The pair's GDAP relationship in force with the latest end, its newest pending request and its newest draft."""
    now = clock.now()
    rows = GdapRelationship.objects.filter(pair=pair).select_related("partner", "customer")
    return {
        "in_force": rows.in_force(now).order_by("-auto_extend", "-ends_at").first(),
        "pending": rows.pending(now).order_by("-locked_at").first(),
        "draft": rows.filter(status=Status.CREATED).order_by("-created_at").first(),
        "over": rows.filter(status=Status.TERMINATED).order_by("-ended_at").first(),
    }


def assignments_of(pair: Pair) -> list[GdapAssignment]:
    """What groups hold here by GDAP in force."""
    in_force = GdapRelationship.objects.in_force(clock.now()).filter(pair=pair)
    rows = GdapAssignment.objects.filter(relationship__in=in_force, state=GdapAssignment.State.ACTIVE)
    return list(rows.select_related("relationship").order_by("group_name", "pk"))
