"""The tenant's certificates: the list, and each as PDF and as JSON (`partners.view`)."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import certificates as files
from portal.catalogue import Capability
from portal.filters import CertificateFilter
from portal.lists import Listing
from portal.models import Certificate
from portal.tables import CertificateTable
from portal.views.acting import Place, place


def _place(request: HttpRequest) -> Place:
    here = place(request)
    here.check(Capability.PARTNERS_VIEW)
    return here


def _rows(here: Place) -> QuerySet[Certificate]:
    """The tenant's own; on behalf only those about the reader's own partner (DOMAIN §5)."""
    rows = Certificate.objects.filter(tenant=here.tenant).select_related("tenant", "partner", "issued_by")
    return rows.filter(partner=here.user.tenant_id) if here.is_on_behalf else rows


@require_safe
def certificates(request: HttpRequest) -> HttpResponse:
    """The list, the latest first."""
    here = _place(request)
    listing = Listing(request, CertificateTable, _rows(here).defer("document"), CertificateFilter)
    context = listing.context(
        page_title=_("Certificates"),
        search_label=_("Partner or number"),
        kept=[(name, value) for name, value in request.GET.items() if name in ("sort", "show")],
        chips=("show", CertificateFilter.SHOW),
        export_url=f"{here.url('certificates-csv')}?{request.GET.urlencode()}",
    )
    return render(request, "portal/certificates.html", context)


@require_safe
def certificates_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV."""
    here = _place(request)
    listing = Listing(request, CertificateTable, _rows(here).defer("document"), CertificateFilter)
    return listing.csv(f"certificates-{here.tenant.slug}")


def _found(here: Place, certificate_id: UUID) -> Certificate:
    found = _rows(here).filter(pk=certificate_id).first()
    if found is None:
        raise Http404
    return found


def _file(found: Certificate, content: bytes, kind: str, ending: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    name = f"certificate-{found.tenant.slug}-{found.number}.{ending}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
def pdf(request: HttpRequest, certificate_id: UUID) -> HttpResponse:
    """One certificate on paper, signed as a file."""
    found = _found(_place(request), certificate_id)
    return _file(found, files.pdf_of(found), "application/pdf", "pdf")


@require_safe
def signed(request: HttpRequest, certificate_id: UUID) -> HttpResponse:
    """One certificate as the JSON that was signed when it was issued."""
    found = _found(_place(request), certificate_id)
    return _file(found, files.json_of(found), "application/json", "json")
