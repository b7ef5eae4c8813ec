"""What *Who has access* can be narrowed to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delegation.explorer import EXPIRING, NO_PARTNER, PRIVILEGED, UNUSED, Asked, words
from delegation.outside import ACCOUNT, Reached
from portal import clock
from portal.models import PathKind

KINDS = (
    (PathKind.DAP, _("DAP")),
    (PathKind.GDAP, _("GDAP")),
    (PathKind.AZURE, _("Azure")),
    (ACCOUNT, _("Accounts")),
)
SHOWN = (
    (PRIVILEGED, _("privileged")),
    (EXPIRING, _("end within 30 days")),
    (UNUSED, _("unused for 90 days")),
)


class MomentForm(forms.Form):
    """The day that the list is about; what was so at its end."""

    on = forms.DateField(
        label=_("Access on a date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean_on(self) -> Any:
        """A day that has begun."""
        day = self.cleaned_data["on"]
        if day is not None and day > timezone.localtime(clock.now()).date():
            raise forms.ValidationError(_("This day is still to come."))
        return day

    def moment(self) -> datetime | None:
        """The end of the day in the reader's time zone; None for now: without a valid day, and for today."""
        day = self.cleaned_data.get("on") if self.is_valid() else None
        if day is None or day >= timezone.localtime(clock.now()).date():
            return None
        try:
            return timezone.make_aware(datetime.combine(day, time.min) + timedelta(days=1)) - timedelta(microseconds=1)
        except (OverflowError, ValueError):  # the ends of the calendar
            return None


class NarrowForm(forms.Form):
    """The other filters."""

    q = forms.CharField(required=False, max_length=200)
    partner = forms.CharField(label=_("Partner"), required=False, widget=forms.Select)
    kind = forms.ChoiceField(choices=[("", ""), *KINDS], required=False)
    show = forms.ChoiceField(choices=[("", ""), *SHOWN], required=False)
    person = forms.UUIDField(required=False)

    def __init__(self, *args: Any, rows: Iterable[Reached], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        partners = {str(row.partner_id): row.partner_name for row in rows if row.partner_id}
        choices = sorted(partners.items(), key=lambda pair: pair[1].casefold())
        if any(row.partner_id is None for row in rows):
            choices.append((NO_PARTNER, _("No partner")))
        self.fields["partner"].widget.choices = [("", _("All partners")), *choices]  # type: ignore[attr-defined]

    def asked(self, at: datetime) -> Asked:
        """What the list is narrowed to; call it on a valid form."""
        given = self.cleaned_data
        return Asked(
            at=at,
            words=words(given["q"]),
            partner=given["partner"],
            kind=given["kind"],
            show=given["show"],
            person=given["person"],
        )
