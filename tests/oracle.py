"""Who may do what, by the documents alone: written from DOMAIN §1, §2, §4, §5, §6, §8, §14 and the two csv tables.

Plain values; it knows nothing of `portal.access`, of its catalogue, of guardian's rows or of SQL, and imports none.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

DATA = Path(__file__).parents[1] / "portal" / "data"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
UNTIL = {"none": None, "future": NOW + INSTANT, "now": NOW, "past": NOW - timedelta(days=1)}
#: When questions are asked: just before the end that is called *now*, at it, and at the one called *future*.
TIMES = (NOW - INSTANT, NOW, NOW + INSTANT)

PARTNERS, CUSTOMERS = ("fabrikam", "litware"), ("contoso", "woodgrove")
#: The last one: a partner that is itself a customer, because what is delegated is not transitive (DOMAIN §5).
PAIRS = (("fabrikam", "contoso"), ("litware", "contoso"), ("fabrikam", "woodgrove"), ("litware", "fabrikam"))
PEOPLE = {f"{home}-{number}": home for home in (*PARTNERS, *CUSTOMERS) for number in range(3)}
AGENTS = ("admin_agents", "helpdesk_agents", "sales_agents")
GROUPS = (*AGENTS, "custom")
#: A tenant's Azure scopes and what is above each.
SCOPES = {"root": None, "first": "root", "second": "root", "group": "first", "resource": "group"}


@dataclass(frozen=True)
class PersonState:
    """One person; `roles` are explicit, each with its end."""

    is_blocked: bool
    is_activated: bool
    groups: frozenset[str]
    roles: dict[str, str]
    is_guest: bool = False


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
class AzureState:
    """One Azure role assignment, or an elevation (at the root, of a person)."""

    tenant: str
    scope: str
    role: str
    principal: str  # a person, or "<organisation>:<group>"
    until: str

    @property
    def home(self) -> str:
        """The organisation of the principal."""
        return PEOPLE.get(self.principal) or self.principal.partition(":")[0]


@dataclass(frozen=True)
class World:
    """Everything that decides."""

    disabled: frozenset[str]
    profiles: dict[str, str]  # approved, unapproved, disabled
    people: dict[str, PersonState]
    pairs: dict[tuple[str, str], PairState]
    azure: tuple[AzureState, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the tables."""

    is_partner_side: bool
    on_behalf: bool
    holders: frozenset[str] | None  # None: any role
    is_at_scope: bool = False


def _table() -> dict[str, Row]:
    """Both csv tables, *Account* (DOMAIN §5: any role there) and Azure's roles (DOMAIN §8)."""
    found = {"account.view": Row(False, True, None)}
    with open(DATA / "role_capabilities.csv", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            holders = frozenset(line["roles"].split(";"))
            found[line["capability"]] = Row(False, line["on_behalf"] == "yes", holders)
    columns = {
        "global_administrator": "Global Administrator",
        "admin_agent": "admin_agents",
        "sales_agent": "sales_agents",
        "helpdesk_agent": "helpdesk_agents",
    }
    with open(DATA / "partner_capabilities.csv", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            holders = frozenset(name for column, name in columns.items() if line[column] == "yes")
            if "User Administrators of the partner too" in line["meaning"]:
                holders |= {"User Administrator"}
            found[line["capability"]] = Row(True, False, holders)
    azure = {
        "azure.view": None,
        "azure.manage_resources": {"Owner", "Contributor"},
        "azure.manage_subscription": {"Owner"},
        "azure.assign_roles": {"Owner", "User Access Administrator", "Role Based Access Control Administrator"},
        "azure.service_requests": {"Owner", "Contributor", "Support Request Contributor"},
    }
    for name, roles in azure.items():
        found[name] = Row(False, True, frozenset(roles) if roles else None, is_at_scope=True)
    return found


TABLE = _table()


@dataclass
class Oracle:
    """The documents' answer at one moment."""

    world: World
    at: datetime = NOW

    def counts(self, until: str) -> bool:
        """An end counts for nothing from that instant (DOMAIN §14)."""
        end = UNTIL[until]
        return end is None or end > self.at

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
        if state.phase == "never" or not self.counts(state.working_until):
            return False
        return state.working is None or bool(state.working & self.world.people[person].groups)

    def own_holdings(self, person: str) -> set[str]:
        """Explicit roles and agent groups, in the home tenant."""
        state = self.world.people[person]
        roles = {role for role, until in state.roles.items() if self.counts(until)}
        return roles | (state.groups & set(AGENTS))

    def delegated_holdings(self, person: str, tenant: str) -> set[str]:
        """By DAP: AdminAgents → Global Administrator, HelpdeskAgents → Helpdesk Administrator (DOMAIN §3)."""
        pair = (PEOPLE[person], tenant)
        if not self.is_in_force(pair) or not self.works_for(person, pair):
            return set()
        granular = self.granular_holdings(person, pair)
        dap = self.world.pairs[pair].dap
        is_active = dap == "active" or (dap in UNTIL and dap != "none" and self.counts(dap))
        if granular or not is_active:
            return granular
        gives = {"admin_agents": "Global Administrator", "helpdesk_agents": "Helpdesk Administrator"}
        return {role for group, role in gives.items() if group in self.world.people[person].groups}

    def granular_holdings(self, person: str, pair: tuple[str, str]) -> set[str]:
        """By GDAP, the roles of every group with an assignment in force; where there is one, instead of DAP (§6)."""
        state = self.world.pairs[pair]
        ends = {"active": "future", "past": "past", "now": "now"}
        is_active = state.gdap_phase == "extending" or self.counts(ends.get(state.gdap_phase, "past"))
        if not is_active:
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
        return bool(held - set(GROUPS)) if row.holders is None else bool(held & row.holders)

    def may_for_customer(self, person: str, capability: str, pair: tuple[str, str]) -> bool:
        """For the partner, about one customer: agents only where their groups work for it."""
        if PEOPLE[person] != pair[0] or not self.may(person, capability, pair[0]):
            return False
        return self.works_for(person, pair) or self._by_role(person, capability)

    def _by_role(self, person: str, capability: str) -> bool:
        holders = TABLE[capability].holders or frozenset()
        return bool((self.own_holdings(person) - set(GROUPS)) & holders)

    # ── Azure (DOMAIN §4, §8): roles reach down, and a partner's stay after the relationship's end ──

    def azure_roles(self, person: str, tenant: str, scope: str) -> set[str]:
        """Azure roles that the person holds at this scope, from above too."""
        if not self.is_able(person) or tenant in self.world.disabled:
            return set()
        above: set[str] = set()
        place: str | None = scope
        while place is not None:
            above.add(place)
            place = SCOPES[place]
        return {
            state.role
            for state in self.world.azure
            if state.tenant == tenant and state.scope in above and self._reaches(state, person)
        }

    def _reaches(self, state: AzureState, person: str) -> bool:
        groups = {f"{PEOPLE[person]}:{group}" for group in self.world.people[person].groups}
        if not self.counts(state.until) or state.principal not in {person, *groups}:
            return False
        pair = (state.home, state.tenant)
        if state.home == state.tenant:
            return True
        return self.world.profiles[state.home] == "approved" and self.works_for(person, pair)

    def may_at(self, person: str, capability: str, tenant: str, scope: str) -> bool:
        """At an Azure scope."""
        held, holders = self.azure_roles(person, tenant, scope), TABLE[capability].holders
        return bool(held) if holders is None else bool(held & holders)

    # ── who learns that it exists ──

    def is_insider(self, person: str, tenant: str) -> bool:
        """Its own user, or one of a partner with a relationship in force (DOMAIN §1)."""
        return self.is_able(person) and (PEOPLE[person] == tenant or self.is_in_force((PEOPLE[person], tenant)))

    def answer(self, person: str, capability: str, place: object) -> str:
        """allowed, refused (403) or unknown (404): of a tenant, a pair, or a scope (`tenant`, `scope`, "at")."""
        if isinstance(place, str):
            is_allowed, home = self.may(person, capability, place), place
        elif isinstance(place, tuple) and len(place) == 3:
            tenant, scope, _at = place
            if self.may_at(person, capability, tenant, scope):
                return "allowed"
            is_known = self.is_insider(person, tenant) or bool(self.azure_roles(person, tenant, scope))
            return "refused" if is_known else "unknown"
        elif isinstance(place, tuple):
            is_partner_side = TABLE[capability].is_partner_side
            ask = self.may_for_customer if is_partner_side else lambda who, can, pair: self.may(who, can, pair[1])
            is_allowed, home = ask(person, capability, place), place[0 if is_partner_side else 1]
        else:
            raise TypeError(place)
        return "allowed" if is_allowed else "refused" if self.is_insider(person, home) else "unknown"
