"""One Azure scope: what it is, what is below it; resource groups and resources made, tagged, moved, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from delegation import azure_endings, azure_names, azure_pages, services
from delegation.azure_filters import TreeFilter
from delegation.azure_forms import GroupForm, MoveForm, ResourceForm, TagsForm
from delegation.azure_pages import scope_url
from delegation.azure_tables import TreeTable, provisioner, state_badge
from delegation.views.azure_place import ScopePlace, at_scope, list_url, refuse
from portal import access, lists
from portal.catalogue import Capability as Can
from portal.errors import Refused
from portal.models import Scope
from portal.views.acting import say_once

Kind = Scope.Kind
_form_page = require_http_methods(["GET", "HEAD", "POST"])


def tabs(here: ScopePlace, current: str) -> list[dict[str, Any]]:
    """The pages of one scope."""
    below = {Kind.SUBSCRIPTION: _("Resource groups"), Kind.RESOURCE_GROUP: _("Resources"), Kind.RESOURCE: _("Resource")}
    pages = [("azure-scope", below[Kind(here.scope.kind)]), ("azure-assignments", _("Role assignments"))]
    return [
        {"label": label, "url": scope_url(here.scope, route), "current": route == current} for route, label in pages
    ]


def head(request: Any, here: ScopePlace, current: str) -> dict[str, Any]:
    """What stands above both of its pages."""
    return {
        "here": here,
        "scope": here.scope,
        "subscription": here.subscription,
        "is_subscription": here.scope.kind == Kind.SUBSCRIPTION,
        "state_badge": state_badge(here.subscription),
        "provisioner": provisioner(here.subscription, here.user),
        "crumbs": [
            {"label": _("Azure subscriptions"), "url": list_url(request)},
            *azure_pages.crumbs(here.scope, request.acting.scope_rights),
        ],
        "tabs": tabs(here, current),
        "held": sorted({path.role_label for path in here.rights.paths}),
        "elevation": azure_pages.own_elevation(request.acting.scope_rights),
    }


def _listing(request: Any, here: ScopePlace, *, is_deep: bool) -> lists.Listing:
    table = {"url": list_url(request), "kind": here.scope.kind, "is_deep": is_deep}
    rows = azure_pages.below(here.scope, deep=is_deep)
    return lists.Listing(request, TreeTable, rows, TreeFilter, azure_pages.add_counts, table)  # type: ignore[arg-type]


@require_safe
def scope(request: Any, scope_id: UUID) -> HttpResponse:
    """What it is, and what is below it: words find at any depth; `?open=<id>` expands a resource group."""
    here = at_scope(request, scope_id)
    listing = _listing(request, here, is_deep=bool(request.GET.get("q", "").strip()))
    buttons = _buttons(here)
    context = listing.context(
        page_title=here.scope.name,
        search_label=_("Name or type"),
        buttons=buttons,
        button_reasons=say_once("scope", buttons),
        tags=sorted(here.scope.tags.items()),
        **head(request, here, "azure-scope"),
    )
    table = context["table"]
    table.keep(request.GET)
    opened = next((row for row in listing.data.data if table.is_open(row)), None)
    if opened is not None:
        table.inside = list(azure_pages.below(opened, deep=False).order_by("name", "pk")[: azure_pages.MOST_BELOW])
    if here.scope.kind == Kind.RESOURCE:
        context["search"] = None
    else:
        context["export_url"] = f"{scope_url(here.scope, 'azure-scope-export')}?{request.GET.urlencode()}"
    return render(request, "delegation/azure_scope.html", context)


def _buttons(here: ScopePlace) -> list[dict[str, Any]]:
    """What can be done to a scope of this kind, the most usual first."""
    manage, kind = Can.AZURE_MANAGE_RESOURCES, here.scope.kind
    found = []
    if kind == Kind.SUBSCRIPTION:
        found += [here.scope_button(manage, _("Create a resource group"), "azure-scope-new", variant="primary")]
    if kind == Kind.RESOURCE_GROUP:
        found += [here.scope_button(manage, _("Create a resource"), "azure-scope-new", variant="primary")]
    if kind != Kind.RESOURCE:
        found += [here.scope_button(manage, _("Import"), "azure-import")]
    support = here.scope_button(
        Can.AZURE_SERVICE_REQUESTS, _("Open a service request"), "azure-service-request", adds=False
    )
    if kind == Kind.SUBSCRIPTION:
        own = Can.AZURE_MANAGE_SUBSCRIPTION
        rename = here.scope_button(own, _("Rename"), "azure-rename")
        return [
            *found,
            support,
            rename,
            here.scope_button(own, _("Cancel subscription"), "azure-cancel", variant="danger"),
        ]
    found.append(here.scope_button(manage, _("Edit tags"), "azure-tags"))
    if kind == Kind.RESOURCE:
        found.append(here.scope_button(manage, _("Move"), "azure-move"))
    return [*found, support, here.scope_button(manage, _("Delete"), "azure-delete", adds=False, variant="danger")]


@require_safe
def export(request: Any, scope_id: UUID) -> HttpResponse:
    """Everything below a scope that the words find, as CSV."""
    here = at_scope(request, scope_id)
    return _listing(request, here, is_deep=True).csv("azure-resources")  # type: ignore[return-value]


def _form_answer(request: Any, here: ScopePlace, form: Any, title: str, verb: str, **more: Any) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "back_url": scope_url(here.scope),
        "back_label": here.scope.name,
        "verb": verb,
        **more,
    }
    return render(request, "delegation/azure_form.html", context, status=400 if form.is_bound else 200)


@_form_page
def new(request: Any, scope_id: UUID) -> HttpResponse:
    """A resource group in a subscription, a resource in a resource group."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_RESOURCES)
    if here.scope.kind == Kind.RESOURCE:
        messages.info(request, _("Nothing can be made below a resource."))
        return here.here
    is_group = here.scope.kind == Kind.SUBSCRIPTION
    form = (GroupForm if is_group else ResourceForm)(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = services.create_scope(
                parent=here.scope,
                actor=request.user,
                name=data["name"],
                resource_type=data.get("resource_type", ""),
                tags=azure_names.parsed_tags(data["tags"]),
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("Created: %(name)s") % {"name": made.name})
            return redirect("azure-scope", here.tenant.slug, made.pk)
    title = _("Create a resource group") if is_group else _("Create a resource")
    return _form_answer(request, here, form, title, _("Create"))


@_form_page
def tags(request: Any, scope_id: UUID) -> HttpResponse:
    """*Edit tags*: all of them at once."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_RESOURCES)
    present = "\n".join(f"{name}={value}" for name, value in sorted(here.scope.tags.items()))
    form = TagsForm(request.POST if request.method == "POST" else None, initial={"tags": present})
    if request.method == "POST" and form.is_valid():
        try:
            services.tag_scope(
                scope=here.scope, actor=request.user, tags=azure_names.parsed_tags(form.cleaned_data["tags"])
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The tags were saved."))
            return here.here
    return _form_answer(request, here, form, _("Edit tags"), _("Save"))


@_form_page
def move(request: Any, scope_id: UUID) -> HttpResponse:
    """*Move*: a resource to another resource group of the tenant."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_RESOURCES)
    if here.scope.kind != Kind.RESOURCE:
        messages.info(request, _("Only a resource can be moved."))
        return here.here
    groups = Scope.objects.filter(tenant=here.tenant, kind=Kind.RESOURCE_GROUP, deleted_at__isnull=True)
    groups = groups.exclude(pk=here.scope.parent_id).select_related("parent").order_by("parent__name", "name", "pk")
    form = MoveForm(
        request.POST if request.method == "POST" else None,
        groups=access.allowing(groups, here.user, Can.AZURE_MANAGE_RESOURCES),
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.move_resource(scope=here.scope, actor=request.user, to=form.cleaned_data["to"])
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("Moved: %(name)s") % {"name": here.scope.name})
            return here.here
    lead = _(
        "Roles inherited from the present resource group end; those of the other one begin. What is assigned to "
        "the resource itself stays within the subscription, and ends in another one."
    )
    return _form_answer(request, here, form, _("Move"), _("Move"), lead=lead)


@_form_page
def delete(request: Any, scope_id: UUID) -> HttpResponse:
    """*Delete*: what ends with it, then the act."""
    here = at_scope(request, scope_id, Can.AZURE_MANAGE_RESOURCES)
    if here.scope.kind == Kind.SUBSCRIPTION:
        messages.info(request, _("A subscription isn't deleted but cancelled."))
        return here.here
    if request.method == "POST":
        services.delete_scope(scope=here.scope, actor=request.user)
        messages.success(request, _("Deleted: %(name)s") % {"name": here.scope.name})
        above = here.scope.parent
        if above is not None and request.acting.scope_rights.at(above).allows(Can.AZURE_VIEW):
            return redirect("azure-scope", here.tenant.slug, above.pk)
        return redirect(list_url(request))
    context = {"scope": here.scope, "ask_url": request.path, **azure_endings.deletion(here.scope, here.user)}
    return render(request, "delegation/azure_delete.html", context)
