"""*Who has access* says what `portal.access` decides for each person, in any state (DOMAIN §14)."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from delegation import our_access, outside
from delegation.outside import Without
from portal import access, catalogue, clock
from portal.models import Pair, PathKind, Scope, Tenant, User
from portal.writes import write
from tests.test_access import GRANULAR_WORLD, NOW, PAIRS, PEOPLE, UNTIL, Stage, World, played, worlds
from tests.test_access import stage as stage  # the fixture

ROLES = ("Owner", "Reader", "Virtual Machine Contributor")
#: OUTSIDE_WORLDS asks in more of them.
WORLDS = int(os.environ.get("OUTSIDE_WORLDS", "12"))
#: Accounts in a customer's tenant that are not its own people's.
GUEST, MADE = "contoso-1", "woodgrove-1"
HOLDERS = ("admin_agents", "custom", "fabrikam-0", "litware-1", GUEST, "contoso-0")

azure = st.lists(
    st.tuples(
        st.sampled_from(HOLDERS),
        st.sampled_from(ROLES),
        st.integers(0, 3),
        st.sampled_from(PAIRS),
        st.sampled_from([*UNTIL]),
    ),
    max_size=8,
)

#: Everybody who can hold an Azure role holds one.
EVERYWHERE = [(holder, role, 1, pair, "none") for holder in HOLDERS for role in ROLES[:2] for pair in PAIRS[:3]]


def tree(tenant: Tenant) -> list[Scope]:
    """Root, subscription, resource group, and a resource group that was deleted."""
    found: list[Scope] = []
    for kind, above in (("root", None), ("subscription", 0), ("resource_group", 1), ("resource_group", 1)):
        parent = None if above is None else found[above]
        scope = Scope(tenant=tenant, kind=kind, parent=parent, name=f"{kind} {len(found)}", created_at=NOW)
        scope.save()
        scope.refresh_from_db()
        found.append(scope)
    return found


def furnish(stage: Stage, pairs: dict[tuple[str, str], Pair], held: list[Any]) -> None:
    """Guests, accounts that a partner made, Azure roles."""
    User.objects.filter(pk=stage.people[GUEST].pk).update(kind=User.Kind.GUEST)
    User.objects.filter(pk=stage.people[MADE].pk).update(made_by_partner=stage.tenants["fabrikam"])
    scopes = {name: tree(stage.tenants[name]) for name in ("contoso", "woodgrove", "fabrikam")}
    for number, (holder, role, place, pair, until) in enumerate(held):
        partner, customer = pair
        if holder in PEOPLE:
            group = stage.people[holder].own_group.pk
            home = PEOPLE[holder]
        else:
            group, home = stage.groups[partner, holder].pk, partner
        if home not in pair:
            continue
        access.grant_scope(
            scopes[customer][max(1, place)],
            group,
            catalogue.azure_roles_by_name()[role].codename,
            kind=PathKind.AZURE,
            source=f"azure:{number}",
            until=UNTIL[until],
            pair=pairs[pair] if home == partner else None,
        )
    Scope.objects.filter(pk__in=[found[3].pk for found in scopes.values()]).update(deleted_at=NOW)


def answers(stage: Stage) -> dict[tuple[str, str], set[Any]]:
    """What the statement says, by person and tenant, and that it says each path once."""
    found = defaultdict(set)
    names = {person.pk: name for name, person in stage.people.items()}
    places = {tenant.pk: name for name, tenant in stage.tenants.items()}
    rows = outside.paths([*places])
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        if row.user_id in names:
            found[names[row.user_id], places[row.tenant_id]].add(row.path)
    return found


def decided(stage: Stage, person: str, place: str) -> set[Any]:
    """What `portal.access` says."""
    user, tenant = User.objects.get(pk=stage.people[person].pk), stage.tenants[place]
    return {*access.rights(user, tenant).paths, *access.scope_rights(user, tenant).paths}


def test_it_says_for_everybody_what_is_decided(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    tally = {"worlds": 0, "paths": 0, "people": 0}

    @settings(
        max_examples=WORLDS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
    )
    @given(world=worlds(), held=azure)
    @example(world=GRANULAR_WORLD, held=EVERYWHERE)
    def check(world: World, held: list[Any]) -> None:
        with played(stage, world) as pairs:
            with write():
                furnish(stage, pairs, held)
            found = answers(stage)
            for person, home in PEOPLE.items():
                for place in stage.tenants:
                    is_outside = home != place or person in (GUEST, MADE)
                    expected = decided(stage, person, place) if is_outside else set()
                    assert found.get((person, place), set()) == expected, (person, place)
                    tally["paths"] += len(expected)
                    tally["people"] += 1
        tally["worlds"] += 1

    check()
    with capsys.disabled():
        print(f"\n{tally['people']} people × tenants in {tally['worlds']} worlds, {tally['paths']} paths")  # noqa: T201
    assert tally["paths"] > WORLDS


def test_our_access_names_the_same_customers(stage: Stage) -> None:
    """The partner's list of a person's customers, by kind too, and its counts: the customers of those paths."""
    tally = {"customers": 0}

    @settings(
        max_examples=WORLDS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
    )
    @given(world=worlds(), held=azure)
    @example(world=GRANULAR_WORLD, held=EVERYWHERE)
    def check(world: World, held: list[Any]) -> None:
        with played(stage, world) as pairs:
            with write():
                furnish(stage, pairs, held)
            everything = outside.paths([tenant.pk for tenant in stage.tenants.values()])
            for name, home in PEOPLE.items():
                if home not in ("fabrikam", "litware"):
                    continue
                partner = Tenant.objects.select_related("profile").get(pk=stage.tenants[home].pk)
                reader = User.objects.get(tenant=partner, sign_in_name__startswith="global-admin@")
                person = User.objects.get(pk=stage.people[name].pk)
                mine = [row for row in everything if row.user_id == person.pk and row.pair_id]
                for kind in ("", *our_access.KINDS):
                    found = our_access.customers_of(person, partner, reader, kind).values_list("customer_id", flat=True)
                    expected = {row.tenant_id for row in mine if not kind or row.kind == kind}
                    assert set(found) == expected, (name, kind)
                our_access.add_reach([person], partner, None)
                assert person.customers == len({row.tenant_id for row in mine})
                tally["customers"] += person.customers

    check()
    assert tally["customers"] > WORLDS


def test_what_if_is_what_is_decided_once_it_is_gone(stage: Stage) -> None:
    """Leave out a source: the answer is the one after its paths are revoked, the fallback from GDAP to DAP included."""

    @settings(
        max_examples=WORLDS // 2,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        derandomize=True,
    )
    @given(world=worlds(), held=azure, pick=st.integers(0, 99))
    def check(world: World, held: list[Any], pick: int) -> None:
        with played(stage, world) as pairs:
            with write():
                furnish(stage, pairs, held)
            everything = outside.paths([tenant.pk for tenant in stage.tenants.values()])
            if not everything:
                return
            chosen = everything[pick % len(everything)]
            left = outside.paths([chosen.tenant_id], without=Without(sources=[chosen.source]))
            with write():
                access.revoke_source(chosen.source)
                access.revoke_scope_sources([chosen.source])
            assert {row.key for row in left} == {row.key for row in outside.paths([chosen.tenant_id])}

    check()


def test_the_clock_is_the_portals(stage: Stage) -> None:
    with clock.fixed(NOW):
        assert outside.parameters([])["at"] == NOW
