"""Rate limits, counted in the database, so that they hold over all web processes and without Redis."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.errors import TooMany
from portal.models import RateCounter

_COUNT = """
INSERT INTO portal_ratecounter (key, window_start, count) VALUES (%s, %s, 1)
ON CONFLICT ON CONSTRAINT rate_counter_once DO UPDATE SET count = portal_ratecounter.count + 1
RETURNING count
"""


_GIVE_BACK = "UPDATE portal_ratecounter SET count = count - 1 WHERE key = %s AND window_start = %s AND count > 0"


def count(name: str, key: str, *, most: int, seconds: int) -> None:
    """Count one try of `name` by `key`; raises TooMany over `most` in the present window.

    Keys are stored as hashes. Called outside of a write it counts even if the request fails afterwards.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _counter(name, key, seconds))
        (tries,) = cursor.fetchone()
    if tries > most:
        raise TooMany(_("Too many tries. Wait a while and try again."))


def give_back(name: str, key: str, *, seconds: int) -> None:
    """Take one try back that was counted and turned out well: only failures stay counted."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, _counter(name, key, seconds))


def _counter(name: str, key: str, seconds: int) -> tuple[str, datetime]:
    digest = hashlib.sha256(f"{name}\x00{key}".encode()).hexdigest()
    now = int(clock.now().timestamp())
    return digest, datetime.fromtimestamp(now - now % seconds, tz=UTC)


def forget_old() -> int:
    """Drop counters of windows that are over; how many."""
    return RateCounter.objects.filter(window_start__lt=clock.now() - timedelta(days=2)).delete()[0]
