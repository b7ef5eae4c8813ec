"""What people fill in about role templates: what one says, which groups it plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from delegation.forms import DurationForm
from delegation.models import GdapTemplateVersion
from delegation.services import Content
from portal.forms.fields import LineField
from portal.models import SecurityGroup, Tenant


class TemplateForm(DurationForm):
    """Name, roles, days and auto-extend of a template. `number`: the version that the page showed."""

    name = LineField(label=_("Name"), max_length=catalogue.MOST_TEMPLATE_NAME)
    roles = forms.MultipleChoiceField(label=_("Roles"), required=False)
    reason = LineField(
        label=_("Default reason"),
        max_length=500,
        required=False,
        help_text=_("Shown to the customer beside each role. Privileged roles need one."),
    )
    note = LineField(label=_("Note about this version"), max_length=500, required=False)
    number = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput, required=False, initial=0)

    field_order = ("name", "duration_days", "auto_extend", "roles", "reason", "note", "number")

    def __init__(self, *args: Any, reasons: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reasons = dict(reasons or {})
        self.fields["roles"].choices = [(role.id, role.label) for role in catalogue.requestable().values()]  # type: ignore[attr-defined]

    @property
    def options(self) -> list[dict[str, Any]]:
        """Every role that can be asked for, those of the template first, as the page shows them."""
        found = self["roles"].value() or []
        chosen = set(found) if isinstance(found, list) else set()
        rows = sorted(catalogue.requestable().values(), key=lambda role: (role.id not in self.reasons, role.label))
        return [{"role": role, "checked": role.id in chosen} for role in rows]

    @property
    def content(self) -> Content:
        """What was filled in. A role keeps the reason that it has, the others get the default one."""
        cleaned = self.cleaned_data
        roles = {role_id: self.reasons.get(role_id) or cleaned["reason"] for role_id in cleaned["roles"]}
        return Content(roles, cleaned["duration_days"], cleaned["auto_extend"], None, cleaned["note"])

    @staticmethod
    def start_of(version: GdapTemplateVersion) -> dict[str, Any]:
        """What the form shows of a present version."""
        return {
            "name": version.template.name,
            "duration_days": version.duration_days,
            "auto_extend": version.auto_extend,
            "roles": list(version.roles),
            "number": version.number,
        }


class TemplateGroupsForm(forms.Form):
    """Which groups are to get which of the template's roles: those planned, and one more."""

    add = forms.ModelChoiceField(
        label=_("One more group"),
        queryset=SecurityGroup.objects.none(),
        required=False,
        to_field_name="uid",
        empty_label=_("None"),
    )
    add_roles = forms.MultipleChoiceField(label=_("Its roles"), required=False, widget=forms.CheckboxSelectMultiple)
    number = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        partner: Tenant,
        version: GdapTemplateVersion,
        groups: Mapping[int, SecurityGroup],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.planned = {group.pk: group for key, group in groups.items() if key in {p["group"] for p in version.plans}}
        choices = [(role.id, role.label) for role in version.roles_by_name]
        own = SecurityGroup.objects.filter(tenant=partner).exclude(kind__in=SecurityGroup.HIDDEN)
        self.fields["add"].queryset = own.exclude(pk__in=self.planned).order_by("kind", "name")  # type: ignore[attr-defined]
        self.fields["add_roles"].choices = choices  # type: ignore[attr-defined]
        held = {plan["group"]: plan["roles"] for plan in version.plans}
        for key, group in self.planned.items():
            self.fields[f"group_{key}"] = forms.MultipleChoiceField(
                label=group.name,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                choices=choices,
                initial=held[key],
            )

    @property
    def present(self) -> list[Any]:
        """The fields of the groups that are planned already."""
        return [self[f"group_{key}"] for key in self.planned]

    @property
    def plans(self) -> list[tuple[SecurityGroup, list[str]]]:
        """The chosen plans; a group without roles is planned no more."""
        chosen = [(group, self.cleaned_data[f"group_{key}"]) for key, group in self.planned.items()]
        if self.cleaned_data["add"]:
            chosen.append((self.cleaned_data["add"], self.cleaned_data["add_roles"]))
            return [(group, ids) for group, ids in chosen if ids or group == self.cleaned_data["add"]]
        return [(group, ids) for group, ids in chosen if ids]
