"""*Terminate* and *Remove some roles*: what ends and what remains, then the act (DOMAIN §6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from delegation import endings, gdap_losses, gdap_standing, services
from delegation.forms import ReasonForm
from delegation.gdap_assignment_forms import RolesForm
from delegation.models import GdapRelationship
from delegation.services import gdap_rows
from delegation.views.gdap_relationship import found, give_up_url, to_page
from portal.catalogue import Capability as Can
from portal.errors import Refused

Status = GdapRelationship.Status
_form_page = require_http_methods(["GET", "HEAD", "POST"])


@_form_page
def terminate(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Terminate*: all of it, from the partner's side."""
    row = found(request, gdap_id, Can.GDAP_TERMINATE)
    if row.status_now in (Status.EXPIRED, Status.TERMINATED):
        messages.info(request, _("This relationship has ended already."))
        return to_page(row)
    gdap_rows.require_status(row, Status.ACTIVE)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.terminate(relationship=row, actor=request.user, reason=form.cleaned_data["reason"])
        remains = endings.remains_sentence(row.pair) if row.pair else ""
        messages.success(request, " ".join([_("The relationship was terminated."), remains]))
        return to_page(row)
    context = {"gdap": row, "form": form, **gdap_losses.of_relationship(row, for_partner=True)}
    context["dap_url"] = give_up_url(request, row)
    return render(request, "delegation/gdap_terminate.html", context, status=400 if form.errors else 200)


@_form_page
def remove_roles(request: Any, gdap_id: UUID) -> HttpResponse:
    """*Remove some roles*: which ones (`?roles=…` has chosen), who loses what, then the act."""
    row = found(request, gdap_id, Can.GDAP_TERMINATE)
    gdap_rows.require_status(row, Status.ACTIVE)
    in_force = [role.role_id for role in gdap_rows.roles_in_force(row)]
    given = request.POST if request.method == "POST" else request.GET
    form = RolesForm(given if request.method == "POST" or "roles" in given else None, role_ids=in_force)
    chosen = form.cleaned_data["roles"] if form.is_valid() else []
    if chosen and set(chosen) == set(in_force):
        form.add_error("roles", _("These are all of its roles. End the relationship instead."))
    if request.method == "POST" and not form.errors:
        try:
            services.remove_roles(relationship=row, role_ids=chosen, actor=request.user)
        except Refused as refused:
            form.add_error(refused.field, str(refused.message))
        else:
            messages.success(request, _("The roles were removed."))
            return to_page(row)
    if not form.is_bound or form.errors:
        context = {"gdap": row, "form": form}
        return render(request, "delegation/gdap_remove_roles.html", context, status=400 if form.errors else 200)
    context = {"gdap": row, "roles": gdap_standing.roles(chosen), **gdap_losses.of_roles(row, chosen)}
    context["dap_url"] = give_up_url(request, row)
    return render(request, "delegation/gdap_remove_roles_confirm.html", context)
