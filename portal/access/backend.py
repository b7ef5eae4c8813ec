"""How Django asks: sign-in by name, and `user.has_perm(capability, obj)` as the same answer as everywhere."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from portal.access.asking import decide
from portal.catalogue import Capability
from portal.models import User


class Backend(BaseBackend):
    """Signs people in by sign-in name; `user.has_perm(capability, obj)` is the same answer as everywhere."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_kwargs: object
    ) -> User | None:
        """The activated, unblocked user of an enabled tenant with this name and password, else None."""
        if not username or password is None or "\x00" in username + password:
            return None
        user = User.objects.select_related("tenant").filter(sign_in_name__iexact=username).first()
        if user is None or not user.has_usable_password():
            make_password(password)  # as long as a real check, so that names can't be told by time
            return None
        return user if user.check_password(password) and may_sign_in(user) else None

    def get_user(self, user_id: Any) -> User | None:
        """The signed-in user while still allowed in: blocking ends every session at the next request."""
        user = User.objects.select_related("tenant", "tenant__profile").filter(pk=user_id).first()
        return user if user is not None and may_sign_in(user) else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """`decide(...).allowed`; without an object nothing is allowed; an unknown codename raises ValueError."""
        return obj is not None and decide(user_obj, Capability(perm), obj).allowed


def may_sign_in(user: User) -> bool:
    """Activated, not blocked, and of an enabled tenant (or the operator)."""
    return user.is_active and (user.tenant is None or user.tenant.disabled_at is None)
