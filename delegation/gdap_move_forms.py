"""What people fill in about drift and the move from DAP to GDAP."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from delegation import gdap_move_needs, gdap_templates, least_privilege
from delegation.forms import DurationForm
from delegation.gdap_bulk_forms import MOST_CHOSEN
from delegation.gdap_move_needs import Proposal
from portal.catalogue import Capability
from portal.meanings import MEANINGS
from portal.models import Pair, Tenant


class SendForm(forms.Form):
    """Whether what is asked for is sent at once."""

    is_sent = forms.BooleanField(
        label=_("Send the requests by mail"),
        required=False,
        initial=True,
        help_text=_("Otherwise they wait among the customer's requests, and you deliver their links yourself."),
    )


class ChosenForm(forms.Form):
    """Which customers of the list: the ticked ones, or (where nothing is said) all that match its filters."""

    CHOSEN, ALL = "chosen", "all"

    which = forms.ChoiceField(choices=[(CHOSEN, CHOSEN), (ALL, ALL)], required=False)
    chosen = forms.Field(required=False, widget=forms.MultipleHiddenInput)

    def clean_chosen(self) -> list[Any]:
        """The keys of the ticked ones."""
        field = forms.UUIDField()
        return [field.clean(value) for value in list(self.cleaned_data["chosen"] or [])[:MOST_CHOSEN]]

    def clean(self) -> dict[str, Any]:
        """Something has to be ticked."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("which") == self.CHOSEN and not cleaned.get("chosen"):
            self.add_error(None, _("Choose at least one customer."))
        return cleaned

    def of(self, rows: QuerySet[Pair]) -> QuerySet[Pair]:
        """Those of the rows."""
        is_all = self.cleaned_data["which"] != self.CHOSEN
        return rows if is_all else rows.filter(pk__in=self.cleaned_data["chosen"])


class TermsForm(DurationForm, SendForm):
    """From which template, for how long: what one move and many have in common."""

    template = forms.ChoiceField(label=_("Roles"), required=False)
    field_order = ("template", "duration_days", "auto_extend", "is_sent")

    def __init__(self, *args: Any, partner: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [(choice.key, choice.name) for choice in gdap_templates.choices(partner)]
        smallest = _("The smallest roles for what was used in the last 90 days")
        self.fields["template"].choices = [("", smallest), *found]  # type: ignore[attr-defined]


class MoveForm(TermsForm):
    """What each group is to do; its roles follow from that, unless a template is taken."""

    def __init__(self, *args: Any, pair: Pair, proposal: Proposal, **kwargs: Any) -> None:
        super().__init__(*args, partner=pair.partner, **kwargs)
        self.pair, self.groups = pair, [needs for needs in proposal.groups if needs.dap_role is not None]
        template: Any = self.fields["template"]
        template.choices = [("", _("The smallest roles for the tasks below")), *list(template.choices)[1:]]
        tasks = [(str(task), MEANINGS[task]) for task in least_privilege.tasks()]
        for needs in self.groups:
            self.fields[f"tasks_{needs.group.pk}"] = forms.MultipleChoiceField(
                label=_("What %(group)s need to do") % {"group": needs.group.name},
                required=False,
                choices=tasks,
                widget=forms.CheckboxSelectMultiple,
                initial=sorted(needs.tasks),
            )

    @property
    def tasks(self) -> list[Any]:
        """The fields of tasks, a group each."""
        return [self[f"tasks_{needs.group.pk}"] for needs in self.groups]

    def proposal(self) -> Proposal:
        """The roles that follow from what was filled in."""
        choice = gdap_templates.choice(self.pair.partner, self.cleaned_data["template"])
        if choice is not None:
            return gdap_move_needs.from_template(self.pair, choice)
        chosen = {
            needs.group.pk: [Capability(task) for task in self.cleaned_data[f"tasks_{needs.group.pk}"]]
            for needs in self.groups
        }
        return gdap_move_needs.propose(self.pair, chosen)

    @property
    def template_version(self) -> Any:
        """The version of the own template that was taken, if one was."""
        choice = gdap_templates.choice(self.pair.partner, self.cleaned_data["template"])
        return choice.version if choice else None


class GiveUpForm(forms.Form):
    """A reason for the customer and, where something would be lost, that this is meant."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}), strip=True
    )
    is_confirmed = forms.BooleanField(label=_("Give DAP up although something is lost"), required=False)
