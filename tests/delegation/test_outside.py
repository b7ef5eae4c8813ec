"""*Who has access* says what `portal.access` decides for each person, in any state (DOMAIN §14)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from delegation import our_access, outside
from delegation.outside import Without
from portal import access
from portal.models import Tenant, User
from portal.writes import write
from tests.oracle import PARTNERS, PEOPLE, World
from tests.staging import GRANULAR_WORLD, Stage, build_stage, played, worlds

#: OUTSIDE_WORLDS asks in more of them.
WORLDS = int(os.environ.get("OUTSIDE_WORLDS", "12"))
#: An account in a customer's tenant that a partner made; guests are drawn.
MADE = "woodgrove-1"


@pytest.fixture
def stage(db: None) -> Stage:
    built = build_stage()
    User.objects.filter(pk=built.people[MADE].pk).update(made_by_partner=built.tenants["fabrikam"])
    return built


def in_many_worlds(check: Callable[..., None], examples: int = WORLDS) -> None:
    """Ask in random worlds, and in the one in which GDAP counts instead of DAP."""
    configured = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        derandomize=True,
    )
    configured(given(world=worlds(), pick=st.integers(0, 99))(example(world=GRANULAR_WORLD, pick=3)(check)))()


def everything(stage: Stage) -> list[outside.Reached]:
    rows = outside.paths([tenant.pk for tenant in stage.tenants.values()])
    assert len({row.key for row in rows}) == len(rows), "a path is said once"
    return rows


def decided(stage: Stage, person: str, place: str) -> set[Any]:
    """What `portal.access` says."""
    user, tenant = User.objects.get(pk=stage.people[person].pk), stage.tenants[place]
    return {*access.rights(user, tenant).paths, *access.scope_rights(user, tenant).paths}


def test_it_says_for_everybody_what_is_decided(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    tally = {"worlds": 0, "paths": 0, "people": 0}

    def check(world: World, pick: int) -> None:
        with played(stage, world):
            found = defaultdict(set)
            for row in everything(stage):
                found[row.user_id, row.tenant_id].add(row.path)
            for person, home in PEOPLE.items():
                for place, tenant in stage.tenants.items():
                    is_outside = home != place or person == MADE or world.people[person].is_guest
                    expected = decided(stage, person, place) if is_outside else set()
                    assert found[stage.people[person].pk, tenant.pk] == expected, (person, place)
                    tally["paths"] += len(expected)
                    tally["people"] += 1
        tally["worlds"] += 1

    in_many_worlds(check)
    with capsys.disabled():
        print(f"\n{tally['people']} people × tenants in {tally['worlds']} worlds, {tally['paths']} paths")  # noqa: T201
    assert tally["paths"] > WORLDS


def test_our_access_names_the_same_customers(stage: Stage) -> None:
    """The partner's list of a person's customers, by kind too, and its counts: the customers of those paths."""
    tally = {"customers": 0}

    def check(world: World, pick: int) -> None:
        with played(stage, world):
            rows = everything(stage)
            for name, home in PEOPLE.items():
                if home in PARTNERS:
                    tally["customers"] += compare_customers(stage, name, home, rows)

    in_many_worlds(check)
    assert tally["customers"] > WORLDS // 2


def compare_customers(stage: Stage, name: str, home: str, rows: list[outside.Reached]) -> int:
    """How many customers the person reaches, the same by every question."""
    partner = Tenant.objects.select_related("profile").get(pk=stage.tenants[home].pk)
    reader, person = stage.founders[home], User.objects.get(pk=stage.people[name].pk)
    mine = [row for row in rows if row.user_id == person.pk and row.pair_id]
    for kind in ("", *our_access.KINDS):
        found = our_access.customers_of(person, partner, reader, kind).values_list("customer_id", flat=True)
        expected = {row.tenant_id for row in mine if not kind or row.kind == kind}
        assert set(found) == expected, (name, kind)
    our_access.add_reach([person], partner, None)
    counted: int = person.customers  # type: ignore[attr-defined]
    assert counted == len({row.tenant_id for row in mine})
    return counted


def test_what_if_is_what_is_decided_once_it_is_gone(stage: Stage) -> None:
    """Leave out a source: the answer is the one after its paths are revoked, the fallback from GDAP to DAP included."""

    def check(world: World, pick: int) -> None:
        with played(stage, world):
            rows = everything(stage)
            if not rows:
                return
            chosen = rows[pick % len(rows)]
            left = outside.paths([chosen.tenant_id], without=Without(sources=[chosen.source]))
            with write():
                access.revoke_source(chosen.source)
                access.revoke_scope_sources([chosen.source])
            assert {row.key for row in left} == {row.key for row in outside.paths([chosen.tenant_id])}

    in_many_worlds(check, WORLDS // 2)
