"""Security groups of a tenant and their members (DOMAIN §2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import search
from portal.catalogue import Capability
from portal.errors import PermissionDenied, Refused
from portal.filters import GroupFilter, MemberFilter
from portal.forms.people import GroupForm
from portal.lists import Listing
from portal.models import Membership, SecurityGroup, User
from portal.models.grants import attach_assignments
from portal.person_page import azure_roles
from portal.services import groups as services
from portal.tables import GroupTable, MemberTable
from portal.views.acting import Place, place, say_once
from portal.views.people import found_person

_form_page = require_http_methods(["GET", "HEAD", "POST"])
_MOST_FOUND = 20


def _visible(here: Place) -> QuerySet[SecurityGroup]:
    """The tenant's groups; who only manages delegating ones sees only those. Hidden ones are never shown.

    Raises PermissionDenied without either right.
    """
    rows = SecurityGroup.objects.filter(tenant=here.tenant).exclude(kind__in=SecurityGroup.HIDDEN)
    all_groups, some = Capability.GROUPS_MANAGE, Capability.DELEGATING_GROUPS_MANAGE
    if here.rights.allows(some) and not here.rights.allows(all_groups):
        return rows.filter(SecurityGroup.delegating())
    here.check(all_groups)
    return rows


def _found(here: Place, group_uid: UUID) -> SecurityGroup:
    """The group. Raises Http404 where there is none, PermissionDenied for one that this insider may not see."""
    groups = SecurityGroup.objects.filter(tenant=here.tenant).exclude(kind__in=SecurityGroup.HIDDEN)
    visible, found = _visible(here), groups.filter(uid=group_uid).first()
    if found is None:
        raise Http404
    if not visible.filter(pk=found.pk).exists():
        raise PermissionDenied(here.rights.decide(Capability.GROUPS_MANAGE))
    return found


def _attach_counts(rows: list[SecurityGroup]) -> None:
    groups = Membership.objects.filter(group_id__in=[row.pk for row in rows])
    counts = dict(groups.values_list("group_id").annotate(Count("pk")).order_by())
    for row in rows:
        row.member_count = counts.get(row.pk, 0)  # type: ignore[attr-defined]
    attach_assignments(rows)


@require_safe
def groups(request: HttpRequest) -> HttpResponse:
    """The list."""
    here = place(request)
    listing = Listing(request, GroupTable, _visible(here), GroupFilter, _attach_counts)
    context = listing.context(
        page_title=_("Groups"),
        search_label=_("Name"),
        export_url=f"{here.url('groups-csv')}?{request.GET.urlencode()}",
        new=here.button(Capability.GROUPS_MANAGE, _("New group"), here.url("group-new")),
    )
    return render(request, "portal/groups.html", context)


@require_safe
def groups_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV."""
    here = place(request)
    listing = Listing(request, GroupTable, _visible(here), GroupFilter, _attach_counts)
    return listing.csv(f"groups-{here.tenant.slug}")


@_form_page
def group_new(request: HttpRequest) -> HttpResponse:
    """A new security group."""
    here = place(request)
    here.check(Capability.GROUPS_MANAGE)
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            group = services.create_group(tenant=here.tenant, actor=here.user, name=form.cleaned_data["name"])
        except Refused as refused:
            form.add_error(refused.field, refused.message)
        else:
            messages.success(request, _("The group was made. Add its members."))
            return redirect(here.url("group", group_uid=group.uid))
    context = {"form": form, "title": _("New group"), "back_url": here.url("groups"), "verb": _("Make the group")}
    return render(request, "portal/group_form.html", context)


@_form_page
def group_rename(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """Another name."""
    here = place(request)
    group = _found(here, group_uid)
    here.check(services.capability_for(group))
    form = GroupForm(request.POST or None, initial={"name": group.name})
    page = here.url("group", group_uid=group.uid)
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_group(group=group, actor=here.user, name=form.cleaned_data["name"])
        except Refused as refused:
            form.add_error(refused.field, refused.message)
        else:
            messages.success(request, _("The name was changed."))
            return redirect(page)
    context = {"form": form, "title": _("Rename the group"), "back_url": page, "verb": _("Save")}
    return render(request, "portal/group_form.html", context)


@_form_page
def group_delete(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """Delete, after a page that says what ends."""
    here = place(request)
    group = _found(here, group_uid)
    here.check(services.capability_for(group))
    if request.method == "POST":
        services.delete_group(group=group, actor=here.user)
        messages.success(request, _("Deleted: %(group)s") % {"group": group.name})
        return redirect(here.url("groups"))
    members = Membership.objects.filter(group_id=group.pk).count()
    context = {
        "group": group,
        "ends": [{"label": _("Memberships"), "detail": str(members)}, *azure_roles(group.pk)],
        "remains": [{"label": _("The accounts of its members, with all their other groups and roles")}],
        "uses": services.uses_of(group),
        "back_url": here.url("group", group_uid=group.uid),
        "ask_url": here.url("group-delete", group_uid=group.uid),
    }
    return render(request, "portal/group_delete.html", context)


@require_safe
def group(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """One group: its members, and whom one could add."""
    here = place(request)
    found = _found(here, group_uid)
    edit = here.button(services.capability_for(found), _("Add"), here.url("group-add", group_uid=found.uid))
    text = request.GET.get("add", "")
    buttons = _buttons(found, here)
    listing = _members(request, found, may_edit=not edit["disabled"])
    listing_context = listing.context(
        page_title=found.name,
        search_label=_("Name of a member"),
        export_url=f"{here.url('group-csv', group_uid=found.uid)}?{request.GET.urlencode()}",
        group=found,
        edit=edit,
        text=text,
        found=[] if edit["disabled"] else _candidates(here, found, text),
        buttons=buttons,
        button_reasons=say_once("group", buttons),
        back_url=here.url("groups"),
    )
    return render(request, "portal/group.html", listing_context)


def _buttons(found: SecurityGroup, here: Place) -> list[dict[str, Any]]:
    if found.kind != SecurityGroup.Kind.CUSTOM:
        return []
    return [
        here.button(Capability.GROUPS_MANAGE, _("Rename"), here.url("group-rename", group_uid=found.uid)),
        here.button(Capability.GROUPS_MANAGE, _("Delete"), here.url("group-delete", group_uid=found.uid)),
    ]


def _members(request: HttpRequest, found: SecurityGroup, *, may_edit: bool) -> Listing:
    rows = Membership.objects.filter(group_id=found.pk).select_related("user")
    more = {"group": found, "may_edit": may_edit}
    return Listing(request, MemberTable, rows, MemberFilter, table_kwargs=more)


@require_safe
def group_csv(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """Its members as CSV."""
    here = place(request)
    found = _found(here, group_uid)
    return _members(request, found, may_edit=False).csv(f"group-{here.tenant.slug}")


def _candidates(here: Place, found: SecurityGroup, text: str) -> list[User]:
    """Up to twenty people whom the search finds and who aren't members yet; nobody for an empty search."""
    if not text.strip():
        return []
    rows = search.matching(User.objects.filter(tenant=here.tenant, deleted_at__isnull=True), [here.tenant.pk], text)
    if found.is_delegating:
        rows = rows.filter(~Q(kind=User.Kind.GUEST))
    members = Membership.objects.filter(group_id=found.pk)
    return list(rows.exclude(pk__in=members.values("user_id")).order_by("name_key", "pk")[:_MOST_FOUND])


@require_POST
def group_add(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """Add one person."""
    here = place(request)
    found = _found(here, group_uid)
    person = found_person(here, _key(request))
    services.add_member(group=found, person=person, actor=here.user)
    messages.success(request, _("%(person)s is a member now.") % {"person": person.sign_in_name})
    return redirect(here.url("group", group_uid=found.uid))


@require_POST
def group_remove(request: HttpRequest, group_uid: UUID) -> HttpResponse:
    """Remove one person."""
    here = place(request)
    found = _found(here, group_uid)
    person = found_person(here, _key(request))
    services.remove_member(group=found, person=person, actor=here.user)
    messages.success(request, _("%(person)s is no member any more.") % {"person": person.sign_in_name})
    return redirect(here.url("group", group_uid=found.uid))


def _key(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("person", ""))
    except ValueError as error:
        raise Http404 from error
