"""*Our access*: our people × customers × roles, and what disabling one of them ends (DOMAIN §14)."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delegation import our_access, our_access_words
from delegation.our_access_tables import SHOWN, WAYS, CustomersFilter, PeopleFilter, PeopleTable, ReachTable
from delegation.views import insist
from portal import access, lists
from portal.catalogue import Capability as Can
from portal.models import User
from portal.views.acting import place


def _people(request: Any) -> lists.Listing:
    insist(request, Can.ACCESS_REVIEW)
    partner, rights = request.acting.tenant, request.acting.rights
    reader = None if our_access.sees_all(rights) else request.user
    return lists.Listing(
        request,
        PeopleTable,
        User.objects.filter(tenant=partner, deleted_at__isnull=True),
        PeopleFilter,
        enrich=partial(our_access.add_reach, partner=partner, reader=reader),
        table_kwargs={"partner": partner},
    )


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Everybody of ours, with how many customers each reaches."""
    slug = request.acting.tenant.slug  # type: ignore[attr-defined]
    context = _people(request).context(
        page_title=_("Our access"),
        page_lead=_("What our people can do at our customers, and by which path. Open somebody to see the customers."),
        search_label=_("Name or sign-in name"),
        chips=("show", SHOWN),
        export_url=f"{reverse('our-access-export', args=[slug])}?{request.GET.urlencode()}",
    )
    return render(request, "delegation/our_access.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The filtered list as CSV."""
    return _people(request).csv("our-access")  # type: ignore[return-value]


def _person(request: Any, person_id: UUID) -> User:
    """One of our people. Raises Http404 for anybody else."""
    insist(request, Can.ACCESS_REVIEW)
    found = User.objects.filter(tenant=request.acting.tenant, deleted_at__isnull=True, pk=person_id).first()
    if found is None:
        raise Http404
    return found


def _customers(request: Any, one: User) -> lists.Listing:
    partner, kind = request.acting.tenant, request.GET.get("kind", "")
    if kind not in our_access.KINDS:
        kind = ""
    return lists.Listing(
        request,
        ReachTable,
        our_access.customers_of(one, partner, request.user, kind),
        CustomersFilter,
        enrich=partial(our_access.add_lines, person=one, partner=partner),
        table_kwargs={"partner": partner},
    )


@require_safe
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """One person's customers, with every role and path."""
    one = _person(request, person_id)
    slug = request.acting.tenant.slug  # type: ignore[attr-defined]
    export_url = reverse("our-access-person-export", args=[slug, one.pk])
    context = _customers(request, one).context(
        page_title=one.display_name,
        search_label=_("Name or domain of a customer"),
        export_url=f"{export_url}?{request.GET.urlencode()}",
        person=one,
    )
    context["chips"] = _ways(request)
    return render(request, "delegation/our_access_person.html", context)


def _ways(request: HttpRequest) -> list[dict[str, Any]]:
    """The kinds of paths, without counts: a person may reach 100,000 customers."""
    chosen = request.GET.get("kind", "")
    found = []
    for value, label in (("", _("All")), *WAYS):
        query = request.GET.copy()
        for gone in ("at", "kind"):
            query.pop(gone, None)
        if value:
            query["kind"] = value
        found.append({"label": label, "count": "", "url": f"?{query.urlencode()}", "current": value == chosen})
    return found


@require_safe
def person_export(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """All of the person's customers as CSV."""
    one = _person(request, person_id)
    return _customers(request, one).csv(f"our-access-{one.sign_in_name.partition('@')[0]}")  # type: ignore[return-value]


@require_safe
def leaver(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """What disabling this person ends, what stays, and the page that does it."""
    one, here = _person(request, person_id), place(request)
    found = our_access.leaving(one, here.tenant, here.user)
    open_account = here.button(
        access.capability_over(one, Can.USERS_EDIT),
        _("Open the account to block it"),
        here.url("user", person_id=one.pk),
    )
    context = {
        "person": one,
        "found": found,
        "customers": lists.shown_count(found.customers),
        "ends": our_access_words.ends(found, here.tenant),
        "remains": our_access_words.remains(found),
        "open_account": open_account,
    }
    return render(request, "delegation/our_access_leaver.html", context)
