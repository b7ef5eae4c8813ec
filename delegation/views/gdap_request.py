"""*Request admin relationship*, step 1: options. Also for amendments and renewals (DOMAIN §6)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from delegation import gdap_choices, gdap_templates, services
from delegation import gdap_request_forms as forms
from delegation.gdap_request_forms import RequestForm
from delegation.models import GdapRelationship
from delegation.services.gdap_requests import capability_for, check_name
from delegation.views import insist
from portal import access
from portal.catalogue import Capability as Can
from portal.errors import Conflict, Refused
from portal.models import Pair

Status = GdapRelationship.Status
form_page = require_http_methods(["GET", "HEAD", "POST"])
_MOST_WORDS = 200


def get(request: Any, gdap_id: UUID, capability: Can = Can.GDAP_VIEW) -> GdapRelationship:
    """One of this partner's; raises Http404 or PermissionDenied."""
    rows = GdapRelationship.objects.filter(partner=request.acting.tenant).select_related(
        "partner", "customer", "pair", "created_by", "replaces", "template_version", "reseller"
    )
    return access.get_or_404(rows, request.user, capability, pk=gdap_id)


def get_to_ask(request: Any, gdap_id: UUID) -> GdapRelationship:
    """The same for those who may ask: renewals and amendments are asked for by whoever may extend."""
    row = get(request, gdap_id)
    access.check(request.user, capability_for(row), row)
    return row


def steps(row: GdapRelationship | None) -> list[dict[str, str]]:
    """The wizard's steps; those of a draft that exists can be gone back to."""
    labels = [("gdap-options", _("Options")), ("gdap-message", _("Message")), ("", _("Deliver"))]
    is_draft = row is not None and row.status == Status.CREATED
    return [
        {"label": label, "url": reverse(route, args=[row.partner.slug, row.pk]) if is_draft and row and route else ""}
        for route, label in labels
    ]


def frozen(request: Any, row: GdapRelationship) -> HttpResponse:
    """What is locked has no options or text to edit any more."""
    messages.info(request, _("Options and text are frozen: this request is no draft any more."))
    return redirect("gdap-relationship", row.partner.slug, row.pk)


@form_page
def new(request: Any) -> HttpResponse:
    """A new request; `?customer=` (its address name, its key or the pair's) chooses one."""
    insist(request, Can.GDAP_REQUEST)
    return _step(request, None)


@form_page
def options(request: Any, gdap_id: UUID) -> HttpResponse:
    """A draft's options, gone back to."""
    row = get_to_ask(request, gdap_id)
    return _step(request, row) if row.status == Status.CREATED else frozen(request, row)


def _step(request: Any, row: GdapRelationship | None) -> HttpResponse:
    form = _form(request, row)
    if form.is_bound and form.is_valid():
        try:
            saved = _save(request, row, form)
        except Conflict:
            raise
        except Refused as refused:
            field = form.shown_at.get(refused.field or "", refused.field)
            form.add_error(field if field in form.fields else None, str(refused.message))
        else:
            return redirect("gdap-message", saved.partner.slug, saved.pk)
    return _page(request, row, form)


def _form(request: Any, row: GdapRelationship | None) -> RequestForm:
    """Bound to be saved; unbound to begin with, and where a button only asks for help with what is entered so far."""
    partner = request.acting.tenant
    given: dict[str, Any] = {
        "partner": partner,
        "customers": gdap_choices.customers(request.user, partner, Can.GDAP_REQUEST),
        "replaces": row.replaces if row is not None else None,
    }
    if request.method != "POST":
        return _begun(request, row, given)
    if request.POST.get("do") in ("find", "template", "tasks"):
        return _helped(request.POST, given)
    return RequestForm(request.POST, **given)


def _begun(request: Any, row: GdapRelationship | None, given: dict[str, Any]) -> RequestForm:
    if row is None:
        return RequestForm(initial=_preset(request, given), **given)
    reasons = dict(row.roles.values_list("role_id", "reason"))
    return RequestForm(initial=forms.start_of(row), reasons=reasons, **given)


def _preset(request: Any, given: dict[str, Any]) -> dict[str, Any]:
    wanted = request.GET.get("customer", "")
    pair: Pair | None = given["customers"].filter(customer__slug=wanted).first() if wanted else None
    with suppress(ValueError):  # no key of a pair: nothing is chosen
        pair = pair or given["customers"].filter(Q(pk=UUID(wanted)) | Q(customer=UUID(wanted))).first()
    if pair is None:
        return {"language": request.acting.tenant.language}
    return {"customer": pair.pk, "language": pair.customer.language}


def _helped(data: QueryDict, given: dict[str, Any]) -> RequestForm:
    """*Search*, *Use this template*, *Propose roles*: what was entered stays, the roles are added."""
    initial, reasons = forms.as_entered(data), forms.reasons_in(data)
    if data["do"] == "template":
        found = gdap_templates.choice(given["partner"], data.get("template", ""))
        if found is not None:
            initial |= {"duration_days": found.duration_days, "auto_extend": found.auto_extend}
            initial |= {"roles": list(found.roles), "used_template": found.key}
            reasons = {**found.roles, **{role_id: text for role_id, text in reasons.items() if text}}
    if data["do"] == "tasks":
        initial["roles"] += gdap_choices.needed_for(initial["tasks"])
    return RequestForm(initial=initial, reasons=reasons, **given)


def _save(request: Any, row: GdapRelationship | None, form: RequestForm) -> GdapRelationship:
    chosen = form.options(row)
    if row is None:
        partner = request.acting.tenant
        return services.create_with_plans(partner=partner, actor=request.user, plans=form.plans, **chosen)
    version = form.cleaned_data["version"]
    return services.edit_request(relationship=row, actor=request.user, version=version or 0, **chosen)


def _checked_while_typing(form: RequestForm, slug: str, row: GdapRelationship | None) -> None:
    form.fields["display_name"].widget.attrs |= {
        "hx-get": reverse("gdap-name-check", args=[slug]) + (f"?except={row.pk}" if row else ""),
        "hx-trigger": "input changed delay:350ms",
        "hx-target": "#name-check",
        "hx-sync": "this:replace",
        "autocomplete": "off",
    }


def _page(request: Any, row: GdapRelationship | None, form: RequestForm) -> HttpResponse:
    chosen, partner = form.chosen_roles, request.acting.tenant
    words = request.POST.get("find", "")[:_MOST_WORDS]
    has_customers = "customer" in form.fields
    _checked_while_typing(form, partner.slug, row)
    context = {
        "form": form,
        "relationship": row,
        "replaces": form.replaces,
        "changes": gdap_choices.changes(form.replaces, chosen) if form.replaces else [],
        "steps": steps(row),
        "picks": gdap_choices.picks(chosen, form.reasons),
        "tasks": gdap_choices.tasks(form.chosen_tasks),
        "advice": gdap_choices.advice(form.chosen_tasks, chosen),
        "find": words,
        "is_from_template": request.POST.get("do") == "template" or bool(form["used_template"].value()),
        "hits": gdap_choices.hits(_queryset(form), partner, words, form.chosen_customer) if has_customers else [],
    }
    return render(request, "delegation/gdap_options.html", context, status=400 if form.is_bound else 200)


def _queryset(form: RequestForm) -> Any:
    field: Any = form.fields["customer"]
    return field.queryset


# ── fragments: while somebody types ──


@require_safe
def name_check(request: Any) -> HttpResponse:
    """Whether a name is free; `except` is the draft that has it."""
    insist(request, Can.GDAP_VIEW)
    name = request.GET.get("display_name", "")
    try:
        own: UUID | None = UUID(request.GET.get("except", ""))
    except ValueError:
        own = None
    problem = ""
    try:
        check_name(request.acting.tenant, name, own)
    except Refused as refused:
        problem = str(refused.message)
    return render(request, "delegation/_gdap_name.html", {"name": name.strip(), "problem": problem})


@require_safe
def customers(request: Any) -> HttpResponse:
    """The customers that some words find, to choose one of; the one that is chosen stays."""
    insist(request, Can.GDAP_REQUEST)
    rows = gdap_choices.customers(request.user, request.acting.tenant, Can.GDAP_REQUEST)
    words = request.GET.get("find", "")[:_MOST_WORDS]
    try:
        chosen = rows.filter(pk=request.GET["customer"]).first() if request.GET.get("customer") else None
    except (ValidationError, ValueError):
        chosen = None
    hits = gdap_choices.hits(rows, request.acting.tenant, words, chosen)
    return render(request, "delegation/_gdap_customers.html", {"hits": hits, "find": words})
