"""Users of a tenant: the list, one person's page, and what can be done to a person (DOMAIN §2, §5)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, catalogue, person_page
from portal.catalogue import Capability
from portal.errors import Refused
from portal.filters import UserFilter
from portal.forms.people import InvitePersonForm, RenamePersonForm
from portal.lists import Listing
from portal.models import RoleAssignment, User
from portal.services import accounts, people
from portal.tables import UserTable
from portal.views.acting import Place, place

_form_page = require_http_methods(["GET", "HEAD", "POST"])


def attach_roles(rows: list[User]) -> None:
    """Give each person `held_roles`, the explicit roles by name, and which of them are privileged, in one query."""
    held: dict[UUID, list[catalogue.Role]] = defaultdict(list)
    found = RoleAssignment.objects.filter(user__in=rows, ended_at__isnull=True).values_list("user_id", "role_id")
    for user_id, role_id in found:
        held[user_id].append(catalogue.roles()[role_id])
    for row in rows:
        row.held_roles = sorted(held[row.pk], key=lambda role: role.label)  # type: ignore[attr-defined]
        row.privileged_ids = catalogue.privileged_role_ids()  # type: ignore[attr-defined]


def _listing(request: HttpRequest, here: Place) -> Listing:
    return Listing(request, UserTable, User.objects.filter(tenant=here.tenant), UserFilter, attach_roles)


@require_safe
def users(request: HttpRequest) -> HttpResponse:
    """People with their explicit roles; what partners hold is on *Partner relationships*."""
    here = place(request)
    here.check(Capability.USERS_VIEW)
    listing = _listing(request, here)
    context = listing.context(
        page_title=_("Users"),
        search_label=_("Name or sign-in name"),
        chips=("show", UserFilter.SHOW),
        export_url=f"{here.url('users-csv')}?{request.GET.urlencode()}",
        invite=here.button(Capability.USERS_CREATE, _("Invite a user"), here.url("user-invite")),
        may_see_partners=here.rights.allows(Capability.PARTNERS_VIEW),
    )
    return render(request, "portal/users.html", context)


@require_safe
def users_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV."""
    here = place(request)
    here.check(Capability.USERS_VIEW)
    return _listing(request, here).csv(f"users-{here.tenant.slug}")


@_form_page
def user_invite(request: HttpRequest) -> HttpResponse:
    """*Invite a user*: an account whose person gets a link by mail."""
    here = place(request)
    here.check(Capability.USERS_CREATE)
    form = InvitePersonForm(request.POST or None, tenant=here.tenant)
    if request.method == "POST" and form.is_valid():
        try:
            person = accounts.invite_person(tenant=here.tenant, actor=here.user, **form.person())
        except Refused as refused:
            _add(form, refused)
        else:
            messages.success(
                request, _("Invited: %(person)s. A link is on its way by mail.") % {"person": person.sign_in_name}
            )
            return redirect(here.url("user", person_id=person.pk))
    return render(request, "portal/user_invite.html", {"form": form, "back_url": here.url("users")})


def _add(form: Any, refused: Refused) -> None:
    field = "local_part" if refused.field == "sign_in_name" else refused.field
    form.add_error(field if field in form.fields else None, refused.message)


def found_person(here: Place, person_id: UUID) -> User:
    """The person of this tenant. Raises Http404 for anybody else."""
    people_here = User.objects.select_related("tenant", "own_group", "made_by_partner")
    person = people_here.filter(tenant=here.tenant, pk=person_id).first()
    if person is None:
        raise Http404
    return person


@require_safe
def user(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """One person: roles, groups, state, history, and what this reader can do."""
    here = place(request)
    here.check(Capability.USERS_VIEW)
    person = found_person(here, person_id)
    return render(request, "portal/user.html", person_page.context(person, here))


@_form_page
def user_edit(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Change the display name."""
    here = place(request)
    person = found_person(here, person_id)
    here.check(access.capability_over(person, Capability.USERS_EDIT))
    form = RenamePersonForm(request.POST or None, initial={"display_name": person.display_name})
    page = here.url("user", person_id=person.pk)
    if request.method == "POST" and form.is_valid():
        people.rename_person(person=person, actor=here.user, display_name=form.cleaned_data["display_name"])
        messages.success(request, _("The name was changed."))
        return redirect(page)
    return render(request, "portal/user_edit.html", {"form": form, "person": person, "back_url": page})


def _act(request: HttpRequest, person_id: UUID, service: Any, done: Any) -> HttpResponse:
    here = place(request)
    person = found_person(here, person_id)
    service(person=person, actor=here.user)
    messages.success(request, done)
    return redirect(here.url("user", person_id=person.pk))


@require_POST
def user_block(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Block, now."""
    return _act(request, person_id, people.block_person, _("Blocked. Every session has ended."))


@require_POST
def user_unblock(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Let in again."""
    return _act(request, person_id, people.unblock_person, _("The user can sign in again."))


@require_POST
def user_reset(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """*Reset password*: a link by mail to the confirmed address, never a password on a page (DOMAIN §5)."""
    done = _("A link to set a new password is on its way by mail. It works once, for one hour.")
    return _act(request, person_id, accounts.start_reset, done)


@require_POST
def user_welcome(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Send the invitation again; the earlier link stops working."""
    return _act(request, person_id, accounts.resend_welcome, _("A new invitation is on its way by mail."))


@_form_page
def user_delete(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Delete, after a page that says what ends and what remains."""
    here = place(request)
    person = found_person(here, person_id)
    here.check(access.capability_over(person, Capability.USERS_EDIT))
    if request.method == "POST":
        people.delete_person(person=person, actor=here.user)
        messages.success(request, _("Deleted: %(person)s") % {"person": person.sign_in_name})
        return redirect(here.url("users"))
    ends, remains = person_page.ends_with(person)
    context = {
        "person": person,
        "ends": ends,
        "remains": remains,
        "back_url": here.url("user", person_id=person.pk),
        "ask_url": here.url("user-delete", person_id=person.pk),
    }
    return render(request, "portal/user_delete.html", context)


# ── directory roles ──

_ROLE_STATES = {
    "held": gettext_lazy("Held already"),
    "not_there": gettext_lazy("You don't hold this role here yourself."),
}


@_form_page
def user_roles(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Search over all directory roles and assign one; privileged ones are marked."""
    here = place(request)
    here.check(Capability.ROLES_ASSIGN)
    person = found_person(here, person_id)
    if request.method == "POST":
        assignment = people.assign_role(person=person, role_id=request.POST.get("role", ""), actor=here.user)
        messages.success(request, _("Assigned: %(role)s") % {"role": assignment.role.label})
        return redirect(here.url("user", person_id=person.pk))
    text = request.GET.get("q", "")
    context = {
        "person": person,
        "roles": person_page.role_choices(person, here, text, _ROLE_STATES),
        "text": text,
        "is_on_behalf": here.is_on_behalf,
        "back_url": here.url("user", person_id=person.pk),
        "page_url": here.url("user-roles", person_id=person.pk),
    }
    return render(request, "portal/user_roles.html", context)


@_form_page
def user_role_remove(request: HttpRequest, person_id: UUID, assignment_id: UUID) -> HttpResponse:
    """Remove an explicit role, after a page that says so."""
    here = place(request)
    here.check(Capability.ROLES_ASSIGN)
    person = found_person(here, person_id)
    assignment = person.role_assignments.filter(pk=assignment_id).select_related("user").first()
    if assignment is None:
        raise Http404
    page = here.url("user", person_id=person.pk)
    if request.method == "POST":
        people.remove_role(assignment=assignment, actor=here.user)
        messages.success(request, _("Removed: %(role)s") % {"role": assignment.role.label})
        return redirect(page)
    context = {
        "person": person,
        "assignment": assignment,
        "is_own": person.pk == here.user.pk,
        "back_url": page,
        "ask_url": here.url("user-role-remove", person_id=person.pk, assignment_id=assignment.pk),
    }
    return render(request, "portal/user_role_remove.html", context)
