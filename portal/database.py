"""The state of the database that the portal is started on: its logins and its migrations."""

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, ProgrammingError, connections
from django.db.migrations.executor import MigrationExecutor

from portal import embedded


def ensure_login() -> None:
    """Make the run-time role where the owner may and it is missing.

    Raises SystemExit with one line when a login doesn't work.
    """
    owner = connections["owner"]
    try:
        owner.ensure_connection()
    except OperationalError as error:
        raise SystemExit(f"mandate: the database can't be reached: {_first_line(error)}") from None
    login = settings.DATABASES["default"]
    try:
        embedded.ensure_role(owner.connection, login["USER"], login["PASSWORD"], "")
        connections["default"].ensure_connection()
    except (OperationalError, ProgrammingError, embedded.database_errors()) as error:
        raise SystemExit(
            f"mandate: the run-time role {login['USER']} can't sign in to the database: {_first_line(error)}; "
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
