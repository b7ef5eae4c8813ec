"""Which database login does what: the owner migrates, the run-time role does everything else."""

from typing import Any


class Roles:
    """Sends reads and writes to `default` (run-time role) and migrations to `owner` only.

    Both aliases are the same database, so rows from one may refer to rows from the other.
    """

    def db_for_read(self, model: type, **hints: Any) -> str:
        return "default"

    def db_for_write(self, model: type, **hints: Any) -> str:
        return "default"

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
