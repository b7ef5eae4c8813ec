"""*End everything with this partner*: what there is, the act, and its certificate (DOMAIN §9)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from delegation import clean_exit, services
from delegation.forms import CleanExitForm
from delegation.views.partner_relationships import find_pair
from portal import signing
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import Certificate
from portal.views.acting import place


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """Everything of every kind, ticked where this person can end it; then the act."""
    pair = find_pair(request, pair_id)
    here = place(request)
    if here.is_on_behalf:
        raise PermissionDenied(here.rights.decide(Can.PARTNERS_REMOVE_DAP))
    form = CleanExitForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("chosen", "reason", "blocks")}
        try:
            certificate = services.end_everything(pair=pair, actor=here.user, **values)
            return redirect("clean-exit-done", here.tenant.slug, pair.pk, certificate.pk)
        except Refused as refused:
            form.add_error(None, refused.message)
    found = clean_exit.found(pair, here.user)
    ticked = request.POST.getlist("chosen") if form.is_bound else [name for kind in found for name in kind.names]
    context = {"pair": pair, "form": form, "found": _shown(found, set(ticked)), "can_block": _can_block(here)}
    return render(request, "delegation/clean_exit.html", context, status=400 if form.errors else 200)


def _can_block(here: Any) -> bool:
    return bool(here.rights.allows(Can.PARTNERS_ACCEPT_WITH_ROLES))


def _shown(found: list[clean_exit.Found], ticked: set[str]) -> list[dict[str, Any]]:
    """Kinds with their rows, as the template shows them; only what there is."""
    return [
        {
            "title": kind.kind.title,
            "rows": [
                {
                    "label": item.label,
                    "detail": item.detail,
                    "url": item.url,
                    "name": kind.name(item),
                    "ticked": kind.name(item) in ticked and kind.may_end(item),
                    "reason": kind.refusals.get(item.key, ""),
                }
                for item in kind.items
            ],
        }
        for kind in found
        if kind.items
    ]


@require_safe
def done(request: HttpRequest, pair_id: UUID, certificate_id: UUID) -> HttpResponse:
    """What was ended and what is left, as the certificate says it, with its files."""
    pair = find_pair(request, pair_id)
    rows = Certificate.objects.filter(tenant=pair.customer_id, partner=pair.partner_id, pk=certificate_id)
    certificate = rows.select_related("tenant", "partner", "issued_by").first()
    if certificate is None:
        raise Http404
    document = signing.read_json(certificate.document.encode())
    context = {"pair": pair, "certificate": certificate, "content": document["content"]}
    return render(request, "delegation/clean_exit_done.html", context)
