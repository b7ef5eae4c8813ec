"""Routes of GDAP: the partner's *Admin relationships*, the customer's answers."""

from django.urls import URLPattern, path

from delegation.views import gdap_list

_OURS = "p/<slug:partner_slug>/admin-relationships"

urlpatterns: list[URLPattern] = [
    path(_OURS, gdap_list.listing, name="gdap-list"),
    path(f"{_OURS}.csv", gdap_list.export, name="gdap-export"),
]
