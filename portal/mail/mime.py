"""Messages that become bytes quickly.

Measured (`bench mail`): half of a message's cost was the e-mail library's search for a boundary, its folding of plain
headers and its walk over every line. Whatever isn't plain is left to the library.
"""

from __future__ import annotations

from email.message import Message as Mime
from email.policy import Compat32
from email.utils import formatdate
from typing import Any

from anymail.message import AnymailMessage
from django.core.mail.message import forbid_multi_line_headers

_MOST_IN_HEADER = 76
_MOST_IN_LINE = 998  # RFC 5322: longer ones need another encoding


class PlainHeaders(Compat32):
    """Writes a short plain header as it is, and leaves every other one to the library."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One header as bytes, with its line end."""
        text = str(value)
        if len(name) + len(text) < _MOST_IN_HEADER and text.isascii() and text.isprintable():
            return f"{name}: {text}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


class Alternative(Mime):
    """`multipart/alternative` of 8-bit parts without long lines: its bytes are its parts, joined."""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, linesep: str = "\n") -> bytes:
        """The whole message, with these line ends."""
        policy = PlainHeaders(linesep=linesep)
        end = linesep.encode()
        fence = b"--" + str(self.get_boundary()).encode()
        pieces = [_head(self, policy)]
        for part in self.get_payload():
            payload = part.get_payload(decode=True).replace(b"\n", end)
            pieces += [fence, end, _head(part, policy), payload, end]
        return b"".join([*pieces, fence, b"--", end])


def _head(part: Mime, policy: PlainHeaders) -> bytes:
    return b"".join([policy.fold_binary(*header) for header in part.items()]) + policy.linesep.encode()


def _part(content_type: str, text: str) -> Mime:
    part = Mime()
    part["Content-Type"] = f'{content_type}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "8bit"
    part.set_payload(text.encode().decode("ascii", "surrogateescape"))
    return part


class Message(AnymailMessage):
    """A mail of text and HTML, divided by a text that nobody could know (`boundary`)."""

    boundary = ""
    #: The message as it goes over the wire, once it is known that it will (`portal.mail.smtp`).
    wire = b""

    def message(self, *args: Any, **kwargs: Any) -> Mime:
        """The MIME message. Raises BadHeaderError for a header of several lines."""
        texts = [("text/plain", self.body), *((part.mimetype, part.content) for part in self.alternatives)]
        texts = [(kind, str(text).replace("\r\n", "\n").replace("\r", "\n")) for kind, text in texts]
        if self.attachments or any(_has_long_line(text) for _kind, text in texts):
            return super().message(*args, **kwargs)
        found = Alternative()
        found["Content-Type"] = f'multipart/alternative; boundary="{self.boundary}"'
        found["MIME-Version"] = "1.0"
        headers = {"Subject": self.subject, "From": self.from_email, "To": ", ".join(self.to), "Date": formatdate()}
        for name, value in (headers | self.extra_headers).items():
            found[name] = forbid_multi_line_headers(name, value, "utf-8")[1]
        found.set_payload([_part(kind, text) for kind, text in texts])
        return found


def _has_long_line(text: str) -> bool:
    return max(map(len, text.encode().split(b"\n"))) > _MOST_IN_LINE
