"""DATABASE_URL and REDIS_URL choose external servers; Debian's PostgreSQL 15 and Redis, where installed."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from portal.embedded import postgres_account
from portal.processes import Account, Child, stop_all, wait_until
from tests.launched import Launched, free_port

pytestmark = pytest.mark.faults
BINARIES = Path("/usr/lib/postgresql/15/bin")
REDIS = Path("/usr/bin/redis-server")
PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass
class External:
    """Where the external servers answer."""

    database_url: str
    redis_url: str


def _initialised(folder: Path) -> tuple[Path, Account]:
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and not parent.stat().st_mode & 0o001 and os.getuid() == 0:
            parent.chmod(0o711)
    data = folder / "data"
    account = postgres_account(data, BINARIES)
    data.mkdir(mode=0o700)
    if account.popen():
        os.chown(data, account.uid or -1, account.gid or -1)
    argv = [str(BINARIES / "initdb"), "-D", str(data), "-U", "boss", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    subprocess.run(account.wrap(argv, signal.SIGTERM), env=PLAIN, check=True, capture_output=True, **account.popen())
    return data, account


@pytest.fixture(scope="module")
def external(tmp_path_factory) -> Iterator[External]:
    if not BINARIES.exists() or not REDIS.exists():
        pytest.skip("Debian's postgresql-15 and redis-server are not installed")
    folder = tmp_path_factory.mktemp("external")
    data, account = _initialised(folder)
    port, redis_port = free_port(), free_port()
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    argv = [str(BINARIES / "postgres"), "-D", str(data), *(part for option in options for part in ("-c", option))]
    database = Child("PostgreSQL 15", argv, signal.SIGINT, PLAIN, account, folder / "postgres.log")
    broker = Child("Redis", [str(REDIS), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""], env=PLAIN)
    url = f"postgres://boss@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        database.start()
        broker.start()
        wait_until(answers, database, 30)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE proprietor LOGIN CREATEROLE PASSWORD 'open sesame'")
            connection.execute("CREATE DATABASE mandate OWNER proprietor")
        yield External(
            f"postgres://proprietor:open%20sesame@127.0.0.1:{port}/mandate", f"redis://127.0.0.1:{redis_port}/0"
        )
    finally:
        stop_all([database, broker])


def test_the_portal_runs_on_external_servers_and_leaves_them_alone(external, tmp_path):
    environment = {"DATABASE_URL": external.database_url, "REDIS_URL": external.redis_url}
    with Launched(tmp_path, **environment) as portal:
        own = " ".join(" ".join(process.cmdline()) for process in portal.tree())
        assert "bin/postgres" not in own
        assert "redis-server" not in own
        assert not (tmp_path / "postgres").exists()
        assert portal.signal(signal.SIGTERM) == 0
    with psycopg.connect(external.database_url) as connection:
        version = connection.execute("SHOW server_version_num").fetchone()
        assert version is not None
        assert version[0].startswith("15")
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("proprietor",)]
        role = connection.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'portal_app'"
        ).fetchone()
        assert role == (False, False)


def test_a_run_time_role_with_another_password_is_one_line(external, tmp_path):
    environment = {"DATABASE_URL": external.database_url, "REDIS_URL": external.redis_url}
    with Launched(tmp_path / "first", **environment):
        pass
    with psycopg.connect(external.database_url, autocommit=True) as connection:
        connection.execute("ALTER ROLE portal_app NOLOGIN")
    with pytest.raises(AssertionError, match="the run-time role portal_app can't sign in"):
        Launched(tmp_path / "second", **environment).__enter__()
