"""Certificates as files: one signed JSON document, and the same as PDF, both verified without any database.

JSON: `{"document": …, "signature": …}`, the signature over the document's canonical form. PDF: `portal.certificate_pdf`
prints the document and attaches that JSON; a last line after the end of the PDF signs every byte before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from portal import signing
from portal.signing import BadSignature

if TYPE_CHECKING:
    from portal.models import Certificate

KIND = "mandate.certificate"
VERSION = 1
#: The line after a PDF's end; readers of PDF ignore it.
_LAST_LINE = re.compile(rb"%mandate-signature 1 ([0-9a-f]{32}) ([A-Za-z0-9+/=]{88})\n\Z")
_LAST_LINE_LENGTH = len("%mandate-signature 1 ") + 32 + 1 + 88 + 1


class Line(TypedDict):
    """One right that was found: what it is, whose or where, what became of it; `is_left` if it still stands."""

    label: str
    detail: str
    outcome: str
    is_left: bool


class Section(TypedDict):
    """Lines of one kind."""

    title: str
    lines: list[Line]


class Content(TypedDict):
    """What a certificate says, in words that a person reads (in the language in which it is issued)."""

    title: str
    summary: NotRequired[str]
    is_complete: bool
    sections: list[Section]


def check_content(content: Content) -> None:
    """Raises ValueError where a certificate would contradict itself."""
    left = [line for section in content["sections"] for line in section["lines"] if line["is_left"]]
    if content["is_complete"] == bool(left):
        raise ValueError("a certificate is complete where nothing is left, and only there")


def as_json(document: str, signature: str) -> bytes:
    """The file of a signed document: exactly these bytes verify."""
    return f'{{"document":{document},"signature":"{signature}"}}\n'.encode()


def json_of(certificate: Certificate) -> bytes:
    """The certificate as it was signed when it was issued."""
    return as_json(certificate.document, certificate.signature)


def pdf_of(certificate: Certificate) -> bytes:
    """The same for print, signed as a file by the key that signs now."""
    from portal import certificate_pdf  # drawing and fonts: every process would start later for it

    document = signing.read_json(certificate.document.encode())
    raw = certificate_pdf.printed(document, attachment=json_of(certificate))
    return raw + f"%mandate-signature 1 {signing.key_id()} {signing.sign(raw)}\n".encode()


def verify(raw: bytes, keys: signing.Keys | None = None) -> dict[str, Any]:
    """The document of a certificate's file, if every byte of it is as it was issued.

    Needs no database; `keys` are those of this installation, or what `signing.read_pem` read.
    Raises BadSignature with what is wrong.
    """
    if raw.startswith(b"%PDF-"):
        return _verify_json(_attached(raw, keys), keys)
    return _verify_json(raw, keys)


def _attached(raw: bytes, keys: signing.Keys | None) -> bytes:
    """The attachment of a PDF whose own signature is good."""
    found = _LAST_LINE.search(raw[-_LAST_LINE_LENGTH:])
    if found is None:
        raise BadSignature("it doesn't end with a signature: something was cut off or added")
    body = raw[:-_LAST_LINE_LENGTH]
    signing.check(body, found[2].decode("ascii"), found[1].decode("ascii"), keys)
    start = body.find(b'{"document":')
    end = body.find(b"\nendstream", start)
    if start < 0 or end < 0:
        raise BadSignature("it is signed, but no certificate")
    return body[start:end].rstrip(b"\n") + b"\n"


def _verify_json(raw: bytes, keys: signing.Keys | None) -> dict[str, Any]:
    try:
        content = signing.read_json(raw)
    except ValueError as error:
        raise BadSignature(f"it is no certificate in JSON or PDF: {error}") from None
    document, signature = content.get("document"), content.get("signature")
    if set(content) != {"document", "signature"} or not isinstance(document, Mapping):
        raise BadSignature("it is no certificate: document and signature are expected")
    signed = signing.bytes_of(document)
    signing.check(signed, signature, document.get("key_id"), keys)
    if document.get("kind") != KIND or document.get("version") != VERSION:
        raise BadSignature("it is signed, but no certificate of a known version")
    if as_json(signed.decode(), str(signature)) != raw:
        raise BadSignature("its content is as it was signed, but the file was written anew")
    return dict(document)
