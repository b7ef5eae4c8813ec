"""Routes of *Role templates*."""

from django.urls import URLPattern, path

from delegation.views import gdap_drift, gdap_templates

_TEMPLATES = "p/<slug:partner_slug>/admin-relationships/templates"
_TEMPLATE = f"{_TEMPLATES}/<uuid:template_id>"

urlpatterns: list[URLPattern] = [
    path(_TEMPLATES, gdap_templates.templates, name="gdap-templates"),
    path(f"{_TEMPLATES}.csv", gdap_templates.export, name="gdap-templates-export"),
    path(f"{_TEMPLATES}/new", gdap_templates.new, name="gdap-template-new"),
    path(f"{_TEMPLATES}/built-in", gdap_templates.built_in, name="gdap-template-built-in"),
    path(f"{_TEMPLATES}/drift", gdap_drift.drift, name="gdap-template-drift"),
    path(f"{_TEMPLATES}/drift.csv", gdap_drift.export, name="gdap-template-drift-export"),
    path(f"{_TEMPLATES}/drift/amend", gdap_drift.amend, name="gdap-template-drift-amend"),
    path(_TEMPLATE, gdap_templates.template, name="gdap-template"),
    path(f"{_TEMPLATE}/edit", gdap_templates.edit, name="gdap-template-edit"),
    path(f"{_TEMPLATE}/groups", gdap_templates.groups, name="gdap-template-groups"),
    path(f"{_TEMPLATE}/retire", gdap_templates.retire, name="gdap-template-retire"),
    path(f"{_TEMPLATE}/restore", gdap_templates.restore, name="gdap-template-restore"),
]
