"""Asking a worker to look into the database now. Nothing hangs on it: beat asks the same every few seconds."""

from __future__ import annotations

import logging
import time

from kombu.exceptions import OperationalError as BrokerError

log = logging.getLogger(__name__)

_QUIET_SECONDS = 15.0
_quiet_until = 0.0


def nudge(task: str) -> None:
    """Ask a worker to run a task that takes no arguments. Without a broker nothing is lost.

    After a failure the broker is left alone for a while, so that requests don't wait for it one by one.
    """
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    from portal.celery import app  # it loads the settings

    try:
        app.send_task(task, retry=False, ignore_result=True)
    except (BrokerError, OSError) as error:
        _quiet_until = time.monotonic() + _QUIET_SECONDS
        log.warning("the broker is away, beat will run %s: %s", task, error)
