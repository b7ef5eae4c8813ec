"""The worlds of `tests/oracle.py` as rows, and random ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from delegation.models import (
    AzureAssignment,
    AzureElevation,
    AzureSubscription,
    DapGrant,
    GdapAssignment,
    GdapRelationship,
    GdapRole,
)
from delegation.services.gdap_endings import end_active
from delegation.sources import index_assignments, index_dap
from portal import access, catalogue, clock
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PartnerProfile,
    PathKind,
    RoleAssignment,
    Scope,
    SecurityGroup,
    Tenant,
    TenantGrant,
    User,
)
from portal.services import organisations, people
from portal.writes import write
from tests import factories
from tests.oracle import (
    CUSTOMERS,
    GROUPS,
    INSTANT,
    NOW,
    PAIRS,
    PARTNERS,
    PEOPLE,
    SCOPES,
    UNTIL,
    AzureState,
    PairState,
    PersonState,
    World,
)

ROLES = (
    "Global Administrator",
    "Global Administrator",  # twice as often as the others
    "Global Reader",
    "Helpdesk Administrator",
    "User Administrator",
    "Billing Administrator",
    "Privileged Role Administrator",
    "Customer Delegated Admin Relationship Administrator",
    "Security Reader",
    "Attack Simulation Administrator",
)
#: Never full control: what lasts may not hold it, and DAP gives it already.
GRANULAR = ("Directory Readers", "Global Reader", "Helpdesk Administrator", "User Administrator", "Security Reader")
AZURE_ROLES = (
    "Owner",
    "Contributor",
    "Reader",
    "Role Based Access Control Administrator",
    "Support Request Contributor",
)
BEGUN = NOW - timedelta(days=30)
ELEVATED = "User Access Administrator"


@dataclass
class Stage:
    """The organisations and people that every world is played with; founders and helpers don't play."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    groups: dict[tuple[str, str], SecurityGroup] = field(default_factory=dict)
    scopes: dict[tuple[str, str], Scope] = field(default_factory=dict)
    founders: dict[str, User] = field(default_factory=dict)


def build_stage() -> Stage:
    """Without any role, group or relationship but each founder's."""
    with clock.fixed(BEGUN):
        return _build()


def _build() -> Stage:
    built = Stage()
    for name in (*PARTNERS, *CUSTOMERS):
        make = factories.partner if name in PARTNERS else factories.tenant
        built.tenants[name], built.founders[name] = make(name.capitalize(), domain=f"{name}.example")
    for name, home in PEOPLE.items():
        built.people[name] = factories.person(built.tenants[home], name, domain=f"{home}.example")
    for home, tenant in built.tenants.items():
        with write():
            people.create_group(tenant, SecurityGroup.Kind.CUSTOM, "Custom")
        for group in SecurityGroup.objects.filter(tenant=tenant, kind__in=GROUPS):
            built.groups[home, group.kind] = group
    for home in CUSTOMERS:
        _build_scopes(built, home)
    return built


def _build_scopes(built: Stage, home: str) -> None:
    kinds = {
        "root": Scope.Kind.ROOT,
        "first": Scope.Kind.SUBSCRIPTION,
        "second": Scope.Kind.SUBSCRIPTION,
        "group": Scope.Kind.RESOURCE_GROUP,
        "resource": Scope.Kind.RESOURCE,
    }
    tenant, founder = built.tenants[home], built.founders[home]
    for name, above in SCOPES.items():
        parent = built.scopes[home, above] if above else None
        made = Scope.objects.create(tenant=tenant, kind=kinds[name], parent=parent, name=name, created_at=BEGUN)
        made.refresh_from_db()
        built.scopes[home, name] = made
        if made.kind == Scope.Kind.SUBSCRIPTION:
            AzureSubscription.objects.create(scope=made, tenant=tenant, offer="Pay as you go", created_by=founder)


@contextmanager
def played(stage: Stage, world: World) -> Iterator[dict[tuple[str, str], Pair]]:
    """The world as rows, for the time of the `with`; the clock stands at `NOW`."""
    with clock.fixed(NOW), transaction.atomic():
        with clock.fixed(BEGUN), write():
            for name, state in world.people.items():
                _play_person(stage, name, state)
            pairs = {pair: _play_pair(stage, pair, state) for pair, state in world.pairs.items()}
            for assigned in world.azure:
                _play_azure(stage, pairs, assigned)
            for names, pair in pairs.items():
                if world.pairs[names].phase == "ended":
                    organisations.end_pair(pair)
            for name in world.disabled:
                Tenant.objects.filter(pk=stage.tenants[name].pk).update(disabled_at=BEGUN)
            for name, phase in world.profiles.items():
                PartnerProfile.objects.filter(tenant=stage.tenants[name]).update(
                    approved_at=None if phase == "unapproved" else BEGUN,
                    disabled_at=BEGUN if phase == "disabled" else None,
                )
        yield pairs
        transaction.set_rollback(True)


def _play_person(stage: Stage, name: str, state: PersonState) -> None:
    user, home = stage.people[name], PEOPLE[name]
    for kind in state.groups:
        Membership.objects.create(group_id=stage.groups[home, kind].pk, user=user, since=BEGUN)
    for role_name, until in state.roles.items():
        role = catalogue.roles_by_name()[role_name]
        row = RoleAssignment.objects.create(tenant=user.tenant, user=user, role_id=role.id, started_at=BEGUN)
        access.grant(
            user.tenant,
            user.own_group.pk,
            role.codename,
            kind=PathKind.EXPLICIT,
            source=f"role:{row.pk}",
            until=UNTIL[until],
        )
    User.objects.filter(pk=user.pk).update(
        blocked_at=BEGUN if state.is_blocked else None,
        activated_at=BEGUN if state.is_activated else None,
        kind=User.Kind.GUEST if state.is_guest else User.Kind.MEMBER,
    )


def _play_pair(stage: Stage, names: tuple[str, str], state: PairState) -> Pair:
    """Still in force, so that Azure roles can be given; who ends it does so afterwards."""
    partner, customer = (stage.tenants[name] for name in names)
    pair = organisations.lock_pair(partner, customer)
    if state.phase == "never":
        return pair
    organisations.start_pair(pair)
    if state.working is not None:
        access.revoke_pair(pair)
        access.grant_pair(pair, [stage.groups[names[0], kind].pk for kind in state.working], source="limit")
    PairGrant.objects.filter(content_object=pair).update(until=UNTIL[state.working_until])
    if state.dap != "none":
        grant = DapGrant.objects.create(
            pair=pair, partner=partner, customer=customer, started_at=BEGUN, granted_by=stage.founders[names[1]]
        )
        index_dap(pair, grant.source)
        if state.dap == "ended":
            DapGrant.objects.filter(pk=grant.pk).update(ended_at=NOW)
            access.revoke_source(grant.source)
        TenantGrant.objects.filter(source=grant.source).update(until=UNTIL.get(state.dap))
    if state.gdap:
        _play_gdap(stage, names, pair, state)
    return pair


def _play_gdap(stage: Stage, names: tuple[str, str], pair: Pair, state: PairState) -> None:
    """An approved relationship, as the rows and paths that its approval leaves."""
    by = stage.founders[names[1]]
    row = GdapRelationship.objects.create(
        partner=pair.partner,
        display_name="Support",
        name_key=f"support {names[1]}",
        duration_days=31,
        created_at=BEGUN,
        created_by=by,
    )
    roles = sorted({role for held in state.gdap.values() for role in held})
    GdapRole.objects.bulk_create(GdapRole(relationship=row, role_id=factories.role(name)) for name in roles)
    row.locked_at, row.locked_by, row.lapses_at = BEGUN, by, NOW + timedelta(days=60)
    row.customer, row.pair, row.granted_days = pair.customer, pair, 31
    row.approved_at, row.approved_by, row.activated_at = BEGUN, by, BEGUN
    ends = {"past": UNTIL["past"], "now": NOW}
    row.ends_at = ends.get(state.gdap_phase, NOW + INSTANT)
    for status in ("approvalPending", "approved", "activating", "active"):
        row.status = status
        row.auto_extend = status == "active" and state.gdap_phase == "extending"
        if status == "activating":
            row.roles.update(is_granted=True)
        row.save()
    made = [
        GdapAssignment.objects.create(
            relationship=row,
            group=stage.groups[names[0], kind],
            group_name=kind,
            role_ids=[factories.role(name) for name in held],
            state="active",
            created_at=BEGUN,
            created_by=by,
        )
        for kind, held in state.gdap.items()
    ]
    index_assignments(row, made)
    if state.gdap_phase == "terminated":
        end_active(row, by, GdapRelationship.EndReason.ENDED_BY_PARTNER)


def _play_azure(stage: Stage, pairs: dict[tuple[str, str], Pair], state: AzureState) -> None:
    tenant, scope = stage.tenants[state.tenant], stage.scopes[state.tenant, state.scope]
    role = catalogue.azure_roles_by_name()[state.role]
    pair = pairs.get((state.home, state.tenant))
    if state.scope == "root":
        _play_elevation(stage, tenant, scope, role, state)
        return
    home, _colon, kind = state.principal.partition(":")
    group = stage.groups[home, kind] if kind else stage.people[state.principal].own_group
    word = "group" if kind else "user"
    row = AzureAssignment.objects.create(
        tenant=tenant,
        subscription_id=scope.lineage[1],
        scope=scope,
        role_id=role.id,
        principal_type=f"foreign_{word}" if pair else word,
        principal=group,
        principal_name=group.name,
        pair=pair,
        started_at=BEGUN,
        created_by=stage.founders[state.tenant],
        until=UNTIL[state.until],
    )
    until, kind_of = UNTIL[state.until], PathKind.AZURE
    access.grant_scope(scope, group.pk, role.codename, kind=kind_of, source=row.source, until=until, pair=pair)


def _play_elevation(stage: Stage, tenant: Tenant, scope: Scope, role: Any, state: AzureState) -> None:
    person = stage.people[state.principal]
    until = UNTIL[state.until] or NOW + timedelta(hours=1)
    row = AzureElevation.objects.create(tenant=tenant, user=person, started_at=until - timedelta(hours=8), until=until)
    group, kind = person.own_group.pk, PathKind.ELEVATED
    access.grant_scope(scope, group, role.codename, kind=kind, source=row.source, until=until)


# ── random worlds: mostly working, so that every refusal has something that could have been allowed ──


def mostly(usual: str, *others: str) -> st.SearchStrategy[str]:
    """The usual value three times in four."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


rarely = st.sampled_from([False] * 11 + [True])
untils = mostly("none", "future", "now", "past")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world."""
    states = {name: draw(_people(home)) for name, home in PEOPLE.items()}
    pairs = {pair: draw(_pairs()) for pair in PAIRS}
    return World(
        disabled=frozenset(name for name in (*PARTNERS, *CUSTOMERS) if draw(rarely)),
        profiles={name: draw(mostly("approved", "unapproved", "disabled")) for name in PARTNERS},
        people=states,
        pairs=pairs,
        azure=_sound(draw(st.lists(_azure(), max_size=10)), pairs),
    )


@st.composite
def _people(draw: st.DrawFn, home: str) -> PersonState:
    is_guest = draw(rarely)
    of = (
        () if is_guest else GROUPS if home in PARTNERS else ("custom",)
    )  # a group that works for customers has no guests
    groups = draw(st.sets(st.sampled_from(of), max_size=3)) if of else set()
    roles = draw(st.dictionaries(st.sampled_from(ROLES), untils, max_size=3))
    return PersonState(draw(rarely), not draw(rarely), frozenset(groups), roles, is_guest)


@st.composite
def _pairs(draw: st.DrawFn) -> PairState:
    limit = draw(st.none() | st.sets(st.sampled_from(GROUPS), min_size=1, max_size=2).map(frozenset))
    phase = draw(mostly("in force", "never", "ended"))
    dap = draw(mostly("active", "none", "ended", "future", "now", "past"))
    granular = st.sets(st.sampled_from(GRANULAR), min_size=1, max_size=3).map(frozenset)
    gdap = draw(st.dictionaries(st.sampled_from(GROUPS), granular, max_size=2))
    gdap_phase = draw(mostly("active", "extending", "past", "now", "terminated"))
    return PairState(phase, dap, limit, draw(untils), gdap, gdap_phase)


@st.composite
def _azure(draw: st.DrawFn) -> AzureState:
    tenant = draw(st.sampled_from(CUSTOMERS))
    scope = draw(st.sampled_from(sorted(SCOPES)))
    if scope == "root":
        own = sorted(name for name, home in PEOPLE.items() if home == tenant)
        return AzureState(tenant, scope, ELEVATED, draw(st.sampled_from(own)), draw(untils))
    homes = [tenant, *(partner for partner, customer in PAIRS if customer == tenant)]
    groups = [f"{home}:{kind}" for home in homes for kind in GROUPS if home in PARTNERS or kind == "custom"]
    persons = [name for name, home in PEOPLE.items() if home in homes]
    principal = draw(st.sampled_from(sorted(persons)) | st.sampled_from(sorted(groups)))
    return AzureState(tenant, scope, draw(st.sampled_from(AZURE_ROLES)), principal, draw(untils))


def _sound(drawn: list[AzureState], pairs: dict[tuple[str, str], PairState]) -> tuple[AzureState, ...]:
    """Without what the database refuses: the same twice, nothing ever between the two, an elevation on top of one."""
    found: dict[tuple[str, ...], AzureState] = {}
    for state in drawn:
        key = (state.tenant, state.scope, state.role, state.principal)
        pair = pairs.get((state.home, state.tenant))
        if state.home == state.tenant or (pair is not None and pair.phase != "never"):
            found.setdefault(key, state)
    return tuple(found.values())


#: Everything works, DAP too, and GDAP gives less than DAP would: seldom drawn, always asked.
GRANULAR_GROUPS = {"0": ("admin_agents", "custom"), "1": ("custom",), "2": ("admin_agents",)}
GRANULAR_WORLD = World(
    disabled=frozenset(),
    profiles=dict.fromkeys(PARTNERS, "approved"),
    people={
        name: PersonState(False, True, frozenset(GRANULAR_GROUPS[name[-1]] if home in PARTNERS else ()), {})
        for name, home in PEOPLE.items()
    },
    pairs={
        pair: PairState(
            "in force", "active", None, "none", {"custom": frozenset({"Directory Readers"})},
            dict(zip(PAIRS, ("active", "extending", "past", "terminated"), strict=True))[pair],
        )
        for pair in PAIRS
    },
)  # fmt: skip
GRANULAR_ASKED = {"users.view", "users.create", "account.view", "service_requests.manage"}
