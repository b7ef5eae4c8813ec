"""Founding an organisation by a confirmed address, and its partner profile (DOMAIN §2)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from portal import access, adapters, limits, links, requests
from portal.catalogue import Capability
from portal.errors import Refused
from portal.forms.organisations import NewOrganisationForm, OrganisationForm, PartnerProfileForm
from portal.models import RightLink
from portal.services import founding, organisations, right_links

_NEW = RightLink.Purpose.NEW_ORGANISATION
_form_page = require_http_methods(["GET", "HEAD", "POST"])


@login_not_required
@_form_page
def new_organisation(request: HttpRequest) -> HttpResponse:
    """Ask for a contact address and mail a link to it; known or not, the answer is the same."""
    if request.user.is_authenticated:
        return _signed_in_already(request)
    then = adapters.next_url(request)
    form = NewOrganisationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        limits.count(
            "organisation",
            requests.present().address,
            most=settings.MANDATE_LINK_TRIES_PER_HOUR,
            seconds=3600,
        )
        founding.start_organisation(
            address=form.cleaned_data["address"],
            language=get_language() or settings.LANGUAGE_CODE,
            then=then,
            kept=[(kind, str(pk), version) for kind, pk, version in links.kept(request) if _goes_along(kind)],
        )
        return redirect("new-organisation-sent")
    return render(request, "portal/organisation_new.html", {"form": form, "next": then})


def _goes_along(purpose: str) -> bool:
    """Invitations go along to the browser in which the mail is opened; links that belong to one person never do."""
    return purpose not in RightLink.Purpose.values


def _signed_in_already(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("You have an organisation. Sign out first to found another one."))
    return redirect("start")


@login_not_required
@require_safe
def new_organisation_sent(request: HttpRequest) -> HttpResponse:
    """What to do next."""
    return render(request, "portal/organisation_sent.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "repeat")
@_form_page
def organisation_details(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Name the organisation and its first user; then sign in and go on where the person came from."""
    if request.user.is_authenticated:
        return _signed_in_already(request)
    version = links.kept_version(request, _NEW, link_id)
    link = right_links.working(_NEW, link_id, version)
    start = {"language": link.data.get("language")}
    form = OrganisationForm(request.POST if request.method == "POST" else None, address=link.address, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            link, person = founding.found_organisation(pk=link_id, version=version, details=form.cleaned_data)
        except Refused as refused:
            if refused.field not in form.fields:
                raise
            form.add_error(refused.field, refused.message)
        else:
            answer = adapters.sign_in(request, person, link.data.get("then", ""))
            _put_back(request, link)
            return answer
    return render(request, "portal/organisation_details.html", {"form": form, "link": link})


def _put_back(request: HttpRequest, link: RightLink) -> None:
    """The personal links that were open when the person set out to found the organisation."""
    links.drop(request, _NEW, link.pk)
    for purpose, pk, version in link.data.get("kept", []):
        links.keep(request, purpose, UUID(pk), version)


@_form_page
def partner_profile(request: HttpRequest) -> HttpResponse:
    """The partner profile: shown, or filled in by a Global Administrator."""
    tenant = request.acting.tenant
    access.check(request.user, Capability.PARTNER_PROFILE_MANAGE, tenant)
    form = PartnerProfileForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        profile = organisations.become_partner(tenant=tenant, actor=request.user, **form.cleaned_data)
        if profile.approved_at:
            messages.success(request, _("Your organisation is a partner now."))
        else:
            messages.info(request, _("The profile waits for the operator's approval."))
        return redirect("partner-profile", tenant_slug=tenant.slug)
    return render(
        request, "portal/organisation_partner_profile.html", {"form": form, "profile": tenant.partner_profile}
    )
