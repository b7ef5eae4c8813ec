"""Reads about pairs for pages: what a partner may do, what it keeps, what happened (DOMAIN §4, §9)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from delegation.models import DapGrant
from portal import access, catalogue, clock, hooks, lists
from portal.access import Rights
from portal.catalogue import Capability as Can
from portal.models import AuditEntry, Membership, Pair, PairGrant, RoleAssignment, Tenant, TenantGrant, User
from relationships.catalogue import partner_types
from relationships.models import DeviceConsent, InvitationAnswer

MOST_LISTED = 20
#: The services of a customer's tenant that this version has: (name, route, capability).
_PAGES = (
    ("account", Can.ACCOUNT_VIEW),
    ("users", Can.USERS_VIEW),
    ("service-requests", Can.SERVICE_REQUESTS_VIEW),
    ("partner-relationships", Can.PARTNERS_VIEW),
    ("audit-log", Can.AUDIT_VIEW),
)


def active_dap(pair: Pair) -> DapGrant | None:
    """The pair's DAP grant in force, if there is one."""
    return DapGrant.objects.filter(pair=pair, ended_at__isnull=True).first()


def standing(pair: Pair) -> dict[str, str]:
    """What the partner has already, as part of what an acceptance page shows."""
    grant = active_dap(pair)
    return {"dap": str(grant.pk)} if grant else {}


# ── a page of pairs: one constant statement, whatever the rows ──

#: Types (the last ones after the end), DAP in force, the end of an open request for DAP to a domain of the customer.
#: OFFSET 0 keeps the planner from looking for the latest end through all of the partner's open requests.
_DETAILS = """
SELECT p.id,
  ARRAY(SELECT r.partner_type FROM relationships_relationship r
        WHERE r.pair_id = p.id AND (p.ended_at IS NOT NULL OR r.ended_at IS NULL) ORDER BY r.started_at, r.id),
  EXISTS (SELECT 1 FROM delegation_dapgrant d WHERE d.pair_id = p.id AND d.ended_at IS NULL),
  (SELECT max(expires_at) FROM (
     SELECT i.expires_at FROM relationships_invitation i
     WHERE i.partner_id = p.partner_id AND i.state = 'open' AND i.expires_at > %(now)s AND i.with_dap
       AND NOT i.is_open_link AND lower(split_part(i.customer_address, '@', 2)) = ANY(ARRAY(
         SELECT lower(p.customer_domain) UNION ALL
         SELECT lower(d.name) FROM portal_domain d WHERE d.tenant_id = p.customer_id AND d.verified_at IS NOT NULL))
     OFFSET 0) asked)
FROM portal_pair p WHERE p.id = ANY(%(pairs)s)
"""


def add_details(pairs: list[Any]) -> None:
    """Set what a list shows beside a pair's own fields: `types` (names), `has_dap`, `dap_asked_until` or None."""
    with connection.cursor() as cursor:
        cursor.execute(_DETAILS, {"pairs": [pair.pk for pair in pairs], "now": clock.now()})
        found = {pk: details for pk, *details in cursor.fetchall()}
    for pair in pairs:
        types, pair.has_dap, asked_until = found[pair.pk]
        pair.types = [str(partner_types()[key].name) for key in dict.fromkeys(types)]
        pair.dap_asked_until = None if pair.has_dap else asked_until


# ── what a partner may do ──


@dataclass(frozen=True)
class Reach:
    """One role that a partner's group holds in the customer's tenant, and how many people it reaches."""

    role: str
    is_privileged: bool
    group: str
    people: int
    kind: str
    until: datetime | None

    @property
    def steps(self) -> list[dict[str, str]]:
        """Group → grant, for `c-path`."""
        count = ngettext("%(count)d person", "%(count)d people", self.people) % {"count": self.people}
        return [{"label": self.group, "note": count}, {"label": self.kind}]


def _able() -> Q:
    return Q(user__activated_at__isnull=False, user__blocked_at__isnull=True, user__tenant__disabled_at__isnull=True)


def _working(pair: Any, user: Any) -> Exists:
    """Whether the person is in a group that works for this customer."""
    return Exists(
        PairGrant.objects.filter(
            Q(until__isnull=True) | Q(until__gt=clock.now()), content_object_id=pair, group__memberships__user_id=user
        )
    )


def reach_of(pair: Pair) -> list[Reach]:
    """What the partner's groups may do in the customer's tenant now; people who can't use it are not counted.

    Nothing while the partner isn't approved or is disabled (DOMAIN §2).
    """
    able = Membership.objects.filter(_able(), _working(pair.pk, OuterRef("user_id")), group=OuterRef("group_id"))
    count = able.order_by().values("group").annotate(number=Count("pk")).values("number")
    rows = (
        TenantGrant.objects.filter(
            Q(until__isnull=True) | Q(until__gt=clock.now()),
            pair=pair,
            pair__partner__profile__approved_at__isnull=False,
            pair__partner__profile__disabled_at__isnull=True,
        )
        .select_related("permission", "group__security_group")
        .annotate(people=Coalesce(Subquery(count), 0))
        .order_by("group__security_group__kind", "id")
    )
    found = []
    for row in rows:
        role = catalogue.roles()[row.permission.codename.removeprefix("role_")]
        group = row.group.security_group.name
        found.append(Reach(role.label, role.is_privileged, group, row.people, row.get_kind_display(), row.until))
    return sorted(found, key=lambda item: item.role)


@dataclass(frozen=True)
class Totals:
    """The tiles above *Partner relationships*."""

    partners: int
    people: int
    with_every_right: int
    pending_consents: int


#: Each figure counts one past `lists.COUNT_UP_TO` at most.
_TOTALS = """
WITH seen AS (
  SELECT p.id, p.partner_id, p.open_to_all FROM portal_pair p
  WHERE p.customer_id = %(customer)s AND (%(partner)s::uuid IS NULL OR p.partner_id = %(partner)s)
    AND p.started_at IS NOT NULL AND p.ended_at IS NULL LIMIT %(most)s
), reached AS (
  SELECT DISTINCT u.id FROM portal_tenantgrant g JOIN seen p ON p.id = g.pair_id
  JOIN portal_partnerprofile f ON f.tenant_id = p.partner_id AND f.approved_at IS NOT NULL AND f.disabled_at IS NULL
  JOIN portal_membership m ON m.group_id = g.group_id
  JOIN portal_user u ON u.id = m.user_id AND u.activated_at IS NOT NULL AND u.blocked_at IS NULL
  JOIN portal_tenant h ON h.id = u.tenant_id AND h.disabled_at IS NULL
  WHERE g.content_object_id = %(customer)s AND (g.until IS NULL OR g.until > %(now)s) AND (p.open_to_all OR EXISTS (
    SELECT 1 FROM portal_pairgrant w JOIN portal_membership wm ON wm.group_id = w.group_id AND wm.user_id = u.id
    WHERE w.content_object_id = p.id AND (w.until IS NULL OR w.until > %(now)s)))
  LIMIT %(most)s
)
SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM reached),
  (SELECT count(*) FROM seen JOIN delegation_dapgrant d
   ON d.pair_id = seen.id AND d.customer_id = %(customer)s AND d.ended_at IS NULL),
  (SELECT count(*) FROM seen JOIN relationships_deviceconsent c ON c.pair_id = seen.id AND c.state = 'pending')
"""


def totals(customer: Tenant, partner_id: UUID | None = None) -> Totals:
    """Figures over the customer's pairs in force, or over one partner's only."""
    most = lists.COUNT_UP_TO + 1
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"customer": customer.pk, "partner": partner_id, "most": most, "now": clock.now()})
        return Totals(*cursor.fetchone())


def services(user: User, pair: Pair, rights: Rights) -> Iterator[hooks.Service]:
    """The pages of the customer's tenant as this person sees them: a link, or what is missing (DOMAIN §4)."""
    names = {
        "account": _("Account"),
        "users": _("Users"),
        "service-requests": _("Service requests"),
        "partner-relationships": _("Partner relationships"),
        "audit-log": _("Audit log"),
    }
    for route, capability in _PAGES:
        decision = rights.decide(capability)
        if decision.path is not None:
            detail = _("as %(role)s") % {"role": decision.path.role_label}
            yield hooks.Service(names[route], reverse(route, args=[pair.customer.slug]), True, detail)
        else:
            least = access.role_names(capability)[0]
            if capability is Can.ACCOUNT_VIEW:
                detail = _("Needs any role in their tenant.")
            else:
                detail = _("Needs at least %(role)s in their tenant.") % {"role": least}
            yield hooks.Service(names[route], "", False, detail)


def why_without_access(user: User, pair: Pair, dap: DapGrant | None) -> str:
    """What stands between a person of the partner and the customer's pages; for a pair in force."""
    if dap is None:
        return _("We hold no delegated admin privileges here. Only the customer can grant them.")
    if not PairGrant.objects.filter(content_object=pair, group__memberships__user=user).exists():
        return _("None of your groups works for this customer. Who may limit groups can change that.")
    return _(
        "DAP gives AdminAgents the role Global Administrator and HelpdeskAgents the role Helpdesk Administrator. "
        "Who manages the groups of our organisation can add you to one of them."
    )


# ── what remains (DOMAIN §9) ──


def residuals_of(pair: Pair) -> list[hooks.Residual]:
    """Everything that remains to the pair's partner, over all apps."""
    return hooks.residuals_of(pair)


def residuals(pair: Pair) -> Iterable[hooks.Residual]:
    """DAP, device consent, accounts made and roles assigned by the partner: each with the page that ends it."""
    slug = pair.customer.slug
    here = reverse("partner-relationship", args=[slug, pair.pk])
    if active_dap(pair) is not None:
        yield hooks.Residual("dap", _("Delegated admin (DAP)"), "AdminAgents, HelpdeskAgents", here)
    yield from _consents(pair)
    accounts = User.objects.filter(tenant=pair.customer_id, made_by_partner=pair.partner_id).order_by("sign_in_name")
    for person in accounts[:MOST_LISTED]:
        kind = "guest" if person.kind == User.Kind.GUEST else "account"
        label = _("Guest account they made") if kind == "guest" else _("Account they made")
        yield hooks.Residual(kind, label, person.sign_in_name, reverse("user", args=[slug, person.pk]))
    yield from _more(accounts.count(), "account", _("Accounts they made"))
    roles = RoleAssignment.objects.filter(
        tenant=pair.customer_id, assigned_by_partner=pair.partner_id, ended_at__isnull=True
    ).select_related("user")
    for assignment in roles.order_by("started_at")[:MOST_LISTED]:
        detail = f"{assignment.role.label} · {assignment.user.sign_in_name}"
        url = reverse("user", args=[slug, assignment.user_id])
        yield hooks.Residual("role", _("Role they assigned"), detail, url)
    yield from _more(roles.count(), "role", _("Roles they assigned"))


def _consents(pair: Pair) -> Iterator[hooks.Residual]:
    consent = DeviceConsent.objects.filter(pair=pair).exclude(state=DeviceConsent.State.ENDED).first()
    if consent is not None and consent.state == DeviceConsent.State.GIVEN:
        detail = _("They may go on registering devices for Windows Autopilot. It ends with the relationship.")
        yield hooks.Residual("consent", _("Device registration consent"), detail)


def _more(count: int, kind: str, label: str) -> Iterator[hooks.Residual]:
    if count > MOST_LISTED:
        yield hooks.Residual(kind, label, _("and %(count)d more") % {"count": count - MOST_LISTED})


# ── what happened ──


@dataclass(frozen=True)
class Event:
    """One moment of a relationship's history."""

    at: datetime
    title: str
    by: str = ""
    text: str = ""
    tone: str = "idle"


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
