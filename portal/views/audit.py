"""The audit log of a tenant: for `audit.view`, and for `partner_audit.view` in the partner's own (DOMAIN §15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import audit_heads, audit_retention, audit_words
from portal.audit_filters import AuditFilter
from portal.catalogue import Capability
from portal.lists import Listing
from portal.models import AuditEntry
from portal.tables import AuditExportTable, AuditTable
from portal.views.acting import Place, place

_CHUNK = 2_000


def _check(here: Place) -> None:
    """Either right opens the page; without one the refusal names the tenant's own."""
    own, partners = Capability.AUDIT_VIEW, Capability.PARTNER_AUDIT_VIEW
    here.check(partners if here.rights.allows(partners) and not here.rights.allows(own) else own)


def _rows(here: Place) -> QuerySet[AuditEntry]:
    """The chain's rows; on behalf only those that concern the tenant itself and the reader's own partner.

    DOMAIN §5: of other partners only the own partner's rows are visible, and nobody sees through a customer to the
    customer's customers. What higher apps record is about partners: of those, the rows that the reader's own chain has.
    """
    rows = AuditEntry.objects.filter(tenant=here.tenant)
    if not here.is_on_behalf:
        return rows
    own = here.user.tenant_id
    in_own_chain = AuditEntry.objects.filter(
        tenant_id=own,
        target_id=OuterRef("target_id"),
        action=OuterRef("action"),
        request_id=OuterRef("request_id"),
    )
    our_own = Q(target_type__startswith="portal.") & ~Q(target_type__in=["portal.pair", "portal.certificate"])
    about_partners = ~Q(target_type="") & ~our_own
    return rows.filter(
        Q(actor_tenant_id__isnull=True) | Q(actor_tenant_id__in=[here.tenant.pk, own]),
        Q(on_behalf_tenant_id__isnull=True) | Q(on_behalf_tenant_id=here.tenant.pk),
        ~about_partners | Exists(in_own_chain),
    )


def _listing(request: HttpRequest, here: Place, table: type[AuditTable]) -> Listing:
    def enrich(rows: list[AuditEntry]) -> None:
        audit_words.attach(rows, reader=here.user.tenant_id, chain=here.tenant.pk)
        for row in rows:
            row.is_open = request.GET.get("open") == str(row.seq)  # type: ignore[attr-defined]
            query = request.GET.copy()
            query.pop("open", None)
            if not row.is_open:  # type: ignore[attr-defined]
                query["open"] = str(row.seq)
            row.open_url = f"?{query.urlencode()}"  # type: ignore[attr-defined]
            row.about_url = f"?{urlencode({'target': f'{row.target_type}:{row.target_id}'})}"  # type: ignore[attr-defined]

    return Listing(request, table, _rows(here), AuditFilter, enrich)


@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """The list; a row opens to what was before and after."""
    here = place(request)
    _check(here)
    listing = _listing(request, here, AuditTable)
    query = request.GET.urlencode()
    kept = [(name, value) for name, value in request.GET.items() if name == "sort"]
    organisation = _("Partner or customer") if here.tenant.partner_profile else _("Partner")
    context = listing.context(
        page_title=_("Audit log"),
        search_label=_("Name or sign-in name"),
        kept=kept,
        export_url=f"{here.url('audit-log-csv')}?{query}",
        head_url=here.url("audit-log-head"),
        lines_url=f"{here.url('audit-log-lines')}?{query}",
        is_on_behalf=here.is_on_behalf,
        organisation=organisation,
        kept_days=number_format(audit_retention.kept_days(), force_grouping=True),
    )
    return render(request, "portal/audit_log.html", context)


@require_safe
def audit_log_csv(request: HttpRequest) -> HttpResponse:
    """All matching rows as CSV, times in UTC."""
    here = place(request)
    _check(here)
    return _listing(request, here, AuditExportTable).csv(f"audit-{here.tenant.slug}")


@require_safe
def audit_log_lines(request: HttpRequest) -> HttpResponse:
    """All matching rows as JSON Lines, one object a row, the oldest first, with the hash of its place in the chain."""
    here = place(request)
    _check(here)
    rows = _listing(request, here, AuditTable).rows.order_by("seq")
    answer = StreamingHttpResponse(_lines(rows, here), content_type="application/x-ndjson")
    answer["Content-Disposition"] = f'attachment; filename="audit-{here.tenant.slug}.jsonl"'
    return answer


@require_safe
def audit_log_head(request: HttpRequest) -> HttpResponse:
    """Where the chain ends now, signed: whoever keeps it can show later that a tail was cut."""
    here = place(request)
    _check(here)
    text = json.dumps(audit_heads.signed_head(here.tenant), indent=1, ensure_ascii=False)
    answer = HttpResponse(text + "\n", content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="audit-head-{here.tenant.slug}.json"'
    return answer


def _lines(rows: QuerySet[AuditEntry], here: Place) -> Iterator[str]:
    chunk: list[AuditEntry] = []
    for row in rows.iterator(chunk_size=_CHUNK):
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield from _written(chunk, here)
            chunk = []
    yield from _written(chunk, here)


def _written(chunk: list[AuditEntry], here: Place) -> Iterator[str]:
    audit_words.attach(chunk, reader=here.user.tenant_id, chain=here.tenant.pk)
    for row in chunk:
        yield json.dumps(_line(row), ensure_ascii=False, default=str) + "\n"


def _line(row: AuditEntry) -> dict[str, Any]:
    said = audit_words.shown(row)
    return {
        "seq": row.seq,
        "at": row.at.astimezone(UTC).isoformat(),  # to the microsecond, as the hash covers it
        "actor": said.actor,
        "actor_id": row.actor_id,
        "actor_tenant": said.home,
        "actor_tenant_id": row.actor_tenant_id,
        "on_behalf_of": said.behalf,
        "on_behalf_of_id": row.on_behalf_tenant_id,
        "path": row.path,
        "role": row.role,
        "action": row.action,
        "target": said.target,
        "target_type": row.target_type,
        "target_id": row.target_id,
        "details": said.content,
        "request_id": row.request_id,
        "address": row.address,
        "hash": bytes(row.hash).hex(),
    }
