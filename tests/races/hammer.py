"""Somebody who asks for one page again and again, while somebody else takes the right away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from portal.models import User
from tests.races.web import Browser

#: Per kind of path. `REVOKE_LOOPS=1000 ./script/test tests/races/test_revoking.py tests/races/test_dap.py` is what
#: DOMAIN §14 was accepted with.
LOOPS = int(os.environ.get("REVOKE_LOOPS", "100"))


def until(ready: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.001)


class Hammer(threading.Thread):
    """Somebody who reloads one page without a pause and notes when each request was sent and what came back."""

    def __init__(self, port: int, person: User, path: str) -> None:
        super().__init__(daemon=True)
        self.browser, self.path = Browser(port, person), path
        self.seen: list[tuple[float, int]] = []
        self.is_over = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self.is_over.is_set():
                sent = time.monotonic()
                self.seen.append((sent, self.browser.get(self.path)))
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.error = error
        finally:
            self.browser.close()

    def since(self, moment: float, status: int | None = None) -> list[int]:
        """Answers of the requests that were sent after the moment."""
        if self.error:
            raise self.error
        found = []
        for sent, answer in reversed(self.seen):
            if sent <= moment:
                break
            if status in (None, answer):
                found.append(answer)
        return found
