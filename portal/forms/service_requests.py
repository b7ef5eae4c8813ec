"""Input of service requests."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import LineField
from portal.models import ServiceRequest


class OpenRequestForm(forms.Form):
    """What support is asked for."""

    title = LineField(label=_("Title"), max_length=200)
    severity = forms.ChoiceField(
        label=_("Severity"),
        choices=ServiceRequest.Severity.choices,
        initial=ServiceRequest.Severity.NORMAL,
        help_text=_("Critical: work stands still. Important: work is hindered. Normal: everything else."),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What happens, since when, and what was tried. Never put passwords here."),
    )


class CommentForm(forms.Form):
    """Words to a request; needed for a comment, welcome with a change of state."""

    text = forms.CharField(label=_("Comment"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 4}))


class StateForm(CommentForm):
    """The same beside a change of state, where it may stay empty."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].required = False
