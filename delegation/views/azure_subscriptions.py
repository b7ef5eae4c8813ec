"""*Azure subscriptions* of a tenant: the list, new ones, *Elevate access* (DOMAIN §8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import azure_pages, services
from delegation.azure_filters import STATES, SubscriptionFilter
from delegation.azure_forms import NameForm, SubscriptionForm
from delegation.azure_tables import SubscriptionTable
from delegation.models import AzureElevation, AzureSubscription
from delegation.views import insist
from delegation.views.azure_place import at_scope, insist_on_azure, list_url, refuse
from portal import access, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import Pair

_form_page = require_http_methods(["GET", "HEAD", "POST"])


def _listing(request: Any) -> lists.Listing:
    acting = request.acting
    insist_on_azure(acting)
    return lists.Listing(
        request,
        SubscriptionTable,
        azure_pages.subscriptions(acting.user, acting.tenant),
        SubscriptionFilter,  # type: ignore[arg-type]
        azure_pages.add_counts,
        {"url": list_url(request), "user": acting.user},
    )


@require_safe
def subscriptions(request: Any) -> HttpResponse:
    """Those that the person sees, what stays unseen, and who is elevated."""
    acting, listing = request.acting, _listing(request)
    more, more_count = azure_pages.elsewhere(acting.scope_rights)
    elevated = azure_pages.elevations(acting.tenant) if acting.rights.allows(Can.ELEVATED_REVIEW) else []
    own = azure_pages.own_elevation(acting.scope_rights)
    context = listing.context(
        page_title=_("Azure subscriptions"),
        search_label=_("Name, ID or offer"),
        chips=("state", STATES),
        export_url=f"{reverse('azure-export', args=[acting.tenant.slug])}?{request.GET.urlencode()}",
        elsewhere=more,
        elsewhere_more=more_count,
        elevation=own,
        elevated=[row for row in elevated if row.user_id != acting.user.pk],
        may_elevate=own is None and acting.rights.allows(Can.AZURE_ELEVATE),
        may_create=_may_create(request),
        is_on_behalf=acting.user.tenant_id != acting.tenant.pk,
    )
    return render(request, "delegation/azure_subscriptions.html", context)


def _may_create(request: Any) -> bool:
    decision = request.acting.rights.decide(Can.SUBSCRIPTIONS_MANAGE)
    return decision.allowed and not decision.is_on_behalf


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("azure-subscriptions")  # type: ignore[return-value]


@_form_page
def new(request: Any) -> HttpResponse:
    """A subscription that the customer makes itself; whoever makes it is its Owner."""
    if insist(request, Can.SUBSCRIPTIONS_MANAGE).is_on_behalf:
        raise Refused(_("On behalf of a customer a subscription is provisioned, as its partner."))
    form = SubscriptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_subscription(tenant=request.acting.tenant, actor=request.user, **form.cleaned_data)
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The subscription was created. You are its Owner."))
            return redirect("azure-scope", request.acting.tenant.slug, made.pk)
    context = {
        "form": form,
        "title": _("Create a subscription"),
        "lead": _("Whoever creates it becomes its Owner."),
        "back_url": list_url(request),
        "back_label": _("Azure subscriptions"),
        "verb": _("Create"),
    }
    return render(request, "delegation/azure_form.html", context, status=400 if form.is_bound else 200)


@_form_page
def rename(request: Any, scope_id: UUID) -> HttpResponse:
    """Another name for a subscription."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_SUBSCRIPTION)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": here.subscription.scope.name})
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_subscription(
                subscription=here.subscription, actor=request.user, name=form.cleaned_data["name"]
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The name was changed."))
            return here.here
    context = {
        "form": form,
        "title": _("Rename the subscription"),
        "back_url": azure_pages.scope_url(here.scope),
        "back_label": here.scope.name,
        "verb": _("Save"),
    }
    return render(request, "delegation/azure_form.html", context, status=400 if form.is_bound else 200)


@_form_page
def cancel(request: Any, scope_id: UUID) -> HttpResponse:
    """*Cancel subscription*: what ends and what remains, then the act."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_SUBSCRIPTION)
    if request.method == "POST":
        services.cancel_subscription(subscription=here.subscription, actor=request.user)
        messages.success(request, _("The subscription was cancelled."))
        return here.here
    if here.subscription.state == AzureSubscription.State.CANCELLED:
        messages.info(request, _("This subscription is cancelled already."))
        return here.here
    ends = [{"label": here.scope.name, "detail": _("Nothing can be added or changed in it any more.")}]
    remains = [{"label": _("What is in it, and who holds which role"), "detail": _("Readable; roles can be removed.")}]
    context = {"scope": here.scope, "ends": ends, "remains": remains, "ask_url": request.path}
    return render(request, "delegation/azure_cancel.html", context)


@_form_page
def elevate(request: Any) -> HttpResponse:
    """*Elevate access*: what it gives and when it ends, then the act."""
    insist(request, Can.AZURE_ELEVATE)
    if request.method == "POST":
        services.elevate(tenant=request.acting.tenant, actor=request.user)
        messages.success(request, _("You are User Access Administrator of all subscriptions, for 8 hours at most."))
        return redirect(list_url(request))
    if azure_pages.own_elevation(request.acting.scope_rights) is not None:
        messages.info(request, _("You are elevated already."))
        return redirect(list_url(request))
    return render(request, "delegation/azure_elevate.html", {"list_url": list_url(request), "ask_url": request.path})


@require_POST
def end_elevation(request: Any, elevation_id: UUID) -> HttpResponse:
    """*End elevation*: one's own, or that of another Global Administrator."""
    insist(request, Can.AZURE_ELEVATE)
    row = get_object_or_404(AzureElevation, tenant=request.acting.tenant, pk=elevation_id)
    services.end_elevation(elevation=row, actor=request.user)
    messages.success(request, _("The elevation has ended."))
    return redirect(list_url(request))


@_form_page
def provision(request: Any, pair_id: UUID) -> HttpResponse:
    """*Provision a subscription* for a customer: AdminAgents is its Owner at once."""
    pairs = Pair.objects.filter(partner=request.acting.tenant, started_at__isnull=False, ended_at__isnull=True)
    rows = pairs.select_related("partner", "customer")
    pair = access.get_or_404(rows, request.user, Can.SUBSCRIPTIONS_PROVISION, pk=pair_id)
    form = SubscriptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.provision_subscription(pair=pair, actor=request.user, **form.cleaned_data)
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The subscription was provisioned. AdminAgents is its Owner."))
            return _after(request, pair, made)
    context = {
        "form": form,
        "title": _("Provision a subscription"),
        "lead": _("For %(customer)s. AdminAgents becomes its Owner at once.") % {"customer": pair.customer_name},
        "back_url": reverse("customer", args=[pair.partner.slug, pair.pk]),
        "back_label": pair.customer_name,
        "verb": _("Provision"),
    }
    return render(request, "delegation/azure_form.html", context, status=400 if form.is_bound else 200)


def _after(request: Any, pair: Pair, made: AzureSubscription) -> HttpResponse:
    """To the new subscription; an indirect reseller, whose provider owns it, back to the customer."""
    if access.decide(request.user, Can.AZURE_VIEW, made.scope).allowed:
        return redirect("azure-scope", pair.customer.slug, made.pk)
    return redirect("customer", pair.partner.slug, pair.pk)
