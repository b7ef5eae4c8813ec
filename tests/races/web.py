"""The real web server, two worker processes, on the tests' database; and somebody's browser on a kept connection."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from django.utils.http import urlencode

from portal.management.commands.up import HOST, portal_processes
from portal.models import User


@contextmanager
def serving() -> Iterator[int]:
    """Run the web server as the launcher does; yields its port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    web = next(child for child in portal_processes(port) if child.name == "web")
    web.env = {
        **web.env,
        "DJANGO_SETTINGS_MODULE": "tests.races.settings",
        "RACES_DATABASE": connection.settings_dict["NAME"],
    }
    web.start()
    try:
        _wait(port)
        yield port
    finally:
        web.stop()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if _healthy(port):
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    raise AssertionError("the web server did not start within 60 s")


def _healthy(port: int) -> bool:
    probe = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        probe.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
        return probe.getresponse().status == 200
    finally:
        probe.close()


class Browser:
    """A signed-in person's requests over one connection."""

    def __init__(self, port: int, person: User) -> None:
        session = Client()
        session.force_login(person)
        key = session.cookies[settings.SESSION_COOKIE_NAME].value
        self.token = _get_new_csrf_string()
        self.headers = {"Host": "127.0.0.1", "Cookie": f"session-{port}={key}; csrf-{port}={self.token}"}
        self.connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def get(self, path: str) -> int:
        """The status of a page."""
        return self._send("GET", path, None, {})

    def post(self, path: str, **fields: str) -> int:
        """The status of a form's answer."""
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": self.token}
        return self._send("POST", path, urlencode(fields), form)

    def _send(self, method: str, path: str, body: str | None, more: dict[str, str]) -> int:
        self.connection.request(method, path, body, {**self.headers, **more})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Hang up."""
        self.connection.close()
