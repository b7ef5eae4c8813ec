"""What the request under way is, for audit rows and logs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from portal.decisions import Decision, Path


@dataclass(frozen=True)
class RequestInfo:
    """Identity of the request (or job) under way and the address it came from."""

    request_id: str = ""
    address: str = ""


_NONE = RequestInfo()
_present: ContextVar[RequestInfo] = ContextVar("request_info", default=_NONE)
_used: ContextVar[dict[tuple[UUID, str], Path] | None] = ContextVar("used_paths", default=None)


def present() -> RequestInfo:
    """The request under way; empty fields outside of one."""
    return _present.get()


@contextmanager
def entered(address: str = "") -> Iterator[RequestInfo]:
    """Run something as one request with an id of its own."""
    info = RequestInfo(uuid.uuid4().hex, address)
    token, used = _present.set(info), _used.set({})
    try:
        yield info
    finally:
        _used.reset(used)
        _present.reset(token)


def note_used(decision: Decision) -> None:
    """Remember by which path something was allowed; nothing outside of a request."""
    used, path = _used.get(), decision.path
    if used is not None and path is not None:
        used[decision.tenant_id, path.source] = path


def used_paths() -> dict[tuple[UUID, str], Path]:
    """The paths that allowed what the request under way has done so far, by tenant and source."""
    return _used.get() or {}
