"""The partner's side: *Customers*, the services of a row, one customer's page, endings (DOMAIN §4)."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import azure_principals, endings, gdap_pairs, history, queries, reach, services
from delegation.filters import SHOWN, PairFilter
from delegation.forms import GroupsForm, ReasonForm
from delegation.gdap_tables import status_badge
from delegation.sources import LIMIT
from delegation.tables import CustomerTable
from delegation.views import insist
from portal import access, hooks, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import Pair, PathKind
from relationships import services as relationship_services
from relationships.models import Relationship


def _listing(request: HttpRequest) -> lists.Listing:
    acting: Any = request.acting  # type: ignore[attr-defined]
    return lists.Listing(
        request,
        CustomerTable,
        access.allowing(Pair.objects.all(), request.user, Can.CUSTOMERS_VIEW),
        PairFilter,
        enrich=queries.add_details,
        table_kwargs={"url": reverse("customers", args=[acting.tenant.slug]), "details_of": partial(_details, request)},
    )


def _details(request: HttpRequest, pair: Pair) -> str:
    """The services of a row that is open."""
    return render_to_string("delegation/_services.html", {"details": _services(request, pair)}, request)


@require_safe
def customers(request: HttpRequest) -> HttpResponse:
    """The list; `?open=<pair>` expands one row."""
    insist(request, Can.CUSTOMERS_VIEW)
    acting: Any = request.acting  # type: ignore[attr-defined]
    listing = _listing(request)
    context = listing.context(
        page_title=_("Customers"),
        page_lead=_("Organisations that accepted a relationship with you. Expand a row to open their services."),
        search_label=_("Name or domain"),
        chips=("show", SHOWN),
    )
    context["table"].keep(request.GET)
    if acting.rights.allows(Can.CUSTOMERS_EXPORT):
        context["export_url"] = f"{reverse('customers-export', args=[acting.tenant.slug])}?{request.GET.urlencode()}"
    context["can_request"] = acting.rights.allows(Can.INVITATIONS_SEND)
    return render(request, "delegation/customers.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The filtered list as CSV."""
    insist(request, Can.CUSTOMERS_EXPORT)
    return _listing(request).csv("customers")  # type: ignore[return-value]


def _pairs(request: HttpRequest) -> QuerySet[Pair]:
    """Every pair this partner has or had; rows that only block the partner are nobody's business here."""
    acting: Any = request.acting  # type: ignore[attr-defined]
    return Pair.objects.filter(partner=acting.tenant, started_at__isnull=False).select_related("partner", "customer")


def _pair(request: HttpRequest, capability: Can, pair_id: UUID) -> Pair:
    return access.get_or_404(_pairs(request), request.user, capability, pk=pair_id)  # type: ignore[arg-type]


def _services(request: HttpRequest, pair: Pair) -> dict[str, Any]:
    """What the expanded row shows to this person."""
    user: Any = request.user
    acting: Any = request.acting  # type: ignore[attr-defined]
    rights = access.rights(user, pair.customer)
    offered = [service for source in hooks.services for service in source(user, pair, rights)]
    if not pair.is_in_force:  # an Azure role stays
        left = [service for service in offered if service.is_enabled]
        return {"pair": pair, "services": left, "why": "", "is_over": True}
    is_missing = not all(service.is_enabled for service in offered)
    dap = queries.active_dap(pair)
    return {
        "pair": pair,
        "services": offered,
        "why": queries.why_without_access(user, pair, dap) if not rights.paths else "",
        "why_less": queries.why_less(rights, user, dap),
        "request_url": endings.request_url(pair)
        if is_missing and dap is None and acting.rights.allows(Can.INVITATIONS_SEND)
        else "",
    }


@require_safe
def customer_services(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """The expanded row as a fragment; with `close` only the arrow that opens it again."""
    pair = _pair(request, Can.CUSTOMERS_VIEW, pair_id)
    is_open = "close" not in request.GET
    context = {"record": pair, "is_open": is_open, "details": _services(request, pair) if is_open else None}
    return render(request, "delegation/_services_row.html", context)


@require_safe
def customer(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """One relationship with its history, also after its end."""
    return _customer_page(request, _pair(request, Can.CUSTOMERS_VIEW, pair_id))


def _customer_page(request: HttpRequest, pair: Any, form: GroupsForm | None = None) -> HttpResponse:
    user: Any = request.user
    rights = access.partner_rights(user, pair)
    queries.add_details([pair])
    limited = pair.grants.filter(source=LIMIT).select_related("group__security_group")
    groups = [row.group.security_group for row in limited]
    asked = rights.allows(Can.INVITATIONS_SEND) and pair.is_in_force and not pair.has_dap
    context = {
        "pair": pair,
        "relationships": pair.relationships.order_by("-started_at"),
        "gdap": _gdap(pair) if rights.allows(Can.GDAP_VIEW) else [],
        "may_request_gdap": rights.allows(Can.GDAP_REQUEST) and pair.is_in_force,
        "grants": pair.dap_grants.select_related("granted_by", "ended_by").order_by("-started_at"),
        "consent": pair.device_consents.order_by("-asked_at").first(),
        "answers": history.answers(pair)[: history.MOST_LISTED],
        "history": history.history(pair, pair.partner),
        "reach": reach.reach_of(pair, PathKind.DAP) if pair.is_in_force else [],
        "details": _services(request, pair),
        "may_provision": rights.allows(Can.SUBSCRIPTIONS_PROVISION) and azure_principals.resells(pair),
        "groups": groups,
        "can_limit": rights.allows(Can.CUSTOMERS_LIMIT_GROUPS),
        "can_give_up": rights.allows(Can.DAP_GIVE_UP),
        "can_end": rights.allows(Can.RELATIONSHIPS_END),
        "can_see_invitations": rights.allows(Can.INVITATIONS_VIEW),
        "request_url": endings.request_url(pair) if asked else "",
        "form": form or _groups_form(pair, groups),
    }
    return render(request, "delegation/customer.html", context, status=200 if form is None else 400)


def _gdap(pair: Pair) -> list[dict[str, Any]]:
    return [{"row": row, "badge": status_badge(row)} for row in gdap_pairs.relationships_of(pair)]


def _groups_form(pair: Pair, groups: list[Any]) -> GroupsForm:
    which = GroupsForm.CHOSEN if groups else GroupsForm.ALL
    return GroupsForm(pair=pair, initial={"which": which, "groups": [group.uid for group in groups]})


@require_POST
def limit_groups(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """Choose which groups work for this customer."""
    pair = _pair(request, Can.CUSTOMERS_LIMIT_GROUPS, pair_id)
    form = GroupsForm(request.POST, pair=pair)
    if form.is_valid():
        try:
            services.limit_groups(pair=pair, groups=form.chosen(), actor=request.user)  # type: ignore[arg-type]
        except Refused as refused:
            form.add_error(refused.field, refused.message)  # type: ignore[arg-type]
    if form.errors:
        return _customer_page(request, pair, form)
    messages.success(request, _("Saved: who works for %(customer)s.") % {"customer": pair.customer_name})
    return _to_customer(request, pair)


def _to_customer(request: HttpRequest, pair: Pair) -> HttpResponse:
    """Back to the customer's page, or to the list for one who shut themselves out."""
    if access.decide(request.user, Can.CUSTOMERS_VIEW, pair).allowed:  # type: ignore[arg-type]
        return redirect("customer", pair.partner.slug, pair.pk)
    return redirect("customers", pair.partner.slug)


@require_http_methods(["GET", "HEAD", "POST"])
def give_up(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """*Give up delegated admin*: what ends and what remains, then the act."""
    pair = _pair(request, Can.DAP_GIVE_UP, pair_id)
    grant = queries.active_dap(pair)
    if grant is None:
        messages.info(request, _("There is no delegated admin to give up."))
        return redirect("customer", pair.partner.slug, pair.pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.give_up_dap(grant=grant, actor=request.user, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]
        messages.success(request, " ".join([_("Delegated admin was given up."), endings.remains_sentence(pair)]))
        return redirect("customer", pair.partner.slug, pair.pk)
    context = {"pair": pair, "form": form, **endings.of_dap(pair, for_partner=True)}
    return render(request, "delegation/give_up.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def end_relationship(request: HttpRequest, pair_id: UUID, relationship_id: UUID) -> HttpResponse:
    """*End relationship*: what ends and what remains, then the act."""
    pair = _pair(request, Can.RELATIONSHIPS_END, pair_id)
    relationship = access.get_or_404(
        Relationship.objects.filter(pair=pair),
        request.user,  # type: ignore[arg-type]
        Can.RELATIONSHIPS_END,
        pk=relationship_id,
    )
    if request.method == "POST" and relationship.ended_at is None:
        relationship_services.end_relationship(relationship=relationship, actor=request.user)
        pair.refresh_from_db()
        messages.success(request, " ".join([_("The relationship was ended."), endings.remains_sentence(pair)]))
        return redirect("customer", pair.partner.slug, pair.pk)
    if relationship.ended_at is not None:
        messages.info(request, _("This relationship has ended already."))
        return redirect("customer", pair.partner.slug, pair.pk)
    context = {"pair": pair, "relationship": relationship, **endings.of_relationship(relationship)}
    return render(request, "delegation/end_relationship.html", context)
