"""*My account*: one's own settings, password, contact address and sessions; one POST route per change."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal import access, adapters, clock, notices
from portal.forms.sessions import ChangePasswordForm, ContactAddressForm, SettingsForm
from portal.models import RightLink
from portal.services import accounts


def _page(request: HttpRequest, **forms: Form) -> HttpResponse:
    """The page with its forms, one of them perhaps as it was sent."""
    user: Any = request.user
    rights = access.rights(user, user.tenant) if user.tenant_id else None
    pending = RightLink.objects.filter(
        user=user, purpose=RightLink.Purpose.CONFIRM_ADDRESS, used_at__isnull=True, expires_at__gt=clock.now()
    ).first()
    context = {
        "settings_form": forms.get("settings_form") or SettingsForm.of(user),
        "password_form": forms.get("password_form") or ChangePasswordForm(person=user, prefix="password"),
        "contact_form": forms.get("contact_form") or ContactAddressForm(prefix="contact"),
        "roles": sorted({path.role_label for path in rights.paths}) if rights else [],
        "pending": pending,
    }
    return render(request, "portal/my_account.html", context)


@require_safe
def my_account(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    return _page(request)


@require_POST
def change_settings(request: HttpRequest) -> HttpResponse:
    """Language, time zone, theme, and the notices that may stay away."""
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, settings_form=form)
    wanted = form.cleaned_data.pop("notices")
    off = [kind for kind in notices.SWITCHABLE if kind not in wanted]
    accounts.change_settings(actor=request.user, notices_off=off, **form.cleaned_data)
    with translation.override(form.cleaned_data["language"]):
        messages.success(request, _("Your settings are saved."))
    answer = redirect("my-account")
    adapters.follow_language(answer, form.cleaned_data["language"])
    return answer


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; every other session ends."""
    form = ChangePasswordForm(request.POST, person=request.user, prefix="password")
    if not (form.is_valid() and _is_really(request, form)):
        return _page(request, password_form=form)
    person = accounts.change_password(actor=request.user, password=form.cleaned_data["password"])
    update_session_auth_hash(request, person)
    messages.success(request, _("Your password is changed. Your other sessions have ended."))
    return redirect("my-account")


@sensitive_post_parameters()
@require_POST
def change_contact_address(request: HttpRequest) -> HttpResponse:
    """Mail a link to the new address; it counts once it is confirmed."""
    form = ContactAddressForm(request.POST, prefix="contact")
    if not (form.is_valid() and _is_really(request, form)):
        return _page(request, contact_form=form)
    accounts.start_address_change(actor=request.user, address=form.cleaned_data["address"])
    messages.info(request, _("We have sent a link to the new address. Until you open it, nothing changes."))
    return redirect("my-account")


def _is_really(request: HttpRequest, form: Form) -> bool:
    """Whether the present password is right (tries are limited as at sign-in); else the form says so."""
    if get_adapter().reauthenticate(request.user, form.cleaned_data["present"]):
        return True
    form.add_error("present", _("This is not your present password."))
    return False


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    person = accounts.end_sessions(actor=request.user)
    update_session_auth_hash(request, person)
    messages.success(request, _("All your other sessions have ended."))
    return redirect("my-account")
