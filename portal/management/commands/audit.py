"""`manage.py audit head` exports where every chain ends, signed; `audit verify` finds the first tampered row."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import audit, clock
from portal.models import Tenant

Heads = dict[UUID, tuple[int, bytes]]


class Command(BaseCommand):
    """Checks the audit chains (DOMAIN §15)."""

    help = "Export the heads of the audit chains, or verify the chains."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("head", help="print where every chain ends, as signed JSON; keep it elsewhere")
        verify = actions.add_parser("verify", help="recompute the chains; ends with status 1 at a finding")
        verify.add_argument("--tenant", metavar="SLUG", help="only this tenant's chain")
        verify.add_argument("--head", metavar="FILE", type=Path, help="heads exported earlier: shows a cut tail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one of them."""
        if options["action"] == "head":
            self.stdout.write(export(audit.heads()))
        else:
            self._verify(options["tenant"], options["head"])

    def _verify(self, slug: str | None, file: Path | None) -> None:
        tenants = Tenant.objects.order_by("slug")
        if slug:
            tenants = tenants.filter(slug=slug)
            if not tenants.exists():
                raise CommandError(f"there is no tenant {slug}")
        heads = read(file) if file else {}
        findings = 0
        for tenant in tenants.iterator():
            finding = audit.verify(tenant.pk, head=heads.get(tenant.pk))
            if finding is not None:
                findings += 1
                self.stdout.write(f"{tenant.slug}: row {finding.seq}: {finding.problem}")
        if findings:
            raise CommandError(f"{findings} chain(s) are not as they were written")
        self.stdout.write(f"{tenants.count()} chain(s) are as they were written")


def export(heads: Heads) -> str:
    """The heads as JSON text, signed with the audit key."""
    content = {
        "made_at": clock.now().isoformat(),
        "heads": [
            {"tenant": str(tenant_id), "seq": seq, "hash": digest.hex()}
            for tenant_id, (seq, digest) in sorted(heads.items())
        ],
    }
    return json.dumps({**content, "signature": _signature(content)}, indent=1)


def read(file: Path) -> Heads:
    """The heads of an exported file. Raises CommandError where it can't be read or isn't as it was exported."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        signature = str(content.pop("signature"))
        heads = {UUID(head["tenant"]): (int(head["seq"]), bytes.fromhex(head["hash"])) for head in content["heads"]}
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{file} is no export of heads") from error
    if not hmac.compare_digest(signature.encode(), _signature(content).encode()):
        raise CommandError(f"{file} is not as it was exported: its signature is wrong")
    return heads


def _signature(content: dict[str, Any]) -> str:
    return audit.chain_hash(b"", ("heads|" + audit.canonical(content)).encode()).hex()
