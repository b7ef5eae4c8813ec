"""The customer's side: *Partner relationships*, *Remove delegated admin*, consent, blocking (DOMAIN §4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import endings, gdap_customer, history, queries, reach, services
from delegation.filters import PARTNERS_SHOWN, PartnerFilter
from delegation.forms import ReasonForm
from delegation.tables import PartnerTable
from delegation.views import insist
from portal import access, lists, notices
from portal.catalogue import Capability as Can
from portal.models import Pair
from relationships import services as relationship_services
from relationships.models import DeviceConsent

_MOST_NAMES = 5
#: What remains but has a place of its own in the details.
_MADE = ("account", "guest", "role", "reset")
_SHOWN_APART = (*_MADE, "consent", "gdap")


def _pairs(request: HttpRequest) -> QuerySet[Pair]:
    """The tenant's pairs; on behalf only the own partner's (DOMAIN §5)."""
    acting: Any = request.acting  # type: ignore[attr-defined]
    user: Any = request.user
    rows = Pair.objects.filter(customer=acting.tenant, started_at__isnull=False)
    rows = rows.select_related("customer", "partner__profile")
    return rows if user.tenant_id == acting.tenant.pk else rows.filter(partner=user.tenant_id)


def find_pair(request: HttpRequest, pair_id: UUID) -> Any:
    """One of the tenant's partners; raises Http404 for any other, PermissionDenied without the right to see them."""
    insist(request, Can.PARTNERS_VIEW)
    pair = _pairs(request).filter(pk=pair_id).first()
    if pair is None:
        raise Http404
    return pair


def _add_details(pairs: list[Any]) -> None:
    queries.add_details(pairs)
    gdap_customer.add_gdap(pairs)


def _listing(request: HttpRequest, selected: UUID | None = None) -> lists.Listing:
    acting: Any = request.acting  # type: ignore[attr-defined]
    kept = request.GET.urlencode()
    return lists.Listing(
        request,
        PartnerTable,
        _pairs(request).select_related(None).select_related("partner__profile"),
        PartnerFilter,
        enrich=_add_details,
        table_kwargs={
            "url": reverse("partner-relationships", args=[acting.tenant.slug]),
            "kept": kept and f"?{kept}",
            "selected": selected,
            "has_ended": request.GET.get("show") == "ended",
        },
    )


@require_safe
def partner_relationships(request: HttpRequest, pair_id: UUID | None = None) -> HttpResponse:
    """The list of partners, and beside it the one that the address names."""
    insist(request, Can.PARTNERS_VIEW)
    acting: Any = request.acting  # type: ignore[attr-defined]
    user: Any = request.user
    selected = find_pair(request, pair_id) if pair_id else None
    listing = _listing(request, pair_id)
    context = listing.context(
        page_title=_("Partner relationships"),
        search_label=_("Name of a partner"),
        chips=("show", PARTNERS_SHOWN),
        export_url=f"{reverse('partner-relationships-export', args=[acting.tenant.slug])}?{request.GET.urlencode()}",
        totals=queries.totals(acting.tenant, None if user.tenant_id == acting.tenant.pk else user.tenant_id),
    )
    if selected is not None:
        context |= _details(request, selected)
    return render(request, "delegation/partner_relationships.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The filtered list as CSV."""
    insist(request, Can.PARTNERS_VIEW)
    return _listing(request).csv("partner-relationships")  # type: ignore[return-value]


def _details(request: HttpRequest, pair: Any) -> dict[str, Any]:
    """The details pane of one partner, with what this person may do about it."""
    acting: Any = request.acting  # type: ignore[attr-defined]
    rights = acting.rights
    _add_details([pair])
    gdap, asked = gdap_customer.of_pair(pair)
    remains = endings.remaining(pair, ("dap",))
    return {
        "pair": pair,
        "is_own": request.user.tenant_id == acting.tenant.pk,  # type: ignore[union-attr]
        "relationships": pair.relationships.select_related("accepted_by").order_by("-started_at"),
        "consent": DeviceConsent.objects.filter(pair=pair).order_by("-asked_at").first(),
        "reach": reach.reach_of(pair) if pair.is_in_force else [],
        "gdap": gdap,
        "asked": asked,
        "made": [item for item in remains if item.kind in _MADE],
        "elsewhere": [item for item in remains if item.kind not in _SHOWN_APART],
        "history": history.history(pair, acting.tenant),
        "can_remove_roles": rights.allows(Can.GDAP_REMOVE_ROLES),
        "can_remove": rights.allows(Can.PARTNERS_REMOVE_DAP),
        "can_consent": rights.allows(Can.PARTNERS_ACCEPT_WITH_ROLES),
        "can_block": rights.allows(Can.PARTNERS_ACCEPT_WITH_ROLES),
        "administrators": _administrators(request),
    }


def _administrators(request: HttpRequest) -> list[str]:
    """Who could remove it; names only for the tenant's own people."""
    acting: Any = request.acting  # type: ignore[attr-defined]
    user: Any = request.user
    if user.tenant_id != acting.tenant.pk or acting.rights.allows(Can.PARTNERS_REMOVE_DAP):
        return []
    return [str(person) for person in notices.global_administrators(acting.tenant.pk)[:_MOST_NAMES]]


def _to(pair: Pair) -> HttpResponse:
    return redirect("partner-relationship", pair.customer.slug, pair.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def remove_dap(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """*Remove delegated admin*: what ends and what remains, then the act."""
    pair = find_pair(request, pair_id)
    insist(request, Can.PARTNERS_REMOVE_DAP)
    grant = queries.active_dap(pair)
    if grant is None:
        messages.info(request, _("This partner has no delegated admin to remove."))
        return _to(pair)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.remove_dap(grant=grant, actor=request.user, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]
        text = _("Delegated admin of %(partner)s was removed.") % {"partner": pair.partner_name}
        messages.success(request, f"{text} {endings.remains_sentence(pair)}")
        return _to(pair)
    context = {"pair": pair, "form": form, **endings.of_dap(pair, for_partner=False)}
    return render(request, "delegation/remove_dap.html", context, status=400 if form.errors else 200)


@require_POST
def give_consent(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """*Give consent* to device registration, left pending by an acceptance."""
    pair = find_pair(request, pair_id)
    consent = access.get_or_404(
        DeviceConsent.objects.exclude(state=DeviceConsent.State.ENDED),
        request.user,  # type: ignore[arg-type]
        Can.PARTNERS_ACCEPT_WITH_ROLES,
        pair=pair,
    )

    relationship_services.give_device_consent(consent=consent, actor=request.user)
    messages.success(request, _("Consent to device registration was given to %(partner)s.") % _named(pair))
    return _to(pair)


@require_POST
def block(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """*Block this partner*: no further invitations or requests."""
    pair = find_pair(request, pair_id)

    relationship_services.block_partner(pair=pair, actor=request.user)
    messages.success(request, _("%(partner)s is blocked: no further invitations or requests.") % _named(pair))
    return _to(pair)


@require_POST
def unblock(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """Let a blocked partner send invitations and requests again."""
    pair = find_pair(request, pair_id)

    relationship_services.unblock_partner(pair=pair, actor=request.user)
    messages.success(request, _("%(partner)s may send invitations and requests again.") % _named(pair))
    return _to(pair)


def _named(pair: Pair) -> dict[str, str]:
    return {"partner": pair.partner_name}
