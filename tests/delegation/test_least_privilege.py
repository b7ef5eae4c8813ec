"""Least privilege help: the fewest and weakest roles that do it (DOMAIN §6)."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegation import least_privilege
from portal import catalogue
from portal.catalogue import Capability


def rank(names: tuple[str, ...]) -> tuple[bool, int, int]:
    """What is kept small, in this order, said from the tables alone."""
    roles = [catalogue.roles_by_name()[name] for name in names]
    return ("Global Administrator" in names, sum(role.is_privileged for role in roles), len(roles))


def allowed(names: tuple[str, ...]) -> set[Capability]:
    codenames = {catalogue.roles_by_name()[name].codename for name in names}
    rules = [rule for rule in catalogue.rules().values() if rule.on_behalf and not rule.is_partner_side]
    return {rule.capability for rule in rules if codenames & set(rule.codenames)}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({Capability.DEVICES_VIEW}, {"Cloud Device Administrator", "Global Reader", "Intune Administrator"}),
        ({Capability.GUESTS_INVITE}, {"Guest Inviter"}),
        ({Capability.LICENCES_ASSIGN}, {"License Administrator"}),
        ({Capability.LICENCES_ASSIGN, Capability.GUESTS_INVITE}, {"License Administrator", "Guest Inviter"}),
    ],
)
def test_few_tasks_need_little(wanted: set[Capability], names: set[str]) -> None:
    proposed = {role.name for role in least_privilege.propose(wanted).roles}
    assert proposed <= names


def test_nothing_wanted_needs_nothing() -> None:
    assert least_privilege.propose([]).roles == ()


def test_what_is_never_possible_on_behalf_is_refused() -> None:
    with pytest.raises(ValueError, match="not possible on behalf"):
        least_privilege.propose([Capability.PARTNERS_REMOVE_DAP])


@given(st.sets(st.sampled_from(least_privilege.tasks())))
def test_it_allows_every_task_with_nothing_to_spare(wanted: set[Capability]) -> None:
    proposal = least_privilege.propose(wanted)
    names = tuple(role.name for role in proposal.roles)
    assert wanted <= allowed(names)
    assert all(not wanted <= allowed(tuple(other for other in names if other != name)) for name in names)
    assert set(proposal.beyond) == allowed(names) - wanted - {Capability.ACCOUNT_VIEW}
    assert set(proposal.serves) == wanted
    assert all(role.is_gdap_requestable for role in proposal.roles)


@given(st.sets(st.sampled_from(least_privilege.tasks()), min_size=1, max_size=4))
def test_no_pair_of_roles_does_it_with_less(wanted: set[Capability]) -> None:
    found = rank(tuple(role.name for role in least_privilege.propose(wanted).roles))
    every = [role.name for role in catalogue.roles().values() if role.is_gdap_requestable]
    useful = [name for name in every if allowed((name,)) & wanted]
    smaller = [names for size in (1, 2) for names in combinations(useful, size) if wanted <= allowed(names)]
    assert all(found <= rank(names) for names in smaller)
