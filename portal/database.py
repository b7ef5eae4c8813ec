"""The state of the database that the portal is started on: its logins and its migrations."""

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from portal import embedded


def _connect(alias: str) -> psycopg.Connection:
    login = settings.DATABASES[alias]
    return psycopg.connect(
        host=login["HOST"],
        port=login["PORT"],
        user=login["USER"],
        password=login["PASSWORD"],
        dbname=login["NAME"],
        connect_timeout=10,
        autocommit=True,
    )


def ensure_login() -> None:
    """Make the run-time role where the owner may and it is missing.

    Raises SystemExit with one line when a login doesn't work.
    """
    try:
        owner = _connect("owner")
    except psycopg.Error as error:
        raise SystemExit(f"mandate: the database can't be reached: {_first_line(error)}") from None
    role = settings.DATABASES["default"]
    try:
        with owner:
            embedded.ensure_role(owner, role["USER"], role["PASSWORD"], "")
        _connect("default").close()
    except psycopg.Error as error:
        raise SystemExit(
            f"mandate: the run-time role {role['USER']} can't sign in to the database: {_first_line(error)}; "
            "create it, and give its address with APP_DATABASE_URL"
        ) from None


def is_current() -> bool:
    """Whether every migration is applied."""
    executor = MigrationExecutor(connections["owner"])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def migrate() -> None:
    """Bring the database to the present code, as its owner. Safe to repeat."""
    call_command("migrate", database="owner", interactive=False, verbosity=0)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
