"""Two real connections at once: a personal link used twice, and against what ends it or the person's sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connections
from django.test import Client

from portal import audit
from portal.errors import BadLink
from portal.models import AuditEntry, OutboxMessage, RightLink, RoleAssignment, User
from portal.services import accounts, people
from tests.cast import Cast, build_cast
from tests.races.together import at_once, refusals

pytestmark = pytest.mark.races

ROUNDS = 8
OLD = "correct horse battery staple"
NEW = "seven quiet lamps above"


@pytest.fixture
def stage(transactional_db: None, settings: Any) -> Cast:
    """A committed cast, which several connections see."""
    settings.MANDATE_MAILS_PER_ADDRESS_AND_DAY = 1_000
    settings.MANDATE_SIGN_IN_TRIES_PER_HOUR = 1_000
    return build_cast()


def person_of(cast: Cast) -> User:
    """The person whose links these are, as the database has them now."""
    return User.objects.get(pk=cast["user"].pk)


def reset(cast: Cast, password: str) -> Callable[[], User]:
    """Use, later, a reset link that is mailed now."""
    link = accounts.start_reset(person=cast["user"], actor=cast["global-admin"])
    return partial(accounts.finish_reset, pk=link.pk, version=link.version, password=password)


def actions(cast: Cast, *wanted: str) -> list[str]:
    """What is in the organisation's log of these, in order."""
    rows = AuditEntry.objects.filter(tenant=cast.contoso, action__in=wanted).order_by("seq")
    return list(rows.values_list("action", flat=True))


def test_a_reset_link_used_twice_at_once_sets_one_password(stage: Cast) -> None:
    for round_ in range(ROUNDS):
        epoch = person_of(stage).session_epoch
        finish = reset(stage, "")
        passwords = [f"{NEW} {round_} {number}" for number in range(2)]
        found = at_once(*(partial(finish, password=password) for password in passwords))
        (loser,) = refusals(found)
        assert isinstance(loser, BadLink)
        person = person_of(stage)
        is_set = [person.check_password(password) for password in passwords]
        assert is_set == [one is not loser for one in found]
        assert person.session_epoch == epoch + 1
        assert actions(stage, "password.reset") == ["password.reset"] * (round_ + 1)
        told = OutboxMessage.objects.filter(kind="password_reset", to_address=person.contact_address)
        assert told.count() == round_ + 1
    assert audit.verify(stage.contoso.pk) is None


def test_two_resets_started_at_once_leave_one_link_that_works(stage: Cast) -> None:
    for _round in range(ROUNDS):
        start = partial(accounts.start_reset, person=stage["user"], actor=stage["global-admin"])
        made = at_once(start, start)
        finishes = [partial(accounts.finish_reset, pk=one.pk, version=one.version, password=NEW) for one in made]
        found = at_once(*finishes)
        (loser,) = refusals(found)
        assert isinstance(loser, BadLink)
        assert RightLink.objects.filter(user=stage["user"], used_at__isnull=False).count() == _round + 1


def test_a_welcome_used_twice_at_once_activates_once(stage: Cast) -> None:
    for round_ in range(ROUNDS):
        person = accounts.invite_person(
            tenant=stage.contoso,
            actor=stage["global-admin"],
            sign_in_name=f"newcomer-{round_}@contoso.example",
            display_name="Newcomer",
            contact_address="newcomer@contoso.example",
        )
        link = RightLink.objects.get(user=person)
        accept = partial(accounts.accept_welcome, pk=link.pk, version=link.version)
        passwords = [f"{NEW} {number}" for number in range(2)]
        found = at_once(*(partial(accept, password=password) for password in passwords))
        (loser,) = refusals(found)
        assert isinstance(loser, BadLink)
        person.refresh_from_db()
        assert [person.check_password(password) for password in passwords] == [one is not loser for one in found]
        assert actions(stage, "user.activated") == ["user.activated"] * (round_ + 1)


def test_an_address_confirmed_twice_at_once_is_confirmed_once(stage: Cast) -> None:
    for round_ in range(ROUNDS):
        address = f"address-{round_}@contoso.example"
        link = accounts.start_address_change(actor=stage["user"], address=address)
        confirm = partial(accounts.confirm_address, pk=link.pk, version=link.version)
        (loser,) = refusals(at_once(confirm, confirm))
        assert isinstance(loser, BadLink)
        assert person_of(stage).contact_address == address
        assert actions(stage, "contact_address.changed") == ["contact_address.changed"] * (round_ + 1)


@pytest.mark.parametrize("ending", [people.block_person, people.delete_person])
def test_a_reset_comes_before_the_end_of_the_account_or_not_at_all(stage: Cast, ending: Any) -> None:
    ended = {people.block_person: "user.blocked", people.delete_person: "user.deleted"}[ending]
    for round_ in range(ROUNDS if ending is people.block_person else 1):
        before = len(actions(stage, "password.reset"))
        password = f"{NEW} {round_}"
        finish = reset(stage, password)
        found = at_once(finish, partial(ending, person=stage["user"], actor=stage["global-admin"]))
        person = person_of(stage)
        assert person.blocked_at is not None
        order = actions(stage, "password.reset", ended)
        if isinstance(found[0], Exception):
            assert isinstance(found[0], BadLink)
            assert order.count("password.reset") == before
            assert not person.check_password(password)
        else:
            assert order[-2:] == ["password.reset", ended]
            assert person.check_password(password) == (ending is people.block_person)
        with pytest.raises(BadLink):
            finish()
        if ending is people.block_person:
            people.unblock_person(person=stage["user"], actor=stage["global-admin"])
    assert audit.verify(stage.contoso.pk) is None


def test_a_reset_against_the_end_of_all_sessions_loses_neither(stage: Cast) -> None:
    for round_ in range(ROUNDS):
        epoch = person_of(stage).session_epoch
        password = f"{NEW} {round_}"
        found = at_once(reset(stage, password), partial(accounts.end_sessions, actor=stage["user"]))
        assert not refusals(found)
        person = person_of(stage)
        assert (person.check_password(password), person.session_epoch) == (True, epoch + 2)


def test_a_reset_against_a_change_of_the_password_leaves_the_later_one(stage: Cast) -> None:
    """A change ends the link, so the reset either comes first or is refused; the changed password stays."""
    for round_ in range(ROUNDS):
        epoch, changed = person_of(stage).session_epoch, f"{NEW} changed {round_}"
        change = partial(accounts.change_password, actor=stage["user"], password=changed)
        found = at_once(reset(stage, f"{NEW} {round_}"), change)
        person = person_of(stage)
        assert person.check_password(changed)
        if isinstance(found[0], Exception):
            assert isinstance(found[0], BadLink)
            assert person.session_epoch == epoch + 1
        else:
            assert actions(stage, "password.reset", "password.changed")[-2:] == ["password.reset", "password.changed"]
            assert person.session_epoch == epoch + 2


def sign_in(browser: Client, person: User, password: str) -> int:
    """The answer to the sign-in form."""
    return browser.post("/sign-in", {"login": person.sign_in_name, "password": password}).status_code


def is_signed_in(browser: Client) -> bool:
    return browser.get("/my-account").status_code == 200


def test_whoever_signs_in_with_the_old_password_at_that_moment_is_out_again(stage: Cast) -> None:
    password = OLD
    for round_ in range(ROUNDS):
        browser, following = Client(), f"{NEW} {round_}"
        finish = reset(stage, following)
        at_once(finish, partial(sign_in, browser, stage["user"], password))
        assert not is_signed_in(browser)
        assert person_of(stage).check_password(following)
        password = following
    assert sign_in(browser, stage["user"], password) == 302
    assert is_signed_in(browser)


class Stronger(MD5PasswordHasher):
    """What new hashes are made with since an upgrade; making one of the old password takes until `may_end`."""

    algorithm = "stronger"
    reached, may_end = threading.Event(), threading.Event()

    def encode(self, password: str, salt: str) -> str:
        """A hash of this kind."""
        if password == OLD:
            self.reached.set()
            assert self.may_end.wait(30)
        return super().encode(password, salt)


def test_a_sign_in_that_renews_an_outdated_hash_does_not_bring_the_old_password_back(
    stage: Cast, settings: Any
) -> None:
    finish = reset(stage, NEW)
    settings.PASSWORD_HASHERS = [f"{__name__}.Stronger", *settings.PASSWORD_HASHERS]
    browser = Client()

    def late() -> int:
        try:
            return sign_in(browser, stage["user"], OLD)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(late)
        assert Stronger.reached.wait(30)
        finish()
        Stronger.may_end.set()
        answer.result(30)
    assert person_of(stage).check_password(NEW)
    assert not is_signed_in(browser)


def test_a_new_welcome_against_the_loss_of_the_role_that_allows_it(stage: Cast) -> None:
    """It commits before the role's end, or not at all; neither waits for the other."""
    newcomer = accounts.invite_person(
        tenant=stage.contoso,
        actor=stage["global-admin"],
        sign_in_name="newcomer@contoso.example",
        display_name="Newcomer",
        contact_address="newcomer@contoso.example",
    )
    for _round in range(ROUNDS):
        role = RoleAssignment.objects.get(user=stage["user-admin"], ended_at__isnull=True)
        found = at_once(
            partial(accounts.resend_welcome, person=newcomer, actor=stage["user-admin"]),
            partial(people.remove_role, assignment=role, actor=stage["global-admin"]),
        )
        order = actions(stage, "user.welcome_resent", "role.removed")
        assert order[-1] == "role.removed"
        assert isinstance(found[0], Exception) or order[-2] == "user.welcome_resent"
        people.assign_role(person=stage["user-admin"], role_id=role.role_id, actor=stage["global-admin"])
