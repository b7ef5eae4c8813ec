"""A database of the bench's own: made, migrated, and dropped at the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from portal import access, embedded, keys

_PREFIX = "mandate_bench_"
_ALIASES = ("default", "owner")


@contextlib.contextmanager
def server() -> Iterator[None]:
    """The PostgreSQL that DATABASE_URL names; else an embedded one under VAR_DIR/bench, for the time of the `with`.

    Raises SystemExit with one line when another bench runs there.
    """
    if settings.DATABASE_URL:
        yield
        return
    folder = settings.VAR_DIR / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "bench.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"mandate: another bench runs in {folder}; choose another VAR_DIR") from None
        known = keys.load(folder)
        for alias, password in zip(_ALIASES, ("app_password", "owner_password"), strict=True):
            connections[alias].settings_dict |= {
                "HOST": str(embedded.postgres_folder(folder)),
                "PASSWORD": known[password],
            }
        # What a write nudges must reach no worker of a portal that happens to run here.
        if not settings.REDIS_URL:
            os.environ["CELERY_BROKER_WRITE_URL"] = f"redis+socket://{quote(str(embedded.redis_socket(folder)))}"
        with embedded.servers(folder, known):
            yield


@dataclass(frozen=True)
class Scratch:
    """One database; `use` makes it the portal's."""

    name: str

    def use(self) -> None:
        """Let every connection of this process go to this database from here on."""
        for alias in _ALIASES:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = self.name
        access.forget_permission_ids()

    def connect(self, alias: str = "default", *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """A bare psycopg connection to it, without Django."""
        return _connect(alias, self.name, autocommit=autocommit)


def _connect(alias: str, name: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    login = connections[alias].settings_dict
    return psycopg.connect(
        host=login["HOST"],
        port=login["PORT"],
        user=login["USER"],
        password=login["PASSWORD"],
        dbname=name,
        autocommit=autocommit,
    )


@contextlib.contextmanager
def database(label: str) -> Iterator[Scratch]:
    """A fresh, migrated database in use; dropped afterwards. What a killed bench left behind goes too."""
    before = {alias: connections[alias].settings_dict["NAME"] for alias in _ALIASES}
    made = Scratch(f"{_PREFIX}{label}_{os.getpid()}")
    with _connect("owner", "postgres") as administration:
        _drop_leftovers(administration)
        administration.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made.name)))
        try:
            made.use()
            call_command("migrate", database="owner", interactive=False, verbosity=0, skip_checks=True)
            yield made
        finally:
            for alias in _ALIASES:
                connections[alias].close()
                connections[alias].settings_dict["NAME"] = before[alias]
            administration.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(made.name)))


def _drop_leftovers(administration: psycopg.Connection[Any]) -> None:
    rows = administration.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{_PREFIX}%"]).fetchall()
    for (name,) in rows:
        with contextlib.suppress(psycopg.errors.ObjectInUse):  # another bench's, at work
            if not _is_alive(name):
                administration.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _is_alive(name: str) -> bool:
    """Whether the process that a database is named after still runs on this machine."""
    number = name.rpartition("_")[2]
    return number.isdecimal() and os.path.exists(f"/proc/{number}")
