"""List = detail = button = service = has_perm = what the documents say, at random scopes (DOMAIN §8, §14).

The oracle is written from DOMAIN §8 over plain values; the worlds around it (people, groups, DAP, GDAP, relationships)
are those of `tests/test_access.py`: nothing of DAP or GDAP may count at a scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pgtrigger
import pytest
from django.http import Http404
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from delegation.models import AzureAssignment, AzureElevation, AzureSubscription
from delegation.services import azure_assignments
from portal import access
from portal.catalogue import Capability as Can
from portal.catalogue import azure_roles_by_name
from portal.errors import PermissionDenied
from portal.models import Membership, Pair, PathKind, Scope, SecurityGroup, Tenant, User
from portal.services import people
from portal.writes import write
from tests.test_access import (
    GROUPS,
    NOW,
    PEOPLE,
    UNTIL,
    Oracle,
    Stage,
    World,
    counts,
    mostly,
    played,
    worlds,
)
from tests.test_access import (
    stage as stage,  # a fixture
)

WORLDS = 8
#: tenant → scope → its parent; a subscription's is the root.
TREES = {
    "contoso": {"a": "", "a/web": "a", "a/web/vm": "a/web", "a/data": "a", "b": "", "b/web": "b", "b/web/vm": "b/web"},
    "woodgrove": {"a": "", "a/web": "a", "a/web/vm": "a/web"},
    "fabrikam": {"a": "", "a/web": "a"},
}
PLACES = [(tenant, scope) for tenant, tree in TREES.items() for scope in tree]
#: DOMAIN §8, *What a role allows in the portal*; None: any role.
ALLOWS: dict[str, set[str] | None] = {
    "azure.view": None,
    "azure.manage_resources": {"Owner", "Contributor"},
    "azure.manage_subscription": {"Owner"},
    "azure.assign_roles": {"Owner", "User Access Administrator", "Role Based Access Control Administrator"},
    "azure.service_requests": {"Owner", "Contributor", "Support Request Contributor"},
}
ROLES = (
    *("Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator"),
    *("Support Request Contributor", "Reader", "Virtual Machine Contributor", "Billing Reader"),
)
#: Of customers' own groups, who is in them.
OPERATORS = {"contoso": ("contoso-0", "contoso-1"), "woodgrove": ("woodgrove-0",)}


@dataclass(frozen=True)
class Given:
    """One role assignment: to a person, or to a group as `home:kind`."""

    to: str
    role: str
    tenant: str
    scope: str
    until: str
    life: str  # in force, ended, identity gone


@dataclass(frozen=True)
class AzureWorld:
    """The world around, the assignments in it, and who is elevated until when."""

    around: World
    given: tuple[Given, ...]
    elevated: dict[str, str]


@dataclass
class AzureOracle:
    """What DOMAIN §8 says."""

    world: AzureWorld

    @property
    def around(self) -> Oracle:
        """The documents about everything else."""
        return Oracle(self.world.around)

    def roles(self, person: str, tenant: str, scope: str) -> set[str]:
        """By assignments here or above, directly or by a group; inherited downwards."""
        if not self.around.is_able(person) or tenant in self.world.around.disabled:
            return set()
        held = {
            one.role
            for one in self.world.given
            if one.tenant == tenant
            and (scope == one.scope or scope.startswith(one.scope + "/"))
            and one.life == "in force"
            and counts(one.until)
            and self.is_meant(person, one.to)
            and (PEOPLE[person] == tenant or self.counts_outside(person, tenant))
        }
        if PEOPLE[person] == tenant and counts(self.world.elevated.get(person, "past")):
            held.add("User Access Administrator")
        return held

    def is_meant(self, person: str, to: str) -> bool:
        """The person, or a group that the person is in now."""
        home, _colon, kind = to.partition(":")
        if not kind:
            return person == to
        members = OPERATORS.get(home)
        return (
            person in members if members else home == PEOPLE[person] and kind in self.world.around.people[person].groups
        )

    def counts_outside(self, person: str, tenant: str) -> bool:
        """Also after the relationship's end; the partner must count and the group work for the customer (§2, §4)."""
        pair = (PEOPLE[person], tenant)
        state = self.world.around.pairs.get(pair)
        if state is None or state.phase == "never" or self.world.around.profiles[pair[0]] != "approved":
            return False
        return self.around.works_for(person, pair)

    def answer(self, person: str, capability: str, tenant: str, scope: str) -> str:
        """A stranger to tenant and scope learns nothing."""
        roles, wanted = self.roles(person, tenant, scope), ALLOWS[capability]
        if roles if wanted is None else roles & wanted:
            return "allowed"
        return "refused" if roles or self.around.is_insider(person, tenant) else "unknown"


# ── the same as rows ──


@dataclass
class Azure:
    """Scopes, and the customers' own groups."""

    scopes: dict[tuple[str, str], Scope] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)


@pytest.fixture
def azure(stage: Stage) -> Azure:
    """Every tenant's tree, and a group in each customer."""
    made = Azure(groups={f"{home}:{kind}": group for (home, kind), group in stage.groups.items()})
    for name, tree in TREES.items():
        tenant = stage.tenants[name]
        made.scopes[name, ""] = Scope.objects.create(tenant=tenant, kind="root", name="/", lineage=[], created_at=NOW)
        for place, above in tree.items():
            kind = ("subscription", "resource_group", "resource")[place.count("/")]
            scope = Scope(tenant=tenant, kind=kind, name=place, parent=made.scopes[name, above], created_at=NOW)
            scope.lineage = [*scope.parent.lineage, scope.pk] if scope.parent.lineage else []
            scope.save(force_insert=True)
            made.scopes[name, place] = Scope.objects.get(pk=scope.pk)
            if kind == "subscription":
                by = stage.people[f"{name}-0"]
                AzureSubscription.objects.create(scope=scope, tenant=tenant, offer="Azure plan", created_by=by)
    for home, members in OPERATORS.items():
        with write():
            made.groups[f"{home}:custom"] = people.create_group(
                stage.tenants[home], SecurityGroup.Kind.CUSTOM, "Operators"
            )
        for member in members:
            group = made.groups[f"{home}:custom"]
            Membership.objects.create(group_id=group.pk, user=stage.people[member], since=NOW)
    return made


@contextmanager
def played_azure(stage: Stage, azure: Azure, world: AzureWorld) -> Iterator[None]:
    """The world as rows; its past is written as it is, though nobody could begin it now."""
    with played(stage, world.around) as pairs, pgtrigger.ignore("delegation.AzureAssignment:belongs_together"):
        for one in world.given:
            _assign(stage, azure, pairs, one)
        for person, until in world.elevated.items():
            _elevate(stage, azure, person, until)
        yield


def _assign(stage: Stage, azure: Azure, pairs: dict[tuple[str, str], Pair], one: Given) -> None:
    group = azure.groups[one.to] if ":" in one.to else stage.people[one.to].own_group
    home, scope = one.to.partition(":")[0], azure.scopes[one.tenant, one.scope]
    home = PEOPLE.get(home, home)
    pair = pairs[home, one.tenant] if home != one.tenant else None
    role = azure_roles_by_name()[one.role]
    row = AzureAssignment.objects.create(
        tenant=stage.tenants[one.tenant],
        subscription_id=scope.lineage[1],
        scope=scope,
        role_id=role.id,
        principal=group,
        principal_type=azure_assignments._type(group, pair),
        pair=pair,
        started_at=NOW - timedelta(days=30),
        until=UNTIL[one.until],
    )
    access.grant_scope(
        scope, group.pk, role.codename, kind=PathKind.AZURE, source=row.source, until=row.until, pair=pair
    )
    if one.life == "ended":
        AzureAssignment.objects.filter(pk=row.pk).update(ended_at=NOW, end_reason="scope_deleted")
        access.revoke_scope_sources([row.source])
    elif one.life == "identity gone":
        access.revoke_scope_sources([row.source])


def _elevate(stage: Stage, azure: Azure, person: str, until: str) -> None:
    user, end = stage.people[person], UNTIL[until]
    assert end is not None
    row = AzureElevation.objects.create(tenant=user.tenant, user=user, started_at=end - timedelta(hours=8), until=end)
    role = azure_roles_by_name()["User Access Administrator"]
    root = azure.scopes[PEOPLE[person], ""]
    access.grant_scope(root, user.own_group.pk, role.codename, kind=PathKind.ELEVATED, source=row.source, until=end)


# ── random worlds ──


@st.composite
def azure_worlds(draw: st.DrawFn) -> AzureWorld:
    """Any world around, some assignments, some elevations."""
    around = draw(worlds())
    given_ = {}
    for _number in range(draw(st.integers(20, 30))):
        tenant, scope = draw(st.sampled_from(PLACES))
        partners = [partner for partner, customer in around.pairs if customer == tenant]
        groups = [f"{partner}:{kind}" for partner in partners for kind in GROUPS]
        own = [name for name, home in PEOPLE.items() if home in (tenant, *partners)]
        own += [f"{tenant}:custom"] if tenant in OPERATORS else []
        to = draw(st.sampled_from(groups) if groups and draw(st.booleans()) else st.sampled_from(own))
        role = draw(st.sampled_from(ROLES))
        life = draw(mostly("in force", "ended", "identity gone"))
        until = draw(mostly("none", "future", "now", "past"))
        given_[to, role, tenant, scope] = Given(to, role, tenant, scope, until, life)
    elevated = st.dictionaries(
        st.sampled_from([name for name, home in PEOPLE.items() if home in TREES]),
        mostly("future", "now", "past"),
        max_size=4,
    )
    return AzureWorld(around, tuple(given_.values()), draw(elevated))


asked_places = st.lists(st.sampled_from(PLACES), min_size=6, max_size=6, unique=True)


@dataclass
class Surfaces:
    """Every place that answers, for one person; what a page asks once is asked once."""

    user: User
    held: dict[Tenant, access.ScopeRights] = field(default_factory=dict)
    listed: dict[Can, set[object]] = field(default_factory=dict)

    def answers(self, capability: Can, scope: Scope) -> dict[str, str]:
        """The same question to all of them."""
        user, tenant = self.user, scope.tenant
        if tenant not in self.held:
            self.held[tenant] = access.scope_rights(user, tenant)
        if capability not in self.listed:
            rows = access.allowing(Scope.objects.all(), user, capability)
            self.listed[capability] = set(rows.values_list("pk", flat=True))
        decision, rights = access.decide(user, capability, scope), self.held[tenant].at(scope)
        plain = "allowed" if decision.allowed else "refused" if decision.is_insider else "unknown"
        return {
            "decision": plain,
            "list": "allowed" if scope.pk in self.listed[capability] else plain.replace("allowed", "not listed"),
            "detail": _outcome(lambda: access.get_or_404(Scope.objects, user, capability, pk=scope.pk)),
            "button": "allowed" if rights.allows(capability) else "refused" if rights.is_insider else "unknown",
            "service": _outcome(lambda: access.require(user, capability, scope)),
            "has_perm": "allowed" if user.has_perm(capability, scope) else plain.replace("allowed", "no permission"),
        }


def _outcome(ask: object) -> str:
    try:
        ask()  # type: ignore[operator]
    except PermissionDenied:
        return "refused"
    except Http404:
        return "unknown"
    return "allowed"


def test_every_surface_gives_the_documents_answer_at_a_scope(
    stage: Stage,
    azure: Azure,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = {"questions": 0, "allowed": 0, "refused": 0, "unknown": 0}

    @settings(
        max_examples=WORLDS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
    )
    @given(world=azure_worlds(), places=asked_places)
    def check(world: AzureWorld, places: list[tuple[str, str]]) -> None:
        oracle = AzureOracle(world)
        with played_azure(stage, azure, world):
            for person in PEOPLE:
                surfaces = Surfaces(User.objects.get(pk=stage.people[person].pk))
                for place in places:
                    for capability in ALLOWS:
                        expected = oracle.answer(person, capability, *place)
                        found = surfaces.answers(Can(capability), azure.scopes[place])
                        assert set(found.values()) == {expected}, (person, capability, place, expected, found)
                        tally["questions"] += 1
                        tally[expected] += 1

    check()
    with capsys.disabled():
        print(f"\nat scopes: {tally} in {WORLDS} worlds")  # noqa: T201 - wanted
    assert tally["questions"] == WORLDS * len(PEOPLE) * 6 * len(ALLOWS)
    assert min(tally[answer] for answer in ("allowed", "refused", "unknown")) > tally["questions"] // 50


def test_nobody_unknown_is_allowed_anything_at_a_scope(azure: Azure) -> None:
    for capability in ALLOWS:
        for scope in azure.scopes.values():
            assert not access.decide(User(), Can(capability), scope).allowed
        assert not access.allowing(Scope.objects.all(), User(), Can(capability)).exists()
