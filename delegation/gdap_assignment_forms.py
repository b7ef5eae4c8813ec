"""What people fill in about access assignments: a group, and some of the relationship's roles (DOMAIN §6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from delegation import gdap_standing
from portal.catalogue import Role
from portal.models import SecurityGroup


def role_choices(role_ids: Iterable[str]) -> list[tuple[str, SafeString]]:
    """Roles to tick: the name, whether it is privileged, what it is for."""
    return [(role.id, _described(role)) for role in gdap_standing.roles(role_ids)]


def _described(role: Role) -> SafeString:
    mark = render_to_string("cotton/privileged.html", {}) if role.is_privileged else ""
    return format_html("{} {}<small>{}</small>", role.label, mark, role.about)


class RolesForm(forms.Form):
    """Some of the roles that can be given."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Choose at least one role."),
            "invalid_choice": _("Only roles of this relationship can be assigned."),
        },
    )

    def __init__(self, *args: Any, role_ids: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles: Any = self.fields["roles"]
        roles.choices = role_choices(role_ids)


class AssignmentForm(RolesForm):
    """A group and its roles. `shown` are the groups to choose from on the page; a search finds the others."""

    group = forms.ModelChoiceField(
        label=_("Group"),
        queryset=SecurityGroup.objects.none(),
        to_field_name="uid",
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose a group."),
            "invalid_choice": _("Only security groups of your own organisation can get roles."),
        },
    )
    field_order = ("group", "roles")

    def __init__(self, *args: Any, groups: Any, shown: list[SecurityGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["group"]
        field.queryset = groups
        field.widget.choices = [(str(group.uid), group.name) for group in shown]


class EditForm(RolesForm):
    """The roles of one group, as somebody who saw this version wants them."""

    version = forms.IntegerField(widget=forms.HiddenInput)
