"""The servers that the tests run on: PostgreSQL and Redis from wheels, started once for a run.

With DATABASE_URL or REDIS_URL set, those are used instead. Each xdist worker has a database of its own.
"""

import gc
from pathlib import Path

import pytest
from django.conf import settings

from portal import database, embedded, keys, translations
from tests import places

_running = pytest.StashKey[embedded.Servers]()


def pytest_configure(config: pytest.Config) -> None:
    """Start what no environment variable names, once, before any worker process."""
    gc.set_threshold(100_000, 20, 20)  # what the tests' imports and requests make is searched less often
    if not places.is_claimer() or config.option.collectonly or config.option.help:
        return
    translations.compile_changed()
    var_dir = Path(settings.VAR_DIR)
    known = keys.load(var_dir)
    servers = embedded.Servers(
        None if settings.DATABASE_URL else embedded.Postgres(var_dir, known, is_durable=False),
        None if settings.REDIS_URL else embedded.Redis(var_dir),
    )
    config.stash[_running] = servers
    servers.start()
    if settings.DATABASE_URL:
        database.ensure_login()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started; the cluster's files stay, so that --reuse-db works."""
    if _running in config.stash:
        config.stash[_running].stop()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> embedded.Servers:
    """The running embedded servers, to be stopped, killed and started by tests of faults (without xdist)."""
    if _running not in request.config.stash:
        pytest.skip("this process did not start the servers")
    return request.config.stash[_running]
