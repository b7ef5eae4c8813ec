"""Several calls at once, each on a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import Http404

from portal.errors import PermissionDenied, Refused

_REFUSALS = (PermissionDenied, Refused, Http404)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls in threads of their own, started together; what each returned or the refusal it met."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=20)
            found[place] = call()
        except Exception as error:  # noqa: BLE001 - handed to the test, which knows which ones are right
            found[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    unexpected = [one for one in found if isinstance(one, Exception) and not isinstance(one, _REFUSALS)]
    assert not unexpected, unexpected
    return found


def refusals(found: list[Any]) -> list[Any]:
    """Those who were refused."""
    return [one for one in found if isinstance(one, Exception)]
