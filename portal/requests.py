"""What the request under way is, for audit rows and logs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestInfo:
    """Identity of the request (or job) under way and the address it came from."""

    request_id: str = ""
    address: str = ""


_NONE = RequestInfo()
_present: ContextVar[RequestInfo] = ContextVar("request_info", default=_NONE)


def present() -> RequestInfo:
    """The request under way; empty fields outside of one."""
    return _present.get()


@contextmanager
def entered(address: str = "") -> Iterator[RequestInfo]:
    """Run something as one request with an id of its own."""
    info = RequestInfo(uuid.uuid4().hex, address)
    token = _present.set(info)
    try:
        yield info
    finally:
        _present.reset(token)
