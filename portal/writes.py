"""One write, one transaction: audit and outbox rows are collected and go in together, last (docs/architecture.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import connection, transaction

from portal import clock

if TYPE_CHECKING:
    from portal.audit import Line
    from portal.models import OutboxMessage

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Unit:
    """What the write under way has collected."""

    lines: list[Line] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)


_local = threading.local()


def current() -> Unit:
    """The write under way; raises RuntimeError outside of one (an audit row never stands alone)."""
    unit: Unit | None = getattr(_local, "unit", None)
    if unit is None:
        raise RuntimeError("audit and mail belong to a write: use portal.writes")
    return unit


@contextmanager
def write() -> Iterator[Unit]:
    """A transaction that ends with its outbox rows and, last before the commit, its audit rows.

    Inside another write it is a savepoint: what it collected is dropped if it fails.
    """
    outer: Unit | None = getattr(_local, "unit", None)
    if outer is not None:
        lines, messages = len(outer.lines), len(outer.messages)
        try:
            with transaction.atomic():
                yield outer
        except BaseException:
            del outer.lines[lines:], outer.messages[messages:]
            raise
        return
    _local.unit = unit = Unit()
    try:
        with transaction.atomic(), moment():
            yield unit
            _flush(unit)
    finally:
        _local.unit = None


@contextmanager
def moment() -> Iterator[None]:
    """Where the clock is held (tests, replays of history), `portal_now()` in the database stands still as well.

    Each write sees to it itself; one that plays several moments, as the demo's, does it for each of them.
    """
    if not clock.is_held():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mandate.now', %s, true)", [clock.now().isoformat()])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mandate.now', '', true)")


def _flush(unit: Unit) -> None:
    if unit.messages:
        from portal import mail  # collects here, so it can't be imported above

        mail.store(unit.messages)
    if unit.lines:
        from portal import audit

        audit.append(unit.lines)


def writes(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator of every service: it runs as one `write`."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with write():
            return function(*args, **kwargs)

    return wrapped
