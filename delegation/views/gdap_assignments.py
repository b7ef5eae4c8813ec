"""Access assignments of one GDAP relationship: added, edited, removed at once, each version once (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from delegation import gdap_losses, gdap_standing, services
from delegation.gdap_assignment_forms import AssignmentForm, EditForm
from delegation.gdap_standing import Holding
from delegation.models import GdapAssignment, GdapRelationship
from delegation.services import gdap_rows
from delegation.views.gdap_relationship import found, give_up_url, to_page, url
from portal.catalogue import Capability as Can
from portal.errors import Conflict, Refused
from portal.models import SecurityGroup

State, Status = GdapAssignment.State, GdapRelationship.Status
_form_page = require_http_methods(["GET", "HEAD", "POST"])
_MOST_FOUND = 20


def _refused(form: Form, refused: Refused) -> None:
    """Show a rule's refusal at the field it names."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))


def _groups(row: GdapRelationship) -> QuerySet[SecurityGroup]:
    """The partner's groups that have no assignment here yet."""
    held = row.assignments.exclude(state=State.DELETED)
    groups = SecurityGroup.objects.filter(tenant=row.partner_id).exclude(kind__in=SecurityGroup.HIDDEN)
    return groups.exclude(pk__in=held.values("group_id")).order_by("kind", "name", "pk")


def _held_before(row: GdapRelationship) -> list[Holding]:
    """The groups of what an amendment replaces: they keep the roles that both have."""
    return gdap_standing.holdings_of(row.replaces) if row.replaces is not None else []


@_form_page
def new(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Add a group*: a group, found by its name, and some of the roles."""
    row = found(request, gdap_id, Can.GDAP_ASSIGN)
    gdap_rows.require_status(row, Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)
    text = request.GET.get("q", "")[:200]
    groups = _groups(row)
    shown = list((groups.filter(name__icontains=text) if text else groups)[: _MOST_FOUND + 1])
    form = AssignmentForm(
        request.POST if request.method == "POST" else None,
        groups=SecurityGroup.objects.filter(tenant=row.partner_id).exclude(kind__in=SecurityGroup.HIDDEN),
        shown=shown[:_MOST_FOUND],
        role_ids=gdap_rows.role_ids_to_give(row),
    )
    if request.method == "POST" and form.is_valid():
        group, role_ids = form.cleaned_data["group"], form.cleaned_data["roles"]
        try:
            made = services.assign_group(relationship=row, group=group, role_ids=role_ids, actor=request.user)
        except Refused as refused:
            _refused(form, refused)
        else:
            text = _("%(group)s has its roles now.") if made.state == State.ACTIVE else _("%(group)s is planned.")
            messages.success(request, text % {"group": made.group_name})
            return to_page(row)
    context = {
        "gdap": row,
        "form": form,
        "text": text,
        "has_more": len(shown) > _MOST_FOUND,
        "can_search": bool(text) or len(shown) > _MOST_FOUND,
        "is_plan": row.status_now != Status.ACTIVE,
        "held_before": _held_before(row),
    }
    return render(request, "delegation/gdap_assignment_new.html", context, status=400 if form.is_bound else 200)


def _assignment(row: GdapRelationship, assignment_id: UUID) -> GdapAssignment:
    found_one: GdapAssignment = get_object_or_404(row.assignments.select_related("relationship"), pk=assignment_id)
    return found_one


@_form_page
def edit(request: Any, gdap_id: UUID, gdap_assignment_id: UUID) -> HttpResponse:
    """*Edit*: other roles for a group. What somebody changed meanwhile is shown, never merged."""
    row = found(request, gdap_id, Can.GDAP_ASSIGN)
    assignment = _assignment(row, gdap_assignment_id)
    gdap_rows.require_status(row, Status.CREATED, Status.APPROVAL_PENDING, Status.ACTIVE)
    if request.method != "POST" and assignment.state == State.DELETED:
        messages.info(request, _("%(group)s has no roles here any more.") % {"group": assignment.group_name})
        return to_page(row)
    form = EditForm(
        request.POST if request.method == "POST" else None,
        role_ids=gdap_rows.role_ids_to_give(row),
        initial={"roles": assignment.role_ids, "version": assignment.version},
    )
    if request.method == "POST" and form.is_valid():
        role_ids, version = form.cleaned_data["roles"], form.cleaned_data["version"]
        try:
            services.edit_assignment(assignment=assignment, role_ids=role_ids, version=version, actor=request.user)
        except Conflict as conflict:
            return _conflict(request, row, conflict, role_ids)
        except Refused as refused:
            _refused(form, refused)
        else:
            messages.success(request, _("%(group)s has its roles now.") % {"group": assignment.group_name})
            return to_page(row)
    context = {"gdap": row, "assignment": assignment, "form": form, "was_ids": assignment.role_ids}
    return render(request, "delegation/gdap_assignment_edit.html", context, status=400 if form.is_bound else 200)


def _conflict(request: Any, row: GdapRelationship, conflict: Conflict, wanted: list[str]) -> HttpResponse:
    """What was there, what is there now, what this person wanted; and a form that goes on from now."""
    assignment = row.assignments.filter(pk=request.resolver_match.kwargs["gdap_assignment_id"]).first()
    if assignment is None:
        raise conflict
    known = set(row.roles.values_list("role_id", flat=True))
    is_gone = assignment.state == State.DELETED
    present = {"roles": assignment.role_ids, "version": assignment.version}
    context = {
        "gdap": row,
        "assignment": assignment,
        "is_gone": is_gone,
        "was": gdap_standing.roles(known & set(request.POST.getlist("was"))),
        "now": [] if is_gone else gdap_standing.roles(assignment.role_ids),
        "wanted": gdap_standing.roles(wanted),
        "was_ids": assignment.role_ids,
        "form": None if is_gone else EditForm(role_ids=gdap_rows.role_ids_to_give(row), initial=present),
    }
    return render(request, "delegation/gdap_assignment_conflict.html", context, status=409)


@_form_page
def remove(request: Any, gdap_id: UUID, gdap_assignment_id: UUID) -> HttpResponse:
    """*Remove*: who loses what, then the act."""
    row = found(request, gdap_id, Can.GDAP_ASSIGN)
    assignment = _assignment(row, gdap_assignment_id)
    if request.method == "POST":
        services.remove_assignment(assignment=assignment, actor=request.user)
        messages.success(request, _("%(group)s has no roles here any more.") % {"group": assignment.group_name})
        return to_page(row)
    holding = next((item for item in gdap_standing.holdings_of(row) if item.assignment.pk == assignment.pk), None)
    if holding is None or row.status_now in (Status.EXPIRED, Status.TERMINATED):
        messages.info(request, _("%(group)s has no roles here any more.") % {"group": assignment.group_name})
        return redirect(url("gdap-relationship", row))
    context = {"gdap": row, "holding": holding, **gdap_losses.of_assignment(row, holding)}
    context["dap_url"] = give_up_url(request, row)
    return render(request, "delegation/gdap_assignment_remove.html", context)
