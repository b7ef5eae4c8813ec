"""What people fill in: reasons and groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from delegation import catalogue
from portal.models import Pair, SecurityGroup


class ReasonForm(forms.Form):
    """An optional reason, shown to the other side."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}), strip=True
    )


class Chosen(forms.MultipleChoiceField):
    """Names ticked on the page; what is gone meanwhile is no error (the service passes it over)."""

    def valid_value(self, value: str) -> bool:
        return True


class CleanExitForm(ReasonForm):
    """What of a partner's rights ends: names of `delegation.clean_exit`."""

    chosen = Chosen(label=_("What ends"), required=False)
    blocks = forms.BooleanField(
        label=_("Block this partner"),
        required=False,
        help_text=_("No further invitations or requests of this partner reach you."),
    )
    is_confirmed = forms.BooleanField(
        label=_("Yes, end what is ticked, now"),
        error_messages={"required": _("Tick this to go on.")},
    )


class DurationForm(forms.Form):
    """For how long roles are asked for (DOMAIN §6)."""

    duration_days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=catalogue.MOST_DAYS, initial=catalogue.MOST_DAYS
    )
    auto_extend = forms.BooleanField(
        label=_("Auto-extend by 180 days"),
        required=False,
        help_text=_("Not with Global, Privileged Role or Privileged Authentication Administrator."),
    )


class GroupsForm(forms.Form):
    """Which of the partner's groups work for a customer (DOMAIN §2)."""

    ALL, CHOSEN = "all", "chosen"

    which = forms.ChoiceField(
        label=_("Who works for this customer"),
        choices=[(ALL, _("All groups")), (CHOSEN, _("Only members of these groups"))],
        widget=forms.RadioSelect,
    )
    groups = forms.ModelMultipleChoiceField(
        label=_("Groups"),
        queryset=SecurityGroup.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        to_field_name="uid",
    )

    def __init__(self, *args: Any, pair: Pair, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = SecurityGroup.objects.filter(tenant_id=pair.partner_id).exclude(kind__in=SecurityGroup.HIDDEN)
        self.fields["groups"].queryset = own.order_by("kind", "name")  # type: ignore[attr-defined]

    def chosen(self) -> list[SecurityGroup] | None:
        """The groups, or None for all of them."""
        if self.cleaned_data["which"] == self.ALL:
            return None
        return list(self.cleaned_data["groups"])
