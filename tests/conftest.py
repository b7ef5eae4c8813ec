"""Fixtures: the cast and the world of each test, and what no test leaves to the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections
from django.utils import timezone, translation
from pytest_django import DjangoDbBlocker

from portal import access
from tests.cast import Cast, build_cast, build_dap_cast
from tests.standing import Standing
from tests.world import World, build_world

_UNVACUUMED = """
DO $$ DECLARE found regclass; BEGIN
  FOR found IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', found);
  END LOOP;
END $$
"""


@pytest.fixture(autouse=True, scope="session")
def _plans_as_for_a_new_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests undo their rows, so autovacuum finds empty tables, and plans for those take minutes with a hundred rows."""
    with django_db_blocker.unblock(), connections["owner"].cursor() as cursor:
        cursor.execute(_UNVACUUMED)


@pytest.fixture(scope="session")
def _standing_cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Standing[Cast]:
    with django_db_blocker.unblock():
        return Standing.of(build_cast)


@pytest.fixture(scope="session")
def _standing_dap_cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Standing[Cast]:
    with django_db_blocker.unblock():
        return Standing.of(build_dap_cast)


@pytest.fixture(scope="session")
def _standing_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Standing[World]:
    with django_db_blocker.unblock():
        return Standing.of(build_world)


@pytest.fixture
def cast(_standing_cast: Standing[Cast], db: None) -> Cast:
    """The cast without any relationship between Fabrikam and Contoso."""
    return _standing_cast.again()


@pytest.fixture
def dap_cast(_standing_dap_cast: Standing[Cast], db: None) -> Cast:
    """The same with a pair in force and DAP."""
    return _standing_dap_cast.again()


@pytest.fixture
def world(_standing_world: Standing[World], db: None) -> World:
    """The same with one of everything."""
    return _standing_world.again()


@pytest.fixture(autouse=True, scope="session")
def _closed_connections(django_db_setup: None) -> Iterator[None]:
    """The mirrored run-time login has to let go of the database before its owner drops it."""
    yield
    connections.close_all()


@pytest.fixture(autouse=True)
def _fresh_permission_ids() -> Iterator[None]:
    """Ids of permissions differ after a flush."""
    access.forget_permission_ids()
    yield
    access.forget_permission_ids()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its person's language and time zone behind in the thread; no test depends on another's."""
    with translation.override("en"), timezone.override(None):
        yield


#: What takes longest begins first, so that the workers end together.
_LONG = {"test_access.py", "test_budgets.py", "test_fuzz.py", "test_routes.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its logins and its place; the demo's tests share one worker, which loads it once."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        _give_logins(item, fixtures)
        if "demo" in fixtures:
            item.add_marker(pytest.mark.xdist_group("demo"))
    items.sort(key=lambda item: item.path.name not in _LONG)


def _give_logins(item: pytest.Item, fixtures: set[str]) -> None:
    """Every test on the database needs both: the owner makes and flushes it, the run-time role is tested."""
    marker = item.get_closest_marker("django_db")
    if marker is None and not fixtures & {"db", "transactional_db"}:
        return
    settings = {"transaction": "transactional_db" in fixtures, **(marker.kwargs if marker else {})}
    item.add_marker(pytest.mark.django_db(**{**settings, "databases": ["default", "owner"]}), append=False)
