"""Sign-in, sign-out, and the pages behind links for a person: password reset, welcome, confirmation."""

from __future__ import annotations

import ipaddress
import logging
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import adapters, hooks, limits, links, requests
from portal.errors import TooMany
from portal.forms.fields import NewPasswordForm
from portal.forms.sessions import ForgotPasswordForm, SignInForm
from portal.models import RightLink, User
from portal.services import accounts, right_links

log = logging.getLogger(__name__)

Purpose = RightLink.Purpose
_HOUR = 3600
_form_page = require_http_methods(["GET", "HEAD", "POST"])

#: Where a link of each kind goes on, without its secret.
_PAGES = {
    Purpose.RESET_PASSWORD: "reset",
    Purpose.WELCOME: "welcome",
    Purpose.CONFIRM_ADDRESS: "confirm-address",
    Purpose.NEW_ORGANISATION: "organisation-details",
}


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@_form_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; in the demo, on a loopback address, with the persona picker."""
    then = adapters.next_url(request)
    if request.user.is_authenticated:
        return redirect(then or "start")
    form = SignInForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        return form.login(request, redirect_url=then or None)
    return render(request, "portal/sign_in.html", {"form": form, "next": then, "casts": _casts()})


@login_not_required
@require_POST
def sign_in_as(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo's personas; 404 outside of the demo and from anywhere else."""
    people = [person for _name, cast in _casts() for person in cast]
    chosen = [person for person in people if person.sign_in_name == request.POST.get("persona")]
    if not chosen:
        raise Http404
    return adapters.sign_in(request, chosen[0], adapters.next_url(request))


def _casts() -> list[tuple[str, list[User]]]:
    """The demo's personas by organisation; none unless this is the demo and the request comes from this machine."""
    if not (settings.IS_DEMO and _is_loopback(requests.present().address)):
        return []
    names = {name: place for place, name in enumerate(name for source in hooks.personas for name in source())}
    demo = Q(tenant__is_demo=True, tenant__disabled_at__isnull=True) | Q(tenant__isnull=True)
    people = User.objects.select_related("tenant").filter(
        demo, sign_in_name__in=names, activated_at__isnull=False, blocked_at__isnull=True
    )
    casts: dict[str, list[User]] = {}
    for person in sorted(people, key=lambda person: names[person.sign_in_name]):
        casts.setdefault(person.tenant.display_name if person.tenant else _("Operator"), []).append(person)
    return list(casts.items())


def _is_loopback(address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address).is_loopback


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    get_adapter().logout(request)
    return redirect("sign-in")


@login_not_required
@never_cache
@require_safe
def open_link(request: HttpRequest, token: str, purpose: str) -> HttpResponse:
    """Swap a link's secret for the session and go on at a clean address; changes nothing else (mail scanners).

    Raises TooMany after too many wrong tries from one address, BadLink for a link that doesn't work.
    """
    address = requests.present().address
    limits.count("link", address, most=settings.MANDATE_LINK_TRIES_PER_HOUR, seconds=_HOUR)
    pk, version = links.read(purpose, token)
    right_links.working(purpose, pk, version)
    limits.give_back("link", address, seconds=_HOUR)
    links.keep(request, purpose, pk, version)
    return redirect(_PAGES[Purpose(purpose)], link_id=pk)


@login_not_required
@never_cache
@_form_page
def forgot_password(request: HttpRequest) -> HttpResponse:
    """*Forgot password?*: whatever name is given, the answer is the same."""
    form = ForgotPasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["sign_in_name"]
        for kind, key in (("reset from", requests.present().address), ("reset of", name.lower())):
            limits.count(kind, key, most=settings.MANDATE_SIGN_IN_TRIES_PER_HOUR, seconds=_HOUR)
        try:
            accounts.start_own_reset(sign_in_name=name)
        except TooMany:  # only a name that exists has an address that can be full
            log.info("no reset mail: its address has had too many today")
        return redirect("forgot-password-sent")
    return render(request, "portal/reset_forgot.html", {"form": form})


@login_not_required
@require_safe
def forgot_password_sent(request: HttpRequest) -> HttpResponse:
    """What to do next, for every name alike."""
    return render(request, "portal/reset_sent.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "repeat")
@_form_page
def reset(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """A new password by a reset link; then sign in with it (the second factor stays)."""
    version = links.kept_version(request, Purpose.RESET_PASSWORD, link_id)
    link = right_links.working(Purpose.RESET_PASSWORD, link_id, version)
    form = NewPasswordForm(request.POST if request.method == "POST" else None, person=link.user)
    if request.method == "POST" and form.is_valid():
        accounts.finish_reset(pk=link_id, version=version, password=form.cleaned_data["password"])
        links.drop(request, Purpose.RESET_PASSWORD, link_id)
        messages.success(request, _("Your password is set and all your sessions have ended. Sign in with it."))
        return redirect("sign-in")
    return render(request, "portal/reset_password.html", {"form": form, "person": link.user})


@login_not_required
@never_cache
@sensitive_post_parameters("password", "repeat")
@_form_page
def welcome(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """A new colleague sets a password, which activates the account and confirms the address."""
    version = links.kept_version(request, Purpose.WELCOME, link_id)
    link = right_links.working(Purpose.WELCOME, link_id, version)
    form = NewPasswordForm(request.POST if request.method == "POST" else None, person=link.user)
    if request.method == "POST" and form.is_valid():
        person = accounts.accept_welcome(pk=link_id, version=version, password=form.cleaned_data["password"])
        links.drop(request, Purpose.WELCOME, link_id)
        return adapters.sign_in(request, person)
    return render(request, "portal/welcome_password.html", {"form": form, "person": link.user})


@login_not_required
@never_cache
@_form_page
def confirm_address(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Confirm a new contact address; the link alone, as a mail scanner opens it, confirms nothing."""
    version = links.kept_version(request, Purpose.CONFIRM_ADDRESS, link_id)
    link = right_links.working(Purpose.CONFIRM_ADDRESS, link_id, version)
    if request.method == "POST":
        accounts.confirm_address(pk=link_id, version=version)
        links.drop(request, Purpose.CONFIRM_ADDRESS, link_id)
        messages.success(request, _("The contact address is confirmed. All mail goes there from now on."))
        return redirect("my-account")
    return render(request, "portal/confirm_address.html", {"link": link})
