"""What every request passes through (docs/architecture.md): identity, sign-in, the acting tenant, refusals."""

from __future__ import annotations

import ipaddress
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequired
from django.db import connection
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone, translation

from portal import access, clock, requests
from portal.errors import Refused, TooMany
from portal.models import Pair, Tenant, User
from portal.services import on_behalf

Answer = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Acting:
    """In which tenant's pages the person works, on which side, and what is held there."""

    tenant: Tenant
    rights: access.Rights
    is_partner_side: bool
    user: User

    @cached_property
    def scope_rights(self) -> access.ScopeRights:
        """What is held at the tenant's scopes; asked once, where a page needs it."""
        return access.scope_rights(self.user, self.tenant)

    @property
    def held(self) -> access.Rights:
        """What opened the tenant's pages: roles in it, or else at its scopes."""
        if not self.is_only_by_azure:
            return self.rights
        return access.Rights(self.tenant.pk, self.scope_rights.paths, self.rights.is_insider)

    @property
    def is_on_behalf(self) -> bool:
        """A partner's person in a customer's pages."""
        return not self.is_partner_side and (self.rights.is_on_behalf or self.is_only_by_azure)

    @property
    def is_only_by_azure(self) -> bool:
        """A partner's person who holds nothing in the tenant itself, but an Azure role at one of its scopes."""
        is_elsewhere = self.user.tenant_id != self.tenant.pk and not self.rights.paths
        return is_elsewhere and bool(self.scope_rights.paths)


class RequestIdMiddleware:
    """Gives the request its id and address, refuses NUL, answers refusals that a view let through."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        timezone.deactivate()  # the thread may have served somebody elsewhere before
        with requests.entered(client_address(request)) as info:
            request.id = info.request_id  # type: ignore[attr-defined]
            if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
                return HttpResponseBadRequest("The address holds a character that is not allowed.")
            response = self.get_response(request)
            response["X-Request-Id"] = info.request_id
            if request.resolver_match and "token" in request.resolver_match.kwargs:
                response["Referrer-Policy"] = "no-referrer"  # DOMAIN §3: a link's secret is never sent on
            return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A rule's refusal as a clear page: 409, or 429 for a rate limit."""
        if not isinstance(exception, Refused):
            return None
        status = 429 if isinstance(exception, TooMany) else 409
        return render(request, "refused.html", {"message": exception.message}, status=status)


def client_address(request: HttpRequest) -> str:
    """The address the request came from; a forwarded one counts only from a trusted proxy."""
    address = request.META.get("REMOTE_ADDR", "")
    if address in settings.MANDATE_TRUSTED_PROXIES:
        address = request.META.get("HTTP_X_FORWARDED_FOR", address).rsplit(",", 1)[-1].strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


class LoginRequiredMiddleware(DjangoLoginRequired):
    """Every route is behind sign-in unless marked; a person's language and time zone apply from here on."""

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Redirect the signed-out (htmx too) and take over the person's settings."""
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is not None and request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]})
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
            timezone.activate(zoneinfo.ZoneInfo(request.user.time_zone))
        return answer


class TenantMiddleware:
    """Resolves `/t/<tenant>/…` and `/p/<partner>/…`: strangers get 404 before any view runs.

    The view finds `request.acting`; the slug is taken out of its arguments.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.acting = None  # type: ignore[attr-defined]
        response = self.get_response(request)
        acting = request.acting  # type: ignore[attr-defined]
        if response.status_code < 400 and requests.used_paths():
            note_path_use(request.user)
        if acting is not None and acting.is_on_behalf and response.status_code < 400:
            note_work_on_behalf(request.user.tenant_id, acting.tenant.pk)  # type: ignore[union-attr]
            if acting.tenant.has_on_behalf_notice:
                on_behalf.tell_of_first(actor=acting.user, customer=acting.tenant, rights=acting.held)
        return response

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: dict[str, Any]) -> None:
        """Set `request.acting`; raises Http404 for a stranger or an unknown slug alike."""
        slug, is_partner_side = view_kwargs.pop("tenant_slug", None), False
        if slug is None:
            slug, is_partner_side = view_kwargs.pop("partner_slug", None), True
        if slug is None or not request.user.is_authenticated:
            return
        tenant = Tenant.objects.select_related("profile").filter(slug=slug, disabled_at__isnull=True).first()
        if tenant is None or (is_partner_side and not _is_own_partner(request, tenant)):
            raise Http404
        rights = access.rights(request.user, tenant)
        acting = Acting(tenant, rights, is_partner_side, request.user)  # type: ignore[arg-type]
        if not rights.is_insider and (is_partner_side or not acting.scope_rights.paths):
            raise Http404
        request.acting = acting  # type: ignore[attr-defined]


def _is_own_partner(request: HttpRequest, tenant: Tenant) -> bool:
    return tenant.pk == request.user.tenant_id and tenant.partner_profile is not None  # type: ignore[union-attr]


def note_work_on_behalf(partner_id: Any, customer_id: Any) -> None:
    """Remember, at most hourly and after the request's own transaction, that the partner worked there."""
    now = clock.now()
    stale = Q(last_on_behalf_at__isnull=True) | Q(last_on_behalf_at__lt=now - timedelta(hours=1))
    Pair.objects.filter(stale, partner_id=partner_id, customer_id=customer_id).update(last_on_behalf_at=now)


_NOTE_USE = """
INSERT INTO portal_pathuse (user_id, tenant_id, source, used_at)
SELECT %(user)s, n.tenant_id, n.source, %(now)s
FROM unnest(%(tenants)s::uuid[], %(sources)s::text[]) n(tenant_id, source)
WHERE NOT EXISTS (SELECT 1 FROM portal_pathuse p WHERE p.user_id = %(user)s AND p.tenant_id = n.tenant_id
                  AND p.source = n.source AND p.used_at > %(hour_ago)s)
ON CONFLICT (tenant_id, user_id, source) DO UPDATE SET used_at = excluded.used_at
"""


def note_path_use(user: Any) -> None:
    """Remember, at most hourly and after the request's own transaction, by which paths somebody from outside worked.

    From outside: by a partner's group, or with an account that a partner made or that is a guest's.
    """
    is_guest = user.kind == user.Kind.GUEST or user.made_by_partner_id is not None
    noted = sorted(key for key, path in requests.used_paths().items() if path.is_outside or is_guest)
    if not noted:
        return
    now = clock.now()
    values = {"user": user.pk, "now": now, "hour_ago": now - timedelta(hours=1)}
    lists = {"tenants": [tenant for tenant, _source in noted], "sources": [source for _tenant, source in noted]}
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, values | lists)
