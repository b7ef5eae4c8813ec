"""Routes of Azure: subscriptions, what is in them, role assignments."""

from django.urls import URLPattern, path

from delegation.views import azure_assignments, azure_requests, azure_scope, azure_subscriptions

_LIST = "t/<slug:tenant_slug>/azure"
_SCOPE = f"{_LIST}/<uuid:scope_id>"
_ASSIGNMENT = f"{_LIST}/assignments/<uuid:azure_assignment_id>"

urlpatterns: list[URLPattern] = [
    path(_LIST, azure_subscriptions.subscriptions, name="azure"),
    path(f"{_LIST}.csv", azure_subscriptions.export, name="azure-export"),
    path(f"{_LIST}/new", azure_subscriptions.new, name="azure-new"),
    path(f"{_LIST}/elevate", azure_subscriptions.elevate, name="azure-elevate"),
    path(f"{_LIST}/elevations/<uuid:elevation_id>/end", azure_subscriptions.end_elevation, name="azure-elevation-end"),
    path(_SCOPE, azure_scope.scope, name="azure-scope"),
    path(f"{_SCOPE}.csv", azure_scope.export, name="azure-scope-export"),
    path(f"{_SCOPE}/new", azure_scope.new, name="azure-scope-new"),
    path(f"{_SCOPE}/tags", azure_scope.tags, name="azure-tags"),
    path(f"{_SCOPE}/move", azure_scope.move, name="azure-move"),
    path(f"{_SCOPE}/delete", azure_scope.delete, name="azure-delete"),
    path(f"{_SCOPE}/import", azure_requests.import_scopes, name="azure-import"),
    path(f"{_SCOPE}/service-request", azure_requests.service_request, name="azure-service-request"),
    path(f"{_SCOPE}/rename", azure_subscriptions.rename, name="azure-rename"),
    path(f"{_SCOPE}/cancel", azure_subscriptions.cancel, name="azure-cancel"),
    path(f"{_SCOPE}/access", azure_assignments.assignments, name="azure-assignments"),
    path(f"{_SCOPE}/access.csv", azure_assignments.export, name="azure-assignments-export"),
    path(f"{_SCOPE}/access/new", azure_assignments.new, name="azure-assignment-new"),
    path(f"{_SCOPE}/access/principals", azure_assignments.principals, name="azure-principals"),
    path(f"{_SCOPE}/access/reinstate", azure_assignments.reinstate, name="azure-reinstate"),
    path(_ASSIGNMENT, azure_assignments.edit, name="azure-assignment-edit"),
    path(f"{_ASSIGNMENT}/remove", azure_assignments.remove, name="azure-assignment-remove"),
    path(
        "p/<slug:partner_slug>/customers/<uuid:pair_id>/subscriptions/new",
        azure_subscriptions.provision,
        name="azure-provision",
    ),
]
