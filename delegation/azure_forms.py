"""What people fill in about Azure: subscriptions, what is in them, role assignments. Rules are in the services."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from delegation import azure_names
from portal import catalogue, clock
from portal.catalogue import AzureRole
from portal.forms.fields import LineField
from portal.models import Pair, Scope, SecurityGroup

#: What the portal itself allows the holders of these; the other roles are recorded, listed and explained.
_ABOUT = {
    "Owner": _("Everything: resources, the subscription itself, role assignments, service requests."),
    "Contributor": _("Resource groups, resources and service requests; no role assignments."),
    "Reader": _("Sees the scope and what is below it."),
    "User Access Administrator": _("Role assignments."),
    "Role Based Access Control Administrator": _("Role assignments."),
    "Support Request Contributor": _("Service requests about the subscription."),
}
#: The categories of the role table.
_CATEGORIES = {
    "AI + machine learning": _("AI and machine learning"),
    "Analytics": _("Analytics"),
    "Compute": _("Compute"),
    "Containers": _("Containers"),
    "Databases": _("Databases"),
    "DevOps": _("DevOps"),
    "General": pgettext_lazy("Azure roles", "General"),
    "Hybrid + multicloud": _("Hybrid and multicloud"),
    "Identity": _("Identity"),
    "Integration": _("Integration"),
    "Internet of Things": _("Internet of Things"),
    "Management and governance": _("Management and governance"),
    "Migration": _("Migration"),
    "Monitor": _("Monitoring"),
    "Networking": _("Networking"),
    "Privileged": pgettext_lazy("Azure roles", "Privileged"),
    "Security": _("Security"),
    "Storage": _("Storage"),
    "Web and Mobile": _("Web and mobile"),
}


class NameForm(forms.Form):
    """A name for a subscription."""

    name = LineField(label=_("Name"), max_length=azure_names.MOST_SUBSCRIPTION_NAME)


class SubscriptionForm(NameForm):
    """A new subscription."""

    offer = LineField(
        label=_("Offer"), max_length=azure_names.MOST_OFFER, help_text=_("What is bought: a plan’s name.")
    )


class TagsForm(forms.Form):
    """Tags of a resource group or a resource."""

    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One name=value a line."),
    )


class GroupForm(TagsForm):
    """A new resource group."""

    name = LineField(label=_("Name"), max_length=azure_names.MOST_GROUP_NAME)
    field_order = ("name", "tags")


class ResourceForm(TagsForm):
    """A new resource."""

    name = LineField(label=_("Name"), max_length=azure_names.MOST_RESOURCE_NAME)
    resource_type = LineField(
        label=_("Type"),
        max_length=azure_names.MOST_TYPE,
        help_text=_("Provider and type, as in Microsoft.Compute/virtualMachines."),
    )
    field_order = ("name", "resource_type", "tags")


class MoveForm(forms.Form):
    """Where a resource goes: another resource group."""

    to = forms.ModelChoiceField(
        label=_("Resource group"),
        queryset=Scope.objects.none(),
        empty_label=_("Choose a resource group"),
        error_messages={"invalid_choice": _("Choose one of the resource groups that you may change.")},
    )

    def __init__(self, *args: Any, groups: QuerySet[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["to"]
        field.queryset = groups
        field.label_from_instance = lambda scope: f"{scope.parent.name} / {scope.name}"


#: A file of 5,000 rows has a fifth of it.
_MOST_BYTES = 1_000_000


class ImportForm(forms.Form):
    """A file of resource groups and resources; once its rows were shown (`is_sure`), the text of it."""

    file = forms.FileField(
        label=_("CSV file"),
        max_length=200,
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=_(
            "Columns: name, type, group, tags. A row without a type is a resource group. Tags: name=value; name=value."
        ),
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_sure: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_sure = is_sure

    def clean(self) -> dict[str, Any]:
        """`text` is what is to be imported."""
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if self.is_sure and cleaned.get("text"):
            return cleaned
        if file is None:
            self.add_error("file", _("Choose a file."))
        elif file.size > _MOST_BYTES:
            self.add_error("file", _("Choose a file of one megabyte at most."))
        else:
            cleaned["text"] = self._read(file.read())
        return cleaned

    def _read(self, content: bytes) -> str:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = ""
            self.add_error("file", _("Save the file as UTF-8."))
        if "\x00" in text:
            self.add_error("file", _("This is no CSV file."))
        return text


# ── role assignments ──


class EndField(forms.DateField):
    """A last day, in the reader's time zone; its value is the moment after it, None for no end."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(required=False, widget=widget, input_formats=["%Y-%m-%d"], **kwargs)

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day is None:
            return None
        try:
            local = datetime.combine(day, time.min) + timedelta(days=1)
            until = local.replace(tzinfo=timezone.get_current_timezone()).astimezone(UTC)
        except OverflowError:  # the last day that a calendar knows
            raise forms.ValidationError(_("Choose a day in the next hundred years.")) from None
        if until <= clock.now():
            raise forms.ValidationError(_("Choose today or a later day."))
        return until


def last_day(until: datetime | None) -> date | None:
    """The last day of something that ends at a moment, in the reader's time zone."""
    return timezone.localtime(until - timedelta(microseconds=1)).date() if until else None


class RolePicks(forms.RadioSelect):
    """All of Azure's built-in roles by category: hundreds, which components would take seconds to draw."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The inside of `c-picker`: a heading for each category, a pick for each role."""
        mark = SafeString(render_to_string("cotton/privileged.html", {}))
        parts = []
        for category, roles in groupby(catalogue.azure_roles().values(), key=lambda role: role.category):
            picks = [self._pick(name, role, str(value or ""), mark) for role in roles]
            parts.append(format_html("<h2>{}</h2>{}", _CATEGORIES[category], SafeString("".join(picks))))
        return SafeString("".join(parts))

    def _pick(self, name: str, role: AzureRole, chosen: str, mark: SafeString) -> SafeString:
        about = _ABOUT.get(role.name, "")
        return format_html(
            '<div class="pick"><label class="choice"><input type="radio" name="{}" value="{}"{}>'
            "<span><strong>{}</strong>{}{}</span></label></div>",
            name,
            role.id,
            SafeString(" checked" if role.id == chosen else ""),
            role.label,
            format_html(" {}", mark) if role.is_privileged else "",
            format_html("<small>{}</small>", about) if about else "",
        )


class DescriptionForm(forms.Form):
    """What can be said of an assignment, and changed."""

    description = forms.CharField(
        label=_("Description"), required=False, max_length=2048, widget=forms.Textarea(attrs={"rows": 3})
    )
    until = EndField(label=_("Last day"), help_text=_("Empty: no end. At the end of this day access ends by itself."))


class AssignmentForm(DescriptionForm):
    """Who gets which role."""

    principal = forms.ModelChoiceField(
        label=_("Principal"),
        queryset=SecurityGroup.objects.none(),
        to_field_name="uid",
        error_messages={
            "required": _("Search, and choose who gets the role."),
            "invalid_choice": _(
                "Choose somebody of this organisation, or of a partner that has a relationship with it."
            ),
        },
    )
    role = forms.ChoiceField(
        label=_("Role"),
        widget=RolePicks,
        choices=(),
        error_messages={"required": _("Choose a role."), "invalid_choice": _("Choose one of the roles.")},
    )
    field_order = ("principal", "role", "description", "until")

    def __init__(self, *args: Any, principals: QuerySet[SecurityGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["principal"].queryset = principals
        fields["role"].choices = [(role.id, role.name) for role in catalogue.azure_roles().values()]


class EditForm(DescriptionForm):
    """The same of an assignment as somebody saw it in this version."""

    version = forms.IntegerField(
        min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput(attrs={"autocomplete": "off"})
    )


class ReinstateForm(forms.Form):
    """Whose AdminAgents get Owner back."""

    partner = forms.ModelChoiceField(
        label=_("Partner"),
        queryset=Pair.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"required": _("Choose a partner.")},
    )

    def __init__(self, *args: Any, pairs: Iterable[Pair], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["partner"]
        field.queryset = pairs
        field.label_from_instance = lambda pair: pair.partner_name
