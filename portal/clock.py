"""The one clock. Tests set it; nothing else reads the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_fixed: ContextVar[datetime | None] = ContextVar("fixed_clock", default=None)


def now() -> datetime:
    """The present moment, aware, UTC."""
    return _fixed.get() or timezone.now()


def is_held() -> bool:
    """Whether it stands still; writes then tell the database the moment, for the periods that triggers keep."""
    return _fixed.get() is not None


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Hold the clock at moment (tests, replays of history)."""
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
