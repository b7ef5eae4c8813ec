"""Azure role assignments at a scope: the list, add, edit, remove, reinstate (DOMAIN §8)."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from delegation import azure_endings, azure_pages, azure_principals, services
from delegation.azure_filters import FROM, AssignmentFilter
from delegation.azure_forms import AssignmentForm, EditForm, ReinstateForm, last_day
from delegation.azure_pages import scope_url
from delegation.azure_tables import AssignmentTable
from delegation.models import AzureAssignment, AzureElevation
from delegation.views.azure_place import ScopePlace, at_assignment, at_scope, leave, list_url, refuse
from delegation.views.azure_scope import head
from portal import lists
from portal.catalogue import Capability as Can
from portal.errors import Conflict, Refused
from portal.views.acting import say_once
from portal.writes import write

_form_page = require_http_methods(["GET", "HEAD", "POST"])
_MOST_WORDS = 200


def _listing(request: Any, here: ScopePlace) -> lists.Listing:
    table = {
        "here": here.scope.pk,
        "url": list_url(request),
        "user": here.user,
        "may_assign": here.rights.allows(Can.AZURE_ASSIGN_ROLES),
    }
    return lists.Listing(
        request,
        AssignmentTable,
        azure_pages.assignments(here.scope),
        partial(AssignmentFilter, here=here.scope),  # type: ignore[arg-type]
        table_kwargs=table,
    )


@require_safe
def assignments(request: Any, scope_id: UUID) -> HttpResponse:
    """Who holds what here: made here, or inherited from above."""
    here = at_scope(request, scope_id)
    buttons = [
        here.scope_button(
            Can.AZURE_ASSIGN_ROLES, _("Add a role assignment"), "azure-assignment-new", variant="primary"
        ),
        here.scope_button(Can.AZURE_ASSIGN_ROLES, _("Reinstate a partner"), "azure-reinstate"),
    ]
    context = _listing(request, here).context(
        page_title=here.scope.name,
        search_label=_("Name or description"),
        chips=("made", FROM),
        export_url=f"{scope_url(here.scope, 'azure-assignments-export')}?{request.GET.urlencode()}",
        buttons=buttons,
        button_reasons=say_once("access", buttons),
        elevated=_others_elevated(here),
        **head(request, here, "azure-assignments"),
    )
    return render(request, "delegation/azure_assignments.html", context)


def _others_elevated(here: ScopePlace) -> list[AzureElevation]:
    """Who else is User Access Administrator of all of it now; the tenant's own business."""
    if here.is_on_behalf:
        return []
    return [row for row in azure_pages.elevations(here.tenant) if row.user_id != here.user.pk]


@require_safe
def export(request: Any, scope_id: UUID) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request, at_scope(request, scope_id)).csv("azure-role-assignments")  # type: ignore[return-value]


@_form_page
def new(request: Any, scope_id: UUID) -> HttpResponse:
    """*Add a role assignment*. *Search* (`do=find`) shows who the words find and loses nothing."""
    here = at_scope(request, scope_id, Can.AZURE_ASSIGN_ROLES)
    is_sent = request.method == "POST" and request.POST.get("do") != "find"
    rows = azure_principals.principals_of(here.user, here.tenant)
    entered = {name: request.POST.get(name, "") for name in AssignmentForm.base_fields}
    form = AssignmentForm(request.POST if is_sent else None, initial=entered, principals=rows)
    if is_sent and form.is_valid():
        data = form.cleaned_data
        try:
            made = services.add_assignment(
                scope=here.scope,
                actor=request.user,
                principal=data["principal"],
                role_id=data["role"],
                description=data["description"],
                until=data["until"],
            )
        except Refused as refused:
            refuse(form, refused)
        else:
            values = {"principal": made.principal_name, "role": made.role.label}
            messages.success(request, _("%(principal)s has the role %(role)s now.") % values)
            return here.to_access
    context = {"form": form, "scope": here.scope, "find": request.POST.get("find", "")[:_MOST_WORDS]}
    context["hits"] = _hits(here, context["find"], request.POST.get("principal", ""))
    return render(request, "delegation/azure_assignment_new.html", context, status=400 if form.is_bound else 200)


def _hits(here: ScopePlace, words: str, chosen: str) -> list[dict[str, Any]]:
    """Whom the words find; the one that is chosen stays."""
    found = azure_principals.principals(here.user, here.tenant, words, sees_people=here.sees_people)
    if chosen and all(one.uid != chosen for one in found):
        try:
            group = azure_principals.principals_of(here.user, here.tenant).filter(uid=UUID(chosen)).first()
        except ValueError:
            group = None
        found = [azure_principals.described(group, here.tenant), *found] if group else found
    return [{"principal": one, "is_chosen": one.uid == chosen} for one in found]


@require_safe
def principals(request: Any, scope_id: UUID) -> HttpResponse:
    """The hits as a fragment, while somebody types."""
    here = at_scope(request, scope_id, Can.AZURE_ASSIGN_ROLES)
    words = request.GET.get("find", "")[:_MOST_WORDS]
    context = {"hits": _hits(here, words, request.GET.get("principal", "")), "find": words}
    return render(request, "delegation/_azure_principals.html", context)


@_form_page
def edit(request: Any, azure_assignment_id: UUID) -> HttpResponse:
    """*Edit*: description and end. What somebody changed meanwhile is shown, never merged."""
    row, here = at_assignment(request, azure_assignment_id)
    if request.method != "POST" and row.is_over:
        messages.info(request, _("This role assignment is over."))
        return here.to_access
    present = {"description": row.description, "until": last_day(row.until), "version": row.version}
    form = EditForm(request.POST if request.method == "POST" else None, initial=present)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, row, form)
        except Conflict:
            return _conflict(request, row, form)
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("The role assignment was saved."))
            return here.to_access
    context = {"form": form, **_about(row, here)}
    return render(request, "delegation/azure_assignment_edit.html", context, status=400 if form.is_bound else 200)


def _save(request: Any, row: AzureAssignment, form: EditForm) -> None:
    """Description and end, both or neither. A day that stands as it stood keeps its moment."""
    data = form.cleaned_data
    with write():
        found = services.describe_assignment(
            assignment=row, actor=request.user, description=data["description"], version=data["version"]
        )
        if last_day(data["until"]) != last_day(row.until):
            services.set_assignment_end(assignment=row, actor=request.user, until=data["until"], version=found.version)


def _about(row: AzureAssignment, here: ScopePlace) -> dict[str, Any]:
    return {
        "row": row,
        "scope": here.scope,
        "principal": azure_pages.principal_name(row, here.user),
        "principal_note": azure_pages.principal_note(row, here.user),
        "is_found": azure_pages.is_found(row),
        "maker": azure_pages.maker(row, here.user),
        "back_url": scope_url(here.scope, "azure-assignments"),
    }


def _conflict(request: Any, row: AzureAssignment, form: EditForm) -> HttpResponse:
    """What is there now and what this person wanted, and a form that goes on from now."""
    row, here = at_assignment(request, row.pk)
    is_gone = row.is_over
    present = {"description": row.description, "until": last_day(row.until), "version": row.version}
    context = {
        "is_gone": is_gone,
        "wanted": form.cleaned_data,
        "wanted_day": last_day(form.cleaned_data["until"]),
        "day": last_day(row.until),
        "form": None if is_gone else EditForm(initial=present),
        **_about(row, here),
    }
    return render(request, "delegation/azure_assignment_conflict.html", context, status=409)


@_form_page
def remove(request: Any, azure_assignment_id: UUID) -> HttpResponse:
    """*Remove*: what ends, who loses what, what remains; then the act."""
    row, here = at_assignment(request, azure_assignment_id)
    if request.method != "POST" and row.is_over:
        messages.info(request, _("This role assignment is over."))
        return here.to_access
    if request.method == "POST":
        services.remove_azure_assignment(assignment=row, actor=request.user)
        values = {"principal": azure_pages.principal_name(row, here.user), "role": row.role.label}
        messages.success(request, _("%(principal)s does not have the role %(role)s here any more.") % values)
        return leave(request, here)
    ending = azure_endings.ending(row, here.user)
    may_take_last = azure_endings.may_take_last_owner(here.user, request.acting.rights)
    context = {
        "ending": ending,
        "is_refused": (ending.is_last_owner or ending.is_last_own_owner) and not may_take_last,
        "ask_url": request.path,
        **_about(row, here),
    }
    return render(request, "delegation/azure_assignment_remove.html", context)


@_form_page
def reinstate(request: Any, scope_id: UUID) -> HttpResponse:
    """*Reinstate a partner*: its AdminAgents as Owner again, in one step."""
    here = at_scope(request, scope_id, Can.AZURE_ASSIGN_ROLES)
    pairs = azure_principals.to_reinstate(here.scope, here.user)
    first = pairs.first()
    form = ReinstateForm(
        request.POST if request.method == "POST" else None, pairs=pairs, initial={"partner": first and first.pk}
    )
    if request.method == "POST" and form.is_valid():
        pair = form.cleaned_data["partner"]
        try:
            services.reinstate(scope=here.scope, pair=pair, actor=request.user)
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("AdminAgents of %(partner)s is Owner again.") % {"partner": pair.partner_name})
            return here.to_access
    context = {"form": form, "scope": here.scope, "has_any": first is not None}
    context["back_url"] = scope_url(here.scope, "azure-assignments")
    return render(request, "delegation/azure_reinstate.html", context, status=400 if form.is_bound else 200)
