"""`manage.py audit …`: verify chains, heads and certificates; export heads and the public key (DOMAIN §15)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from portal import audit, audit_heads, certificates, signing
from portal.models import Tenant
from portal.signing import BadSignature


class Command(BaseCommand):
    """What proves that the audit log and the certificates are as they were written."""

    help = "Verify the audit chains and certificates; export the heads of the chains and the public key."
    requires_system_checks: list[str] = []  # certificates are verified where there is no database

    def add_arguments(self, parser: CommandParser) -> None:
        """One action each."""
        actions = parser.add_subparsers(dest="action", required=True)
        head = actions.add_parser("head", help="print where every chain ends, as signed JSON; keep it elsewhere")
        head.add_argument("--tenant", metavar="SLUG", help="only this tenant's chain: what its Audit log page exports")
        verify = actions.add_parser("verify", help="recompute the chains; ends with status 1 at a finding")
        verify.add_argument("--tenant", metavar="SLUG", help="only this tenant's chain")
        verify.add_argument("--head", metavar="FILE", type=Path, help="a head exported earlier: shows a cut tail")
        actions.add_parser("public-key", help="print the public keys as PEM: the one that signs, then retired ones")
        file = actions.add_parser("verify-certificate", help="verify a certificate (JSON or PDF), without the database")
        file.add_argument("file", metavar="FILE", type=Path)
        file.add_argument("--public-key", metavar="PEM", type=Path, help="instead of this installation's own keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one of them."""
        action = options["action"]
        if action == "head":
            document = _head(options["tenant"]) if options["tenant"] else audit_heads.signed_heads()
            self.stdout.write(json.dumps(document, indent=1, ensure_ascii=False))
        elif action == "verify":
            self._verify(options["tenant"], options["head"])
        elif action == "public-key":
            self.stdout.write(signing.public_pem(), ending="")
        else:
            self._verify_certificate(options["file"], options["public_key"])

    def _verify(self, slug: str | None, file: Path | None) -> None:
        tenants = Tenant.objects.order_by("slug")
        if slug:
            tenants = tenants.filter(pk=_tenant(slug).pk)
        heads = _heads(file) if file else {}
        if heads:
            _all_there(heads, tenants if slug else None)
        findings = 0
        for tenant in tenants.iterator():
            finding = audit.verify(tenant.pk, head=heads.get(tenant.pk))
            if finding is not None:
                findings += 1
                self.stdout.write(f"{tenant.slug}: row {finding.seq}: {finding.problem}")
        if findings:
            raise CommandError(f"{findings} chain(s) are not as they were written")
        self.stdout.write(f"{tenants.count()} chain(s) are as they were written")

    def _verify_certificate(self, file: Path, pem: Path | None) -> None:
        try:
            keys = signing.read_pem(_bytes(pem)) if pem else None
        except ValueError as error:
            raise CommandError(f"{pem} holds no public key of a portal: {error}") from error
        try:
            document = certificates.verify(_bytes(file), keys)
        except BadSignature as bad:
            raise CommandError(f"{file} is not as it was issued: {bad}") from bad
        tenant, partner = document["tenant"], document["partner"]
        verdict = "complete" if document["is_complete"] else "INCOMPLETE"
        self.stdout.write(
            f"{file} is as it was issued.\n"
            f"Certificate {document['number']} of {tenant['name']} ({tenant['domain']})"
            f" about {partner['name']} ({partner['domain']}): {verdict}\n"
            f"Issued at {document['issued_at']} by {document['issued_by']['sign_in_name']}, key {document['key_id']}"
        )


def _tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"there is no tenant {slug}")
    return tenant


def _head(slug: str) -> dict[str, Any]:
    return audit_heads.signed_head(_tenant(slug))


def _all_there(heads: audit_heads.Heads, wanted: QuerySet[Tenant] | None) -> None:
    """A head that no chain is compared with would prove nothing: of another tenant, or of one that is gone."""
    if wanted is not None:
        if not set(heads) & set(wanted.values_list("pk", flat=True)):
            raise CommandError("the exported head is of another tenant's chain")
        return
    gone = set(heads) - set(Tenant.objects.filter(pk__in=heads).values_list("pk", flat=True))
    if gone:
        raise CommandError(f"the exported heads name tenants that are not there: {', '.join(sorted(map(str, gone)))}")


def _heads(file: Path) -> audit_heads.Heads:
    try:
        return audit_heads.read(_bytes(file))
    except BadSignature as bad:
        raise CommandError(f"{file} is not as it was exported: {bad}") from bad


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error
