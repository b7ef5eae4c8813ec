"""The least change: done, it turns the answer; no proper part of it does; where nothing can, it says so (DOMAIN §14).

Random people, actions, objects and worlds, those of `tests/test_oracle.py`. `LEAST_CHANGES=5000 ./script/test
tests/test_least_change.py` tries more.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from hypothesis import HealthCheck, Phase, given, settings

from portal import access, clock, why
from portal.catalogue import Capability as Can
from portal.models import Pair, Scope, User
from portal.why import Change, Explanation
from tests.applying import Applying, helpers
from tests.oracle import GROUPS, NOW, PARTNERS, PEOPLE, TABLE, Oracle, World
from tests.staging import Stage, build_stage, played, worlds
from tests.test_oracle import asked, places_of

WANTED = int(os.environ.get("LEAST_CHANGES", "150"))
EACH_WORLD = 15


@contextmanager
def tried() -> Iterator[None]:
    """Whatever is done inside never happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Trial:
    """One question, and what is done about it."""

    def __init__(self, stage: Stage, agents: dict[Any, User], person: User, capability: Can, obj: Model) -> None:
        self.stage, self.agents, self.person, self.capability, self.obj = stage, agents, person, capability, obj

    def explain(self) -> Explanation:
        """What an administrator of the place is told."""
        return why.explain(self.person, self.capability, self.obj, reader=self.stage.founders["contoso"])

    def turns(self, changes: Collection[Change], *, is_by_services: bool) -> bool:
        """Whether the answer is yes once these are made."""
        founders = {tenant.pk: self.stage.founders[name] for name, tenant in self.stage.tenants.items()}
        with tried():
            applying = Applying(
                User.objects.select_related("tenant", "own_group").get(pk=self.person.pk), founders, dict(self.agents)
            )
            applying.customer_id = getattr(self.obj, "customer_id", None) or getattr(self.obj, "tenant_id", self.obj.pk)
            (applying.by_services if is_by_services else applying.by_rows)(changes)
            person = User.objects.get(pk=self.person.pk)
            is_allowed = access.decide(person, self.capability, self.obj).allowed
            assert (
                why.explain(person, self.capability, self.obj, reader=self.stage.founders["contoso"]).allowed
                == is_allowed
            )
        return is_allowed


def parts(changes: tuple[Change, ...]) -> Iterator[tuple[Change, ...]]:
    """Every proper part; of more than five changes all that leave out one or two."""
    sizes = range(len(changes)) if len(changes) < 6 else range(len(changes) - 2, len(changes))
    for size in sizes:
        yield from itertools.combinations(changes, size)


@pytest.fixture
def stage(db: None) -> Stage:
    return build_stage()


@pytest.mark.timeout(1200)
def test_the_least_change_turns_the_answer_and_no_part_of_it_does(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    tally, acts, chance = Counter[str](), Counter[str](), random.Random(7)
    agents = helpers(stage.tenants[name] for name in PARTNERS)

    @settings(
        max_examples=-(-WANTED // EACH_WORLD),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        derandomize=True,
    )
    @given(world=worlds(), asked=asked)
    def check(world: World, asked: set[str]) -> None:
        with played(stage, world) as pairs, clock.fixed(NOW):
            for person, capability, obj in _refused(stage, world, pairs, asked, chance):
                _try(Trial(stage, agents, person, capability, obj), tally, acts)

    check()
    with capsys.disabled():
        print(f"\n{dict(tally)}; by {dict(acts)}")  # noqa: T201 - wanted
    assert tally["turned"] > WANTED // 3
    assert tally["turned"] + tally["nothing can"] == tally["questions"]


def _refused(
    stage: Stage, world: World, pairs: dict[tuple[str, str], Pair], asked: set[str], chance: random.Random
) -> list[tuple[User, Can, Model]]:
    """Some of what the documents refuse here, strangers but for one left out."""
    oracle, found, strange = Oracle(world, NOW), [], []
    for person in PEOPLE:
        user = User.objects.select_related("tenant").get(pk=stage.people[person].pk)
        for capability in sorted(asked):
            for place in places_of(person, capability, chance):
                obj: Any = (
                    stage.tenants[place] if isinstance(place, str) else pairs.get(place) or stage.scopes[place[:2]]
                )
                answer = oracle.answer(person, capability, place)
                if answer != "allowed":
                    (found if answer == "refused" else strange).append((user, Can(capability), obj))
    return chance.sample(found, min(EACH_WORLD - 4, len(found))) + chance.sample(strange, min(4, len(strange)))


def _try(trial: Trial, tally: Counter[str], acts: Counter[str]) -> None:
    told = trial.explain()
    what = (str(trial.person), str(trial.capability), str(trial.obj), told.least, told.never)
    tally["questions"] += 1
    if not told.chosen:
        assert told.never, what
        assert told.is_stranger or _nothing_can(trial), what
        tally["nothing can"] += 1
        return
    changes = told.chosen[0].changes or ()
    assert [one.change for one in told.least] == [*changes], what
    assert trial.turns(changes, is_by_services=True), what
    for part in parts(changes):
        assert not trial.turns(part, is_by_services=False), (*what, part)
        tally["parts"] += 1
    for other in told.others:
        assert trial.turns([one.change for one in other], is_by_services=False), (*what, other)
        tally["others"] += 1
    tally["turned"] += 1
    acts.update(str(change.act) for change in changes)


def _nothing_can(trial: Trial) -> bool:
    """What no role given to this person can allow, by the documents (DOMAIN §2, §5, §8)."""
    row, obj = TABLE[str(trial.capability)], trial.obj
    if isinstance(obj, Scope):
        pair = Pair.objects.filter(partner=trial.person.tenant_id, customer=obj.tenant_id).first()
        return obj.kind == Scope.Kind.ROOT or (pair is not None and not pair.is_in_force)
    home = obj.partner_id if isinstance(obj, Pair) and row.is_partner_side else getattr(obj, "customer_id", obj.pk)
    if not (row.holders or set()) - set(GROUPS) and trial.person.home.partner_profile is None:
        return True  # only agents may, and there are none
    is_outside = trial.person.tenant_id != home
    is_guest = User.objects.get(pk=trial.person.pk).kind == User.Kind.GUEST
    return is_outside and (row.is_partner_side or not row.on_behalf or is_guest)
