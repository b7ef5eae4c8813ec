"""Signed heads: where a chain ended at a moment, for its tenant to keep. A tail that is cut later shows against one."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from portal import audit, clock, signing
from portal.models import Tenant
from portal.signing import BadSignature

#: Tenant → number and hash of the last row.
Heads = dict[UUID, tuple[int, bytes]]
ONE, ALL = "mandate.audit-head", "mandate.audit-heads"


def signed_head(tenant: Tenant) -> dict[str, Any]:
    """Where this tenant's chain ends now, signed."""
    return signing.signed({"kind": ONE, "version": 1, "at": _now(), **_head(tenant.pk, tenant.slug)})


def signed_heads() -> dict[str, Any]:
    """The same of every chain in one document: a missing one would show too."""
    slugs = dict(Tenant.objects.values_list("pk", "slug"))
    heads = [_head(tenant_id, slugs[tenant_id], end) for tenant_id, end in sorted(audit.heads().items())]
    return signing.signed({"kind": ALL, "version": 1, "at": _now(), "heads": heads})


def _now() -> str:
    return clock.now().isoformat()


def _head(tenant_id: UUID, slug: str, end: tuple[int, bytes] | None = None) -> dict[str, Any]:
    seq, digest = end or audit.head(tenant_id)
    return {"tenant": str(tenant_id), "slug": slug, "seq": seq, "hash": digest.hex()}


def read(raw: bytes, keys: signing.Keys | None = None) -> Heads:
    """The heads of an exported file. Raises BadSignature where it isn't as it was exported."""
    try:
        document = signing.read_json(raw)
    except ValueError as error:
        raise BadSignature(f"it is no export of heads: {error}") from None
    if "key_id" not in document and "made_at" in document:
        return _read_keyed(document)
    content = signing.opened(document, keys)
    kind = content.get("kind")
    if kind not in (ONE, ALL) or content.get("version") != 1:
        raise BadSignature("it is signed, but no export of heads")
    return _ends(content["heads"] if kind == ALL else [content])


def _read_keyed(document: dict[str, Any]) -> Heads:
    """An export of 0.2 or before, which was signed with the audit key."""
    signature = str(document.pop("signature", "")).encode("utf-8", "replace")
    signing.bytes_of(document)  # refuses what has no bytes
    expected = audit.chain_hash(b"", ("heads|" + audit.canonical(document)).encode()).hex()
    if not hmac.compare_digest(signature, expected.encode()):
        raise BadSignature("its signature is wrong")
    return _ends(document["heads"])


def _ends(heads: Iterable[dict[str, Any]]) -> Heads:
    return {UUID(head["tenant"]): (int(head["seq"]), bytes.fromhex(head["hash"])) for head in heads}
