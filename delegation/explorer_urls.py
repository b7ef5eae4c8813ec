"""Routes of the pages about who has access: the customer's, and the partner's *Our access*."""

from __future__ import annotations

from django.urls import URLPattern, path

from delegation.views import explorer, our_access, what_if

_THEIRS, _OURS = "t/<slug:tenant_slug>", "p/<slug:partner_slug>"

urlpatterns: list[URLPattern] = [
    path(f"{_THEIRS}/who-has-access", explorer.who_has_access, name="who-has-access"),
    path(f"{_THEIRS}/who-has-access.csv", explorer.export, name="who-has-access-export"),
    path(f"{_THEIRS}/what-if", what_if.page, name="what-if"),
    path(f"{_OURS}/our-access", our_access.people, name="our-access"),
    path(f"{_OURS}/our-access.csv", our_access.export, name="our-access-export"),
    path(f"{_OURS}/our-access/<uuid:person_id>", our_access.person, name="our-access-person"),
    path(f"{_OURS}/our-access/<uuid:person_id>.csv", our_access.person_export, name="our-access-person-export"),
    path(f"{_OURS}/our-access/<uuid:person_id>/leaver", our_access.leaver, name="our-access-leaver"),
]
