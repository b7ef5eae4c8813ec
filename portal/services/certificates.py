"""Certificates: what was done about a partner, signed by the portal (docs/access.md, *Certificates*)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils.translation import get_language

from portal import access, audit, certificates, clock, signing
from portal.catalogue import Capability
from portal.certificates import Content
from portal.errors import PermissionDenied
from portal.models import Certificate, Tenant, User
from portal.writes import writes

_LOCK_CLASS = 0x63657274  # a key space of its own: certificates of one tenant are issued one after the other


@writes
def issue_certificate(
    *, tenant: Tenant, partner: Tenant, actor: User, content: Content, kind: str = "clean_exit"
) -> Certificate:
    """Sign what was done about this partner and keep it, with the tenant's next number; audited on both sides.

    Call it last inside the service that did it, so that they are committed together. The words of `content` are in
    the language that is active; nothing secret belongs there. Raises ValueError for content that contradicts itself,
    PermissionDenied unless the actor holds `partners.view` in the tenant itself (never on behalf).
    """
    certificates.check_content(content)
    decision = access.require(actor, Capability.PARTNERS_VIEW, tenant)
    if decision.is_on_behalf:
        raise PermissionDenied(replace(decision, paths=()))
    certificate = Certificate(
        tenant=tenant,
        partner=partner,
        number=_next_number(tenant),
        kind=kind,
        is_complete=content["is_complete"],
        issued_at=clock.now().replace(microsecond=0),
        issued_by=actor,
        key_id=signing.key_id(),
    )
    signed = signing.canonical(_document(certificate, content))
    certificate.document, certificate.signature = signed.decode(), signing.sign(signed)
    certificate.save(force_insert=True)
    audit.record(
        "certificate.issued",
        actor=actor,
        tenant=tenant,
        also=[partner],
        target=certificate,
        decision=decision,
        after={"partner": partner.display_name, "complete": content["is_complete"], "number": certificate.number},
    )
    return certificate


def _next_number(tenant: Tenant) -> int:
    """Whoever comes second waits for the first one's commit (the database's own trigger takes the same lock)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, str(tenant.pk)])
    last = Certificate.objects.filter(tenant=tenant).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _document(certificate: Certificate, content: Content) -> dict[str, Any]:
    by = certificate.issued_by
    return {
        "kind": certificates.KIND,
        "version": certificates.VERSION,
        "about": certificate.kind,
        "number": certificate.number,
        "issued_at": certificate.issued_at.isoformat(),
        "issued_by": {"id": str(by.pk), "name": by.display_name, "sign_in_name": by.sign_in_name},
        "tenant": _named(certificate.tenant),
        "partner": _named(certificate.partner),
        "is_complete": certificate.is_complete,
        "content": content,
        "language": get_language() or settings.LANGUAGE_CODE,
        "portal": settings.MANDATE_BASE_URL,
        "key_id": certificate.key_id,
    }


def _named(tenant: Tenant) -> dict[str, str]:
    return {"id": str(tenant.pk), "name": tenant.display_name, "domain": tenant.default_domain}
