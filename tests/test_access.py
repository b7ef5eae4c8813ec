"""List = detail = button = service = has_perm = what the documents say, for random grants and states (DOMAIN §14).

The oracle below is written from DOMAIN §1, §2, §4, §5, §6 and the two tables over plain values; it knows nothing of
`portal.access`, of guardian's rows or of SQL.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.http import Http404
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from delegation.models import DapGrant, GdapAssignment, GdapRelationship, GdapRole
from delegation.services.gdap_endings import end_active
from delegation.sources import index_assignments, index_dap
from portal import access, catalogue, clock, explain
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.models import (
    Membership,
    Pair,
    PairGrant,
    PartnerProfile,
    PathKind,
    RoleAssignment,
    SecurityGroup,
    Tenant,
    TenantGrant,
    User,
)
from portal.services import organisations, people
from portal.writes import write
from tests import factories

WORLDS = 8
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
UNTIL = {"none": None, "future": NOW + timedelta(microseconds=1), "now": NOW, "past": NOW - timedelta(days=1)}
PARTNERS, CUSTOMERS = ("fabrikam", "litware"), ("contoso", "woodgrove")
#: The last one: a partner that is itself a customer, because what is delegated is not transitive (DOMAIN §5).
PAIRS = (("fabrikam", "contoso"), ("litware", "contoso"), ("fabrikam", "woodgrove"), ("litware", "fabrikam"))
PEOPLE = {f"{home}-{number}": home for home in (*PARTNERS, *CUSTOMERS) for number in range(3)}
GROUPS = ("admin_agents", "helpdesk_agents", "sales_agents", "custom")
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
GRANULAR = ("Directory Readers", "Global Reader", "Helpdesk Administrator", "User Administrator", "Security Reader")


# ── a world, and what the documents say about it ──


@dataclass(frozen=True)
class PersonState:
    """One person; `roles` are explicit, each with its end."""

    is_blocked: bool
    is_activated: bool
    groups: frozenset[str]
    roles: dict[str, str]


@dataclass(frozen=True)
class PairState:
    """One partner and one customer; `working` are the groups that work for it (None: all), with the limit's end."""

    phase: str  # never, in force, ended
    dap: str  # none, active, ended, or active with an end: future, now, past
    working: frozenset[str] | None
    working_until: str
    gdap: dict[str, frozenset[str]]  # group → roles
    gdap_phase: str  # active, extending, past, now, terminated


@dataclass(frozen=True)
class World:
    """Everything that decides."""

    disabled: frozenset[str]
    profiles: dict[str, str]  # approved, unapproved, disabled
    people: dict[str, PersonState]
    pairs: dict[tuple[str, str], PairState]


def counts(until: str) -> bool:
    """An end counts for nothing from that instant (DOMAIN §14)."""
    return until in ("none", "future")


@dataclass(frozen=True)
class Row:
    """One line of the two tables."""

    is_partner_side: bool
    on_behalf: bool
    holders: frozenset[str] | None  # None: any role

    @staticmethod
    def all() -> dict[str, Row]:
        """Both tables, read anew, and *Account* (DOMAIN §5: any role there)."""
        folder = Path(catalogue.__file__).parent / "data"
        found = {"account.view": Row(False, True, None)}
        with open(folder / "role_capabilities.csv", encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                holders = frozenset(line["roles"].split(";"))
                found[line["capability"]] = Row(False, line["on_behalf"] == "yes", holders)
        columns = {
            "global_administrator": "Global Administrator",
            "admin_agent": "admin_agents",
            "sales_agent": "sales_agents",
            "helpdesk_agent": "helpdesk_agents",
        }
        with open(folder / "partner_capabilities.csv", encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                holders = frozenset(name for column, name in columns.items() if line[column] == "yes")
                if "User Administrators of the partner too" in line["meaning"]:
                    holders |= {"User Administrator"}
                found[line["capability"]] = Row(True, False, holders)
        return found


TABLE = Row.all()


@dataclass
class Oracle:
    """The documents' answer."""

    world: World

    def is_able(self, person: str) -> bool:
        """Disabled people and people of disabled tenants have nothing (DOMAIN §14)."""
        state = self.world.people[person]
        return state.is_activated and not state.is_blocked and PEOPLE[person] not in self.world.disabled

    def is_in_force(self, pair: tuple[str, str]) -> bool:
        """A relationship in force, with a partner that counts (DOMAIN §2)."""
        state = self.world.pairs.get(pair)
        return state is not None and state.phase == "in force" and self.world.profiles[pair[0]] == "approved"

    def works_for(self, person: str, pair: tuple[str, str]) -> bool:
        """All groups work for a customer unless limited (DOMAIN §2)."""
        state = self.world.pairs[pair]
        if state.phase == "never" or not counts(state.working_until):
            return False
        return state.working is None or bool(state.working & self.world.people[person].groups)

    def own_holdings(self, person: str) -> set[str]:
        """Explicit roles and agent groups, in the home tenant."""
        state = self.world.people[person]
        roles = {role for role, until in state.roles.items() if counts(until)}
        return roles | (state.groups - {"custom"} if PEOPLE[person] in PARTNERS else set())

    def delegated_holdings(self, person: str, tenant: str) -> set[str]:
        """By DAP: AdminAgents → Global Administrator, HelpdeskAgents → Helpdesk Administrator (DOMAIN §3)."""
        pair = (PEOPLE[person], tenant)
        if not self.is_in_force(pair) or not self.works_for(person, pair):
            return set()
        granular = self.granular_holdings(person, pair)
        if granular or self.world.pairs[pair].dap not in ("active", "future"):
            return granular
        gives = {"admin_agents": "Global Administrator", "helpdesk_agents": "Helpdesk Administrator"}
        return {role for group, role in gives.items() if group in self.world.people[person].groups}

    def granular_holdings(self, person: str, pair: tuple[str, str]) -> set[str]:
        """By GDAP, the roles of every group with an assignment in force; where there is one, instead of DAP (§6)."""
        state = self.world.pairs[pair]
        if state.gdap_phase not in ("active", "extending"):
            return set()
        mine = self.world.people[person].groups
        return {role for group, roles in state.gdap.items() if group in mine for role in roles}

    def may(self, person: str, capability: str, tenant: str) -> bool:
        """In a tenant, by a role of one's own or on behalf."""
        row = TABLE[capability]
        if not self.is_able(person) or tenant in self.world.disabled:
            return False
        held = self.own_holdings(person) if PEOPLE[person] == tenant else set()
        if row.on_behalf:
            held |= self.delegated_holdings(person, tenant)
        agents = set(GROUPS)
        return bool(held - agents) if row.holders is None else bool(held & row.holders)

    def may_for_customer(self, person: str, capability: str, pair: tuple[str, str]) -> bool:
        """For the partner, about one customer: agents only where their groups work for it."""
        if PEOPLE[person] != pair[0] or not self.may(person, capability, pair[0]):
            return False
        return self.works_for(person, pair) or self._by_role(person, capability)

    def _by_role(self, person: str, capability: str) -> bool:
        holders = TABLE[capability].holders or frozenset()
        return bool((self.own_holdings(person) - set(GROUPS)) & holders)

    def is_insider(self, person: str, tenant: str) -> bool:
        """Its own user, or one of a partner with a relationship in force (DOMAIN §1)."""
        return self.is_able(person) and (PEOPLE[person] == tenant or self.is_in_force((PEOPLE[person], tenant)))


# ── the world in the database ──


@dataclass
class Stage:
    """The organisations and people that every world is played with."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    groups: dict[tuple[str, str], SecurityGroup] = field(default_factory=dict)


@pytest.fixture
def stage(db: None) -> Stage:
    """Without any role, group or relationship but each founder's; founders don't play."""
    built = Stage()
    for name in PARTNERS:
        built.tenants[name], _founder = factories.partner(name.capitalize(), domain=f"{name}.example")
    for name in CUSTOMERS:
        built.tenants[name], _founder = factories.tenant(name.capitalize(), domain=f"{name}.example")
    for name, home in PEOPLE.items():
        built.people[name] = factories.person(built.tenants[home], name, domain=f"{home}.example")
    for home in PARTNERS:
        with write():
            people.create_group(built.tenants[home], SecurityGroup.Kind.CUSTOM, "Custom")
        for group in SecurityGroup.objects.filter(tenant=built.tenants[home], kind__in=GROUPS):
            built.groups[home, group.kind] = group
    return built


@contextmanager
def played(stage: Stage, world: World) -> Iterator[dict[tuple[str, str], Pair]]:
    """The world as rows, for the time of the `with`."""
    with clock.fixed(NOW), transaction.atomic():
        with write():
            pairs = {pair: _play_pair(stage, pair, state) for pair, state in world.pairs.items()}
            for name, state in world.people.items():
                _play_person(stage, name, state)
            for name in world.disabled:
                Tenant.objects.filter(pk=stage.tenants[name].pk).update(disabled_at=NOW)
            for name, phase in world.profiles.items():
                PartnerProfile.objects.filter(tenant=stage.tenants[name]).update(
                    approved_at=None if phase == "unapproved" else NOW,
                    disabled_at=NOW if phase == "disabled" else None,
                )
        yield pairs
        transaction.set_rollback(True)


def _play_person(stage: Stage, name: str, state: PersonState) -> None:
    user, home = stage.people[name], PEOPLE[name]
    for kind in state.groups:
        Membership.objects.create(group_id=stage.groups[home, kind].pk, user=user, since=NOW)
    for role_name, until in state.roles.items():
        role = catalogue.roles_by_name()[role_name]
        row = RoleAssignment.objects.create(tenant=user.tenant, user=user, role_id=role.id, started_at=NOW)
        access.grant(
            user.tenant,
            user.own_group.pk,
            role.codename,
            kind=PathKind.EXPLICIT,
            source=f"role:{row.pk}",
            until=UNTIL[until],
        )
    User.objects.filter(pk=user.pk).update(
        blocked_at=NOW if state.is_blocked else None, activated_at=NOW if state.is_activated else None
    )


def _play_pair(stage: Stage, names: tuple[str, str], state: PairState) -> Pair:
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
            pair=pair, partner=partner, customer=customer, started_at=NOW, granted_by=stage.people["contoso-0"]
        )
        index_dap(pair, grant.source)
        if state.dap == "ended":
            DapGrant.objects.filter(pk=grant.pk).update(ended_at=NOW)
            access.revoke_source(grant.source)
        TenantGrant.objects.filter(source=grant.source).update(until=UNTIL.get(state.dap))
    if state.gdap:
        _play_gdap(stage, names, pair, state)
    if state.phase == "ended":
        organisations.end_pair(pair)
    return pair


def _play_gdap(stage: Stage, names: tuple[str, str], pair: Pair, state: PairState) -> None:
    """An approved relationship, as the rows and paths that its approval leaves."""
    by = stage.people[f"{names[1]}-0"]
    begun = NOW - timedelta(days=30)
    row = GdapRelationship.objects.create(
        partner=pair.partner,
        display_name="Support",
        name_key=f"support {names[1]}",
        duration_days=31,
        created_at=begun,
        created_by=by,
    )
    roles = sorted({role for held in state.gdap.values() for role in held})
    GdapRole.objects.bulk_create(GdapRole(relationship=row, role_id=factories.role(name)) for name in roles)
    row.locked_at, row.locked_by, row.lapses_at = begun, by, NOW + timedelta(days=60)
    row.customer, row.pair, row.granted_days = pair.customer, pair, 31
    row.approved_at, row.approved_by, row.activated_at = begun, by, begun
    ends = {"past": NOW - timedelta(seconds=1), "now": NOW}
    row.ends_at = ends.get(state.gdap_phase, NOW + timedelta(microseconds=1))
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
            created_at=NOW,
            created_by=by,
        )
        for kind, held in state.gdap.items()
    ]
    index_assignments(row, made)
    if state.gdap_phase == "terminated":
        end_active(row, by, GdapRelationship.EndReason.ENDED_BY_PARTNER)


# ── random worlds: mostly working, so that every refusal has something that could have been allowed ──


def mostly(usual: str, *others: str) -> st.SearchStrategy[str]:
    """The usual value three times in four."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


rarely = st.sampled_from([True] + [False] * 11)
untils = mostly("none", "future", "now", "past")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world."""
    states = {}
    for name, home in PEOPLE.items():
        groups = draw(st.sets(st.sampled_from(GROUPS), max_size=3)) if home in PARTNERS else set()
        roles = draw(st.dictionaries(st.sampled_from(ROLES), untils, max_size=3))
        states[name] = PersonState(draw(rarely), not draw(rarely), frozenset(groups), roles)
    pairs = {}
    for pair in PAIRS:
        limit = draw(st.none() | st.sets(st.sampled_from(GROUPS), min_size=1, max_size=2).map(frozenset))
        phase = draw(mostly("in force", "never", "ended"))
        dap = draw(mostly("active", "none", "ended", "future", "now", "past"))
        # Never full control: what lasts may not hold it, and DAP gives it already.
        granular = st.sets(st.sampled_from(GRANULAR), min_size=1, max_size=3).map(frozenset)
        gdap = draw(st.dictionaries(st.sampled_from(GROUPS), granular, max_size=2))
        gdap_phase = draw(mostly("active", "extending", "past", "now", "terminated"))
        pairs[pair] = PairState(phase, dap, limit, draw(untils), gdap, gdap_phase)
    return World(
        disabled=frozenset(name for name in (*PARTNERS, *CUSTOMERS) if draw(rarely)),
        profiles={name: draw(mostly("approved", "unapproved", "disabled")) for name in PARTNERS},
        people=states,
        pairs=pairs,
    )


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

ON_TENANTS = sorted(can for can in Can if not catalogue.rules()[can].is_scope_side)  # scopes: tests/test_scopes.py
capabilities = st.sets(st.sampled_from(ON_TENANTS), min_size=4, max_size=5)


@dataclass
class Tally:
    """How much was asked, and how often the answer was yes."""

    worlds: int = 0
    questions: int = 0
    allowed: int = 0


@dataclass
class Surfaces:
    """Every place that answers, for one person in one world; what a page asks once is asked once."""

    user: User
    held: dict[object, access.Rights] = field(default_factory=dict)
    listed: dict[object, set[object]] = field(default_factory=dict)

    def answers(self, capability: Can, obj: Tenant | Pair) -> dict[str, str]:
        """The same question to all of them: allowed, refused (403) or unknown (404)."""
        user, model = self.user, type(obj)
        decision = access.decide(user, capability, obj)
        plain = "allowed" if decision.allowed else "refused" if decision.is_insider else "unknown"
        rights = self._rights(obj, is_partner_side=catalogue.rules()[capability].is_partner_side)
        return {
            "decision": plain,
            "list": "allowed" if obj.pk in self._list(model, capability) else plain.replace("allowed", "not listed"),
            "detail": _outcome(lambda: access.get_or_404(model._default_manager, user, capability, pk=obj.pk)),
            "button": "allowed" if rights.allows(capability) else "refused" if rights.is_insider else "unknown",
            "why": "refused" if plain == "refused" and explain.missing(rights, capability) else plain,
            "service": _outcome(lambda: access.require(user, capability, obj)),
            "has_perm": "allowed" if user.has_perm(capability, obj) else plain.replace("allowed", "no permission"),
        }

    def _rights(self, obj: Tenant | Pair, *, is_partner_side: bool) -> access.Rights:
        """What the buttons of a page about this object ask."""
        key = obj if isinstance(obj, Tenant) or is_partner_side else obj.customer
        if key not in self.held:
            ask = access.partner_rights if isinstance(key, Pair) else access.rights
            self.held[key] = ask(self.user, key)  # type: ignore[operator]
        return self.held[key]

    def _list(self, model: type[Tenant | Pair], capability: Can) -> set[object]:
        if (model, capability) not in self.listed:
            rows = access.allowing(model._default_manager.all(), self.user, capability)
            self.listed[model, capability] = set(rows.values_list("pk", flat=True))
        return self.listed[model, capability]


def _outcome(ask: object) -> str:
    try:
        ask()  # type: ignore[operator]
    except PermissionDenied:
        return "refused"
    except Http404:
        return "unknown"
    return "allowed"


def test_every_surface_gives_the_documents_answer(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()

    @settings(
        max_examples=WORLDS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
    )
    @given(world=worlds(), asked=capabilities)
    @example(world=GRANULAR_WORLD, asked=GRANULAR_ASKED)
    def check(world: World, asked: set[str]) -> None:
        tally.worlds += 1
        with played(stage, world) as pairs:
            for person in PEOPLE:
                surfaces = Surfaces(User.objects.get(pk=stage.people[person].pk))
                for capability in sorted(asked):
                    for place, obj in [*stage.tenants.items(), *pairs.items()]:
                        is_allowed = compare(Oracle(world), surfaces, person, Can(capability), place, obj)
                        tally.questions += 1
                        tally.allowed += is_allowed

    check()
    with capsys.disabled():
        print(f"\n{tally.questions} questions in {tally.worlds} worlds, {tally.allowed} allowed")  # noqa: T201 - wanted
    assert tally.questions > 300 * WORLDS
    assert tally.questions // 30 < tally.allowed < tally.questions // 2


def compare(
    oracle: Oracle, surfaces: Surfaces, person: str, capability: Can, place: str | tuple[str, str], obj: Tenant | Pair
) -> bool:
    """Ask everywhere and the documents; whether they all say yes."""
    if isinstance(place, str):
        may, home = oracle.may(person, capability, place), place
    elif TABLE[capability].is_partner_side:
        may, home = oracle.may_for_customer(person, capability, place), place[0]
    else:
        may, home = oracle.may(person, capability, place[1]), place[1]
    expected = "allowed" if may else "refused" if oracle.is_insider(person, home) else "unknown"
    found = surfaces.answers(capability, obj)
    assert set(found.values()) == {expected}, (person, str(capability), place, expected, found)
    return may


def test_nobody_unknown_is_allowed_anything(stage: Stage) -> None:
    """An unsaved user and the operator: no tenant, no right; everything could be seen by someone."""
    operator = User.objects.create(
        sign_in_name="operator@portal.example",
        display_name="Operator",
        contact_address="operator@portal.example",
        created_at=NOW,
        activated_at=NOW,
    )
    for user in (operator, User()):
        for capability in Can:
            for tenant in stage.tenants.values():
                assert not access.decide(user, capability, tenant).allowed
                assert not access.allowing(Tenant.objects.all(), user, capability).exists()


def test_an_unknown_capability_is_an_error_and_not_a_silent_no(stage: Stage) -> None:
    with pytest.raises(ValueError, match="users\\.veiw"):
        stage.people["contoso-0"].has_perm("users.veiw", stage.tenants["contoso"])
