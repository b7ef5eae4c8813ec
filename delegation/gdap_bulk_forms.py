"""What an act on many GDAP relationships is told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from delegation import bulk, catalogue, gdap_expiring

#: The act of the page, the kind of job that does it, what its button is called.
ACTS: dict[str, tuple[str, Any]] = {
    gdap_expiring.EXTEND_ON: (bulk.EXTEND_ON, _("Switch auto-extend on")),
    gdap_expiring.EXTEND_OFF: (bulk.EXTEND_OFF, _("Switch auto-extend off")),
    gdap_expiring.RENEW: (bulk.RENEW, _("Ask for renewals")),
    gdap_expiring.GIVE_UP_DAP: (bulk.GIVE_UP_DAP, _("Give up DAP for the chosen customers")),
}
#: More are chosen by filter: so many fit into an address.
MOST_CHOSEN = 100


class ChosenForm(forms.Form):
    """Which act, on the chosen rows or on all that match the filter; carried from the list to the confirmation."""

    act = forms.ChoiceField(choices=[(act, label) for act, (_kind, label) in ACTS.items()], widget=forms.HiddenInput)
    which = forms.ChoiceField(choices=[("chosen", "chosen"), ("all", "all")], widget=forms.HiddenInput)
    row = forms.Field(required=False, widget=forms.MultipleHiddenInput)

    def clean_row(self) -> list[Any]:
        """The keys of the chosen rows."""
        field = forms.UUIDField()
        return [field.clean(value) for value in list(self.cleaned_data["row"] or [])[:MOST_CHOSEN]]

    def clean(self) -> dict[str, Any]:
        """Something has to be chosen."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("which") == "chosen" and not cleaned.get("row") and "row" not in self.errors:
            self.add_error(None, _("Choose at least one relationship."))
        return cleaned


class RenewalForm(forms.Form):
    """How long the renewals last."""

    days = forms.IntegerField(
        label=_("Days"),
        required=False,
        min_value=1,
        max_value=catalogue.MOST_DAYS,
        help_text=_("1 to 730. Leave it empty to ask for as many days as before."),
    )
    is_sent = forms.BooleanField(
        label=_("Send each request to its customer"),
        required=False,
        initial=True,
        help_text=_("By mail, to the address of the last request or to those who may approve it."),
    )


def kept(query: QueryDict) -> list[tuple[str, str]]:
    """The filter of the list, as the confirmation carries it along."""
    return [(name, query[name]) for name in ("q", "due", "extend", "dap") if query.get(name)]
