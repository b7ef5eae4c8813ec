"""The Account page (DOMAIN §5): the organisation's profile, domains and contacts to look at, its notices to choose."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_countries import countries

from portal import catalogue
from portal.catalogue import Capability
from portal.forms.organisations import NoticesForm
from portal.models import Domain, User
from portal.services import on_behalf
from portal.views.acting import place

_MOST_CONTACTS = 25


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Profile, domains, and who the Global Administrators are."""
    here = place(request)
    here.check(Capability.ACCOUNT_VIEW)
    contacts = User.objects.filter(
        tenant=here.tenant,
        kind=User.Kind.MEMBER,
        blocked_at__isnull=True,
        role_assignments__role_id=catalogue.GLOBAL_ADMINISTRATOR,
        role_assignments__ended_at__isnull=True,
    ).order_by("name_key", "pk")
    context = {
        "tenant": here.tenant,
        "country": countries.name(here.tenant.country) or here.tenant.country,
        "preferred_language": get_language_info(here.tenant.language)["name_local"],
        "profile": here.tenant.partner_profile,
        "domains": Domain.objects.filter(tenant=here.tenant).order_by("name"),
        "contacts": contacts[:_MOST_CONTACTS],
        "may_see_users": here.rights.allows(Capability.USERS_VIEW),
        "notices_form": NoticesForm(initial={"on_behalf": here.tenant.has_on_behalf_notice}),
        "may_edit": here.rights.allows(Capability.ORGANISATION_EDIT),
    }
    return render(request, "portal/account.html", context)


@require_POST
def change_notices(request: HttpRequest) -> HttpResponse:
    """What the organisation's administrators are told of, beyond what they always are."""
    here = place(request)
    form = NoticesForm(request.POST)
    form.full_clean()
    on_behalf.switch_notice(tenant=here.tenant, actor=here.user, is_on=form.cleaned_data["on_behalf"])
    messages.success(request, _("The setting is saved."))
    return redirect(here.url("account"))
