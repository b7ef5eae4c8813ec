"""The real stack that the stories run on, and what the tests may do to it behind its back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from portal import embedded
from tests.launched import ROOT, Launched

#: The stories sign in, invite and mail far more often in a minute than people do in a day.
LIMITS = (
    "INVITATIONS_PER_USER_AND_DAY",
    "MAILS_PER_ADDRESS_AND_DAY",
    "LINK_TRIES_PER_HOUR",
    "SIGN_IN_TRIES_PER_HOUR",
)
#: Who a provider's webhook says it is.
WEBHOOK_LOGIN = ("provider", "a-secret-of-the-stories")


class Stack(Launched):
    """`manage.py up` with the demo's data, and its database as the owner sees it."""

    def __init__(self, var_dir: Path) -> None:
        limits = dict.fromkeys(LIMITS, "2000")
        super().__init__(
            var_dir, no_demo=False, ANYMAIL_WEBHOOK_SECRET=":".join(WEBHOOK_LOGIN), MAIL_SWEEP_SECONDS="3", **limits
        )

        self.command = [str(ROOT / "script" / "server")]

    def wait_for_pages(self, seconds: float) -> None:
        """The first start also installs what is missing and loads the demo, beside whatever else the machine does."""
        super().wait_for_pages(max(seconds, 240))

    def start_again(self) -> None:
        """Start once more on the same data, after it was stopped."""
        self.output.seek(0)
        self.output.truncate()
        self.__enter__()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of `manage.py` beside the running portal, with its environment."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def rows(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers to its owner; for what only time or a provider does (moments, message ids)."""
        keys = json.loads((self.var_dir / "secrets.json").read_text())
        with psycopg.connect(
            host=str(embedded.postgres_folder(self.var_dir)),
            port=embedded.POSTGRES_PORT,
            user=embedded.OWNER,
            password=keys["owner_password"],
            dbname="mandate",
        ) as connection:
            cursor = connection.execute(text, values or None)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that every account may enter, with a path short enough for sockets; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="mandate-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
