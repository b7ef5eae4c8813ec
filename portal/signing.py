"""The installation's signature: Ed25519 over canonical JSON, for heads of the audit log and for certificates.

Whoever has the public key (`manage.py audit public-key`) checks it without this portal and without its database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

#: Key id → public key.
Keys = Mapping[str, Ed25519PublicKey]
_PEM_END = b"-----END PUBLIC KEY-----"


class BadSignature(Exception):
    """Why something isn't as this portal signed it; the message is for people."""


@lru_cache(maxsize=16)
def _private(secret: bytes) -> Ed25519PrivateKey:
    """The key pair that belongs to a secret: the same one on every machine that knows it."""
    seed = HKDF(hashes.SHA256(), length=32, salt=None, info=b"mandate signing key, version 1").derive(secret)
    return Ed25519PrivateKey.from_private_bytes(seed)


def _own() -> Ed25519PrivateKey:
    return _private(settings.MANDATE_SIGNING_KEY)


def id_of(key: Ed25519PublicKey) -> str:
    """Name of a public key: the first 32 digits of the SHA-256 of its DER form."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:32]


def key_id() -> str:
    """Name of the key that signs now."""
    return id_of(_own().public_key())


def known_keys() -> Keys:
    """This installation's keys: the one that signs, then the retired ones, which still verify."""
    secrets = (settings.MANDATE_SIGNING_KEY, *settings.MANDATE_SIGNING_KEY_FALLBACKS)
    return {id_of(key): key for key in (_private(secret).public_key() for secret in secrets)}


def public_pem() -> str:
    """All public keys of this installation as PEM, the one that signs now first."""
    return "".join(_pem(key) for key in known_keys().values())


def _pem(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def read_pem(text: bytes) -> Keys:
    """The public keys of a PEM file. Raises ValueError where there is none, or one of another kind."""
    found = {}
    for block in text.split(_PEM_END)[:-1]:
        try:
            key = serialization.load_pem_public_key(block + _PEM_END + b"\n")
        except UnsupportedAlgorithm as error:
            raise ValueError("a key of an unknown kind") from error
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("a key that isn't Ed25519")
        found[id_of(key)] = key
    if not found:
        raise ValueError("no public key")
    return found


def canonical(document: Mapping[str, Any]) -> bytes:
    """What is signed: JSON with sorted keys, no white space, UTF-8; what JSON doesn't know raises TypeError."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sign(message: bytes) -> str:
    """The signature of some bytes, as base64."""
    return base64.b64encode(_own().sign(message)).decode("ascii")


def check(message: bytes, signature: object, key: object, keys: Keys | None = None) -> None:
    """Raises BadSignature unless one of the keys (default: this installation's) of this id made the signature."""
    known = known_keys() if keys is None else keys
    public = known.get(key) if isinstance(key, str) else None
    if public is None:
        raise BadSignature(f"it was signed by a key that isn't known here: {str(key)[:64]}")
    try:
        raw = base64.b64decode(str(signature), validate=True)
        if base64.b64encode(raw).decode("ascii") != signature:  # one signature, one way to write it
            raise InvalidSignature
        public.verify(raw, message)
    except (InvalidSignature, binascii.Error, ValueError):
        raise BadSignature("its signature is wrong") from None


def signed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the id of the key that signs, and the signature over all of it."""
    complete = {**document, "key_id": key_id()}
    return {**complete, "signature": sign(canonical(complete))}


def opened(document: Mapping[str, Any], keys: Keys | None = None) -> dict[str, Any]:
    """What `signed` was given. Raises BadSignature for anything else."""
    content = dict(document)
    signature = content.pop("signature", None)
    check(bytes_of(content), signature, content.get("key_id"), keys)
    del content["key_id"]
    return content


def bytes_of(document: Mapping[str, Any]) -> bytes:
    """The canonical form of what somebody else wrote. Raises BadSignature for what has none."""
    try:
        return canonical(document)
    except (TypeError, ValueError, RecursionError):  # half a character, a number without end: nobody signed that
        raise BadSignature("it holds what is never signed") from None


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else, also for a name that stands there twice."""
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(content, dict):
        raise ValueError("no object")
    return content


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} stands there twice")
        found[name] = value
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
