"""A mail server that stops, refuses or breaks off where a test says."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

Action = Callable[[], str | None]
BREAK_OFF = "break off"


class Gate:
    """Where the server waits until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        self._opened.wait(60)

    def wait(self) -> None:
        """Wait until the server is here."""
        assert self.reached.wait(30), "the worker never came here"

    def open(self) -> None:
        """Let the server go on."""
        self._opened.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MailServer:
    """Listens on a loopback port. `plan[step]` holds what happens at the next visits of a step; then all is well.

    Steps: greeting, mail, rcpt, body (while the content comes), data (content is there, no answer yet).
    """

    def __init__(self) -> None:
        self.plan: dict[str, list[Action]] = defaultdict(list)
        self.accepted: list[str] = []
        self._open: set[asyncio.Transport] = set()
        server = self

        class Session(SMTP):
            async def _handle_client(self) -> None:
                server._open.add(self.transport)
                if await server.visit("greeting") == BREAK_OFF:
                    self.transport.abort()
                else:
                    await super()._handle_client()

            def connection_lost(self, error: Exception | None) -> None:
                server._open.discard(self.transport)
                super().connection_lost(error)

            async def smtp_DATA(self, argument: str) -> None:  # noqa: N802
                if server.plan["body"]:
                    await self.push("354 go on")
                    await self._reader.readline()
                    await server.visit("body")
                    self.transport.abort()
                    return
                await super().smtp_DATA(argument)

        class Listener(Controller):
            def factory(self) -> Session:
                return Session(self.handler, enable_SMTPUTF8=True, loop=self.loop)

        self.port = _free_port()
        self._make_listener = lambda: Listener(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)

    def start(self) -> None:
        """Listen, also again after `stop`."""
        self._listener = self._make_listener()
        self._listener.start()

    def stop(self) -> None:
        """Stop listening and break off what is under way."""
        asyncio.run_coroutine_threadsafe(self._break_off(), self._listener.loop).result(10)
        self._listener.stop(no_assert=True)

    async def _break_off(self) -> None:
        for transport in list(self._open):
            transport.abort()
        while self._open:
            await asyncio.sleep(0.01)

    async def visit(self, step: str) -> str | None:
        """Do what the plan says for this visit; its answer, if any."""
        if not self.plan[step]:
            return None
        action = self.plan[step].pop(0)
        return await asyncio.get_running_loop().run_in_executor(None, action)

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """`MAIL FROM`."""
        answer = await self.visit("mail")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """`RCPT TO`."""
        answer = await self.visit("rcpt")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """The content is there; the answer decides whether it counts as taken."""
        answer = await self.visit("data")
        if answer == BREAK_OFF:
            server.transport.abort()
        if answer is None:
            self.accepted.append(message_from_bytes(envelope.content)["Message-ID"])
        return answer or "250 OK"
