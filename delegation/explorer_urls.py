"""Routes of the pages about who has access: the customer's, and the partner's *Our access*."""

from __future__ import annotations

from django.urls import URLPattern, path

from delegation.views import explorer, what_if

_THEIRS, _OURS = "t/<slug:tenant_slug>", "p/<slug:partner_slug>"

urlpatterns: list[URLPattern] = [
    path(f"{_THEIRS}/who-has-access", explorer.who_has_access, name="who-has-access"),
    path(f"{_THEIRS}/who-has-access.csv", explorer.export, name="who-has-access-export"),
    path(f"{_THEIRS}/what-if", what_if.page, name="what-if"),
]
