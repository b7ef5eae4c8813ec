"""Page = list = button = service = has_perm = explanation = what the documents say, at any time (DOMAIN §14).

The oracle (`tests/oracle.py`) is written from the documents; worlds, people, actions, objects and times are random.
Every question is asked of every surface but pages, which are asked for on a sample of them: one page takes as long as
ten questions. `ORACLE_WORLDS=500 ./script/test tests/test_oracle.py` asks more.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.models import Model
from django.http import Http404
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st

from portal import access, clock, why
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied
from portal.models import Pair, Scope, Tenant, User
from portal.why.ways import candidates
from tests.oracle import CUSTOMERS, PAIRS, PARTNERS, PEOPLE, SCOPES, TABLE, TIMES, Oracle, World
from tests.staging import GRANULAR_ASKED, GRANULAR_WORLD, Stage, build_stage, played, worlds
from tests.world import undone

#: Some 700 questions each, in parts that run beside each other.
WORLDS = int(os.environ.get("ORACLE_WORLDS", "16"))
PARTS = 4
PAGES_EACH = 15

AT_SCOPES = sorted(can for can, row in TABLE.items() if row.is_at_scope)
ON_TENANTS = sorted(set(TABLE) - set(AT_SCOPES))
asked = st.sets(st.sampled_from(ON_TENANTS), min_size=3, max_size=4).flatmap(
    lambda some: st.sets(st.sampled_from(AT_SCOPES), min_size=1, max_size=2).map(lambda more: some | more)
)
#: A page that asks for the capability, of a tenant or of a pair.
TENANT_PAGES = {
    "account.view": "account",
    "users.view": "users",
    "users.create": "user-invite",
    "audit.view": "audit-log",
    "partners.view": "partner-relationships",
    "service_requests.view": "service-requests",
    "service_requests.manage": "service-request-new",
    "groups.manage": "group-new",
    "partner_profile.manage": "partner-profile",
}
PARTNER_PAGES = {
    "invitations.view": "invitations",
    "invitations.send": "invitation-new",
    "gdap.view": "gdap-analytics",
    "gdap.request": "gdap-new",
    "gdap.templates": "gdap-template-new",
}
PAIR_PAGES = {"customers.view": "customer"}

Place = Any


@dataclass
class Tally:
    """How much was asked of what, and how often the answer was yes."""

    worlds: int = 0
    found: Counter[str] = field(default_factory=Counter)
    surfaces: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def stage(db: None) -> Stage:
    return build_stage()


def places_of(person: str, capability: str, chance: random.Random) -> Iterator[Place]:
    """Where the question has something to decide, and one place where the person is a stranger."""
    home = PEOPLE[person]
    if capability in AT_SCOPES:
        near = [tenant for tenant in CUSTOMERS if tenant == home or (home, tenant) in PAIRS]
        yield from ((tenant, scope, "at") for tenant in near for scope in chance.sample(sorted(SCOPES), 2))
        return
    yield home
    yield from (pair[1] for pair in PAIRS if pair[0] == home)
    yield from (pair for pair in PAIRS if home in pair)
    strange = [tenant for tenant in set(PEOPLE.values()) if tenant != home and (home, tenant) not in PAIRS]
    yield from chance.sample(sorted(strange), min(1, len(strange)))


@dataclass
class Surfaces:
    """Every place that answers, for one person at one time in one world; what a page asks once is asked once."""

    user: User
    stage: Stage
    pairs: dict[tuple[str, str], Pair]
    held: dict[object, Any] = field(default_factory=dict)
    listed: dict[object, set[object]] = field(default_factory=dict)

    def object_of(self, place: Place) -> Tenant | Pair | Scope:
        """What a place of the oracle is here."""
        if isinstance(place, str):
            return self.stage.tenants[place]
        return self.stage.scopes[place[:2]] if len(place) == 3 else self.pairs[place]

    def answers(self, capability: Can, obj: Tenant | Pair | Scope) -> dict[str, str]:
        """The same question to all of them: allowed, refused (403) or unknown (404)."""
        user, model = self.user, type(obj)
        decision = access.decide(user, capability, obj)
        plain = "allowed" if decision.allowed else "refused" if decision.is_insider else "unknown"
        return {
            "decision": plain,
            "list": "allowed" if obj.pk in self._list(model, capability) else plain.replace("allowed", "not listed"),
            "detail": _outcome(lambda: access.get_or_404(model._default_manager, user, capability, pk=obj.pk)),
            "button": self._button(capability, obj, plain),
            "service": _outcome(lambda: access.require(user, capability, obj)),
            "has_perm": "allowed" if user.has_perm(capability, obj) else plain.replace("allowed", "no permission"),
            "explanation": explained(user, capability, obj),
        }

    def _button(self, capability: Can, obj: Tenant | Pair | Scope, plain: str) -> str:
        """Usable, or with the reason why not; who sees no page sees no button."""
        rights = self._rights(obj, is_partner_side=TABLE[capability].is_partner_side)
        if rights.allows(capability):
            return "allowed" if not why.missing(rights, capability) else "allowed, but it says why not"
        is_known = rights.is_insider
        if isinstance(obj, Scope) and not is_known:  # the page of a scope is open to whoever holds any role there
            is_known = plain == "refused"
        return "refused" if is_known and why.missing(rights, capability) else "unknown"

    def _rights(self, obj: Tenant | Pair | Scope, *, is_partner_side: bool) -> access.Rights:
        """What the buttons of a page about this object ask."""
        if isinstance(obj, Scope):
            if (obj.tenant, "scopes") not in self.held:
                self.held[obj.tenant, "scopes"] = access.scope_rights(self.user, obj.tenant)
            return self.held[obj.tenant, "scopes"].at(obj)
        key = obj if isinstance(obj, Tenant) or is_partner_side else obj.customer
        if key not in self.held:
            ask: Callable[..., access.Rights] = access.partner_rights if isinstance(key, Pair) else access.rights
            self.held[key] = ask(self.user, key)
        return self.held[key]

    def _list(self, model: type[Model], capability: Can) -> set[object]:
        if (model, capability) not in self.listed:
            rows = access.allowing(model._default_manager.all(), self.user, capability)
            self.listed[model, capability] = set(rows.values_list("pk", flat=True))
        return self.listed[model, capability]


def explained(user: User, capability: Can, obj: Model) -> str:
    """What *Why can't I?* says, taken at its word: its conditions as well as its decision."""
    found = why.explain(user, capability, obj)
    if found.is_stranger:
        learnt = [*found.paths, *found.tried, *found.least, *found.limits]
        assert learnt == [], "a stranger learns something"
        return "unknown"
    if found.allowed:
        assert any(way.is_met for way in candidates(found.facts)), "its conditions don't say so"
        return "allowed"
    assert not any(way.is_met for way in found.ways), "its conditions say yes"
    assert bool(found.chosen) != bool(found.never)
    return "refused"


def _outcome(ask: Callable[[], object]) -> str:
    try:
        ask()
    except PermissionDenied:
        return "refused"
    except Http404:
        return "unknown"
    return "allowed"


def page_of(person: str, capability: str, place: Place, stage: Stage, pairs: dict[tuple[str, str], Pair]) -> str:
    """The address of a page that asks for it; empty if there is none. A partner's own side is for its people only."""
    home = PEOPLE[person]
    if isinstance(place, str):
        routes = TENANT_PAGES | (PARTNER_PAGES if place in PARTNERS and place == home else {})
        if place in PARTNERS:
            routes.pop("audit.view")  # there the page asks for `partner_audit.view` too
        return reverse(routes[capability], args=[stage.tenants[place].slug]) if capability in routes else ""
    if len(place) == 2 and capability in PAIR_PAGES and place[0] == home:
        return reverse(PAIR_PAGES[capability], args=[stage.tenants[place[0]].slug, pairs[place].pk])
    return ""


def page(user: User, url: str) -> str:
    """What a signed-in browser gets; a session dies with the account."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    with undone():
        response = client.get(url)
    if response.status_code == 302 and response["Location"].startswith("/sign-in"):
        return "unknown"
    return {200: "allowed", 403: "refused", 404: "unknown"}.get(response.status_code, str(response.status_code))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_surface_gives_the_documents_answer(stage: Stage, part: int, capsys: pytest.CaptureFixture[str]) -> None:
    tally, chance = Tally(), random.Random(part)

    @seed(part)
    @settings(
        max_examples=-(-WORLDS // PARTS),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(world=worlds(), asked=asked)
    def check(world: World, asked: set[str]) -> None:
        tally.worlds += 1
        with played(stage, world) as pairs:
            _questions(stage, world, pairs, asked, tally, chance)

    if part == 0:
        check = example(world=GRANULAR_WORLD, asked=GRANULAR_ASKED)(check)
    check()
    questions = sum(tally.found.values())
    with capsys.disabled():
        print(f"\n{questions} questions in {tally.worlds} worlds: {dict(tally.found)}")  # noqa: T201 - wanted
        print(f"each asked of {dict(tally.surfaces)}")  # noqa: T201 - wanted
    assert questions * PARTS > 600 * WORLDS
    assert tally.found["allowed"] > questions // 50


def _questions(
    stage: Stage, world: World, pairs: dict[tuple[str, str], Pair], asked: set[str], tally: Tally, chance: random.Random
) -> None:
    pages: list[tuple[str, str, str, str, Any]] = []
    for person in PEOPLE:
        user = User.objects.select_related("tenant").get(pk=stage.people[person].pk)
        for at in TIMES:
            with clock.fixed(at):
                surfaces = Surfaces(user, stage, pairs)
                for capability in sorted(asked):
                    for place in places_of(person, capability, chance):
                        expected = Oracle(world, at).answer(person, capability, place)
                        found = surfaces.answers(Can(capability), surfaces.object_of(place))
                        assert set(found.values()) == {expected}, (person, capability, place, at, expected, found)
                        tally.found[expected] += 1
                        tally.surfaces.update([*found])
                        if url := page_of(person, capability, place, stage, pairs):
                            pages.append((person, capability, url, expected, at))
    for person, capability, url, expected, at in chance.sample(pages, min(PAGES_EACH, len(pages))):
        with clock.fixed(at):
            assert page(stage.people[person], url) == expected, (person, capability, url, at, expected)
        tally.surfaces["page"] += 1
