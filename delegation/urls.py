"""Routes of Customers and Partner relationships."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
