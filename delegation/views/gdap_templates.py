"""*Role templates*: the partner's own, in versions, and the built-in ones to copy (DOMAIN §6)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delegation import gdap_templates, services
from delegation.gdap_template_filters import SHOWN, TemplateFilter
from delegation.gdap_template_forms import TemplateForm, TemplateGroupsForm
from delegation.gdap_template_tables import TemplateTable, add_details
from delegation.models import GdapTemplate, GdapTemplateVersion
from delegation.views import insist
from delegation.views.gdap_tabs import tabs
from portal import access, lists, search
from portal.catalogue import Capability as Can
from portal.errors import Conflict, Refused

_form_page = require_http_methods(["GET", "HEAD", "POST"])


def _listing(request: Any) -> lists.Listing:
    insist(request, Can.GDAP_VIEW)
    rows = GdapTemplate.objects.filter(partner=request.acting.tenant)
    url = reverse("gdap-templates", args=[request.acting.tenant.slug])
    return lists.Listing(request, TemplateTable, rows, TemplateFilter, add_details, {"url": url})


@require_safe
def templates(request: Any) -> HttpResponse:
    """The partner's own, and below them the built-in ones."""
    slug, words = request.acting.tenant.slug, search.key(request.GET.get("q", ""))
    context = _listing(request).context(
        page_title=_("Role templates"),
        page_lead=_("Sets of roles to start requests from. A change is a new version; what was made from it stays."),
        search_label=_("Name"),
        chips=("show", SHOWN),
        tabs=tabs(request),
        export_url=f"{reverse('gdap-templates-export', args=[slug])}?{request.GET.urlencode()}",
        built_in=[found for found in gdap_templates.built_in() if words in search.key(found.name)],
        may_change=request.acting.rights.allows(Can.GDAP_TEMPLATES),
    )
    return render(request, "delegation/gdap_templates.html", context)


@require_safe
def export(request: Any) -> HttpResponse:
    """The filtered list as CSV."""
    return _listing(request).csv("role-templates")  # type: ignore[return-value]


def _get(request: Any, template_id: UUID, capability: Can = Can.GDAP_VIEW) -> tuple[GdapTemplate, GdapTemplateVersion]:
    rows = GdapTemplate.objects.filter(partner=request.acting.tenant).select_related("partner", "retired_by")
    template = access.get_or_404(rows, request.user, capability, pk=template_id)
    present = template.versions.select_related("made_by").get(number=template.latest)
    present.template = template
    return template, present


@require_safe
def template(request: Any, template_id: UUID) -> HttpResponse:
    """One template: what it says now, and what each version changed."""
    row, present = _get(request, template_id)
    versions = list(row.versions.select_related("made_by").order_by("-number"))
    groups = gdap_templates.groups_of(row.partner, versions)
    changes = {new.pk: gdap_templates.differences(old, new, groups) for new, old in pairwise(versions)}
    context = {
        "template": row,
        "present": present,
        "roles": gdap_templates.role_rows(present),
        "plans": gdap_templates.plan_rows(present, groups),
        "versions": [{"version": version, "changes": changes.get(version.pk)} for version in versions],
        "may_change": request.acting.rights.allows(Can.GDAP_TEMPLATES),
        "may_request": request.acting.rights.allows(Can.GDAP_REQUEST),
    }
    return render(request, "delegation/gdap_template.html", context)


@require_safe
def built_in(request: Any) -> HttpResponse:
    """A built-in template, which nobody changes: `?number=`."""
    insist(request, Can.GDAP_VIEW)
    if "number" not in request.GET:
        return redirect("gdap-templates", request.acting.tenant.slug)
    found = _built_in(request.GET["number"])
    context = {
        "template": found,
        "roles": gdap_templates.role_rows(found),
        "may_change": request.acting.rights.allows(Can.GDAP_TEMPLATES),
    }
    return render(request, "delegation/gdap_template_built_in.html", context)


def _built_in(number: str) -> gdap_templates.Choice:
    """Raises Http404 for a number that there is none of."""
    found = next((one for one in gdap_templates.built_in() if one.key == f"{gdap_templates.BUILT_IN}:{number}"), None)
    if found is None:
        raise Http404
    return found


def _form_answer(request: Any, form: TemplateForm, **more: Any) -> HttpResponse:
    status = 409 if more.pop("is_conflict", False) else 400 if form.is_bound else 200
    return render(request, "delegation/gdap_template_form.html", {"form": form, **more}, status=status)


def _refused(form: Any, refused: Refused) -> None:
    """Show a rule's refusal at the field it names."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))


@_form_page
def new(request: Any) -> HttpResponse:
    """A new template; `?copy=<number>` starts from a built-in one."""
    insist(request, Can.GDAP_TEMPLATES)
    initial = {}
    if request.GET.get("copy"):
        copied = _built_in(request.GET["copy"])
        initial = {"name": copied.name, "roles": list(copied.roles), "duration_days": copied.duration_days}
    form = TemplateForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        reasons=dict.fromkeys(initial.get("roles", []), ""),
    )
    if request.method == "POST" and form.is_valid():
        try:
            row = services.create_template(
                partner=request.acting.tenant, actor=request.user, name=form.cleaned_data["name"], content=form.content
            )
        except Refused as refused:
            _refused(form, refused)
        else:
            messages.success(request, _("The template was made. Plan the groups that are to get its roles."))
            return redirect("gdap-template", row.partner.slug, row.pk)
    back_url = reverse("gdap-templates", args=[request.acting.tenant.slug])
    return _form_answer(request, form, title=_("New template"), back_url=back_url, back_label=_("Role templates"))


@_form_page
def edit(request: Any, template_id: UUID) -> HttpResponse:
    """The next version."""
    row, present = _get(request, template_id, Can.GDAP_TEMPLATES)
    start = TemplateForm.start_of(present)
    form = TemplateForm(request.POST if request.method == "POST" else None, initial=start, reasons=present.roles)
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_template(
                template=row,
                actor=request.user,
                number=form.cleaned_data["number"] or 0,
                name=form.cleaned_data["name"],
                content=form.content,
            )
        except Conflict as conflict:
            return _conflict(request, row, conflict)
        except Refused as refused:
            _refused(form, refused)
        else:
            messages.success(request, _("Saved. What was made from earlier versions stays as it is."))
            return redirect("gdap-template", row.partner.slug, row.pk)
    back_url = reverse("gdap-template", args=[row.partner.slug, row.pk])
    return _form_answer(request, form, title=_("Edit the template"), back_url=back_url, back_label=row.name, row=row)


def _conflict(request: Any, row: GdapTemplate, conflict: Conflict) -> HttpResponse:
    """Nothing is merged: what was said meanwhile, and the way to look at it again."""
    row, present = _get(request, row.pk)
    context = {"template": row, "present": present, "message": conflict.message}
    return render(request, "delegation/gdap_template_conflict.html", context, status=409)


@_form_page
def groups(request: Any, template_id: UUID) -> HttpResponse:
    """Which groups get which of its roles: the next version too."""
    row, present = _get(request, template_id, Can.GDAP_TEMPLATES)
    form = TemplateGroupsForm(
        request.POST if request.method == "POST" else None,
        partner=row.partner,
        version=present,
        groups=gdap_templates.groups_of(row.partner, [present]),
        initial={"number": present.number},
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.plan_template_groups(
                template=row, actor=request.user, number=form.cleaned_data["number"], plans=form.plans
            )
        except Conflict as conflict:
            return _conflict(request, row, conflict)
        except Refused as refused:
            form.add_error("add_roles" if refused.field == "plans" else None, str(refused.message))
        else:
            messages.success(request, _("Saved: the groups that are to get roles."))
            return redirect("gdap-template", row.partner.slug, row.pk)
    context = {"form": form, "template": row}
    return render(request, "delegation/gdap_template_groups.html", context, status=400 if form.is_bound else 200)


@require_POST
def retire(request: Any, template_id: UUID) -> HttpResponse:
    """Offer it no longer."""
    row, _present = _get(request, template_id, Can.GDAP_TEMPLATES)
    services.retire_template(template=row, actor=request.user)
    messages.success(request, _("Retired: it is offered no longer. What was made from it stays."))
    return redirect("gdap-template", row.partner.slug, row.pk)


@require_POST
def restore(request: Any, template_id: UUID) -> HttpResponse:
    """Offer it again."""
    row, _present = _get(request, template_id, Can.GDAP_TEMPLATES)
    services.restore_template(template=row, actor=request.user)
    messages.success(request, _("The template is offered again."))
    return redirect("gdap-template", row.partner.slug, row.pk)
