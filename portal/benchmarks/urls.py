"""The portal's addresses and one more: a page with nothing on it, which the others are measured against."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from portal.urls import urlpatterns as served


def empty(request: HttpRequest) -> HttpResponse:
    """The frame of a signed-in partner's page: sign-in, rights, navigation, no content."""
    return render(request, "base.html")


urlpatterns = [*served, path("p/<slug:partner_slug>/empty", empty, name="empty")]
