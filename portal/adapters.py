"""Sign-in by allauth, with the portal's limits and words; allauth neither signs anybody up nor sends mail here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from portal import limits, requests
from portal.models import User

_HOUR = 3600


class Adapter(DefaultAccountAdapter):
    """What allauth asks about sign-in; one message for every failure, so that names can't be told."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("The sign-in name or the password is wrong, or this account can't sign in."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody: organisations are founded and people invited by the portal's own pages."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The user with this name and password, else None; only failures stay counted.

        Raises TooMany for more than MANDATE_SIGN_IN_TRIES_PER_HOUR of an address or of a name, known or not.
        """
        keys = [
            ("sign-in from", requests.present().address),
            ("sign-in of", str(credentials.get("username", "")).lower()),
        ]
        for name, key in keys:
            limits.count(name, key, most=settings.MANDATE_SIGN_IN_TRIES_PER_HOUR, seconds=_HOUR)
        user = super().authenticate(request, **credentials)
        if user is not None:
            for name, key in keys:
                limits.give_back(name, key, seconds=_HOUR)
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: `authenticate` has counted already."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the page that follows says enough."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Refused: every mail goes through `portal.mail`."""
        raise ImproperlyConfigured("allauth sends no mail here")

    def is_safe_url(self, url: str) -> bool:
        """Only addresses of this portal, as seen by this request."""
        return is_own_url(self.request, url)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """On to the page that was asked for; the language cookie follows the user."""
        answer = super().post_login(request, user, **kwargs)
        follow_language(answer, user.language)
        return answer

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """Back to sign-in, without a reason."""
        return redirect("sign-in")


def sign_in(request: HttpRequest, user: User, then: str = "") -> HttpResponse:
    """Sign in somebody whose identity the caller has checked (a link used, a persona picked); rotates the session."""
    return perform_login(request, user, redirect_url=then or settings.LOGIN_REDIRECT_URL)


def follow_language(answer: HttpResponse, code: str) -> None:
    """Let signed-out pages of this browser speak the person's language."""
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=31_536_000,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )


def is_own_url(request: HttpRequest, url: str | None) -> bool:
    """Whether `url` is a path of this portal, so that a redirect to it stays here."""
    hosts = {request.get_host()}
    return (url or "").startswith("/") and url_has_allowed_host_and_scheme(url, hosts, request.is_secure())


def next_url(request: HttpRequest) -> str:
    """Where the form or address asks to go afterwards; empty unless it stays on this portal."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    return url if is_own_url(request, url) else ""
