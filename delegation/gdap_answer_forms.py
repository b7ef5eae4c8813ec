"""What a customer fills in about GDAP: approval, decline, counter-offer, *Remove roles*."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from delegation.forms import ReasonForm
from delegation.models import GdapCounterOffer, GdapRelationship
from portal.catalogue import Role, roles
from relationships.forms import AcceptForm


class ApproveForm(AcceptForm):
    """*Yes*, what the page showed when it was ticked, and whether DAP goes in the same step."""

    removes_dap = forms.BooleanField(label=_("Remove delegated admin (DAP) in the same step"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["yes"].error_messages["required"] = gettext("Tick Yes to approve.")


class RemoveRolesForm(ReasonForm):
    """A reason, and whether DAP, to which people would fall back, goes too."""

    removes_dap = forms.BooleanField(label=_("Remove delegated admin (DAP) in the same step"), required=False)


class CounterOfferForm(ReasonForm):
    """Less than was asked for: fewer roles, fewer days, no auto-extend."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        help_text=_("Untick what you don't want to give."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one of the roles that were asked for, and no other.")},
    )
    duration_days = forms.IntegerField(label=_("Days"), min_value=1)
    is_extension_forbidden = forms.BooleanField(
        label=_("No auto-extend"),
        help_text=_("It ends on its day. Only you can switch auto-extend on later."),
        required=False,
    )

    field_order = ("roles", "duration_days", "is_extension_forbidden", "reason")

    def __init__(self, *args: Any, relationship: GdapRelationship, **kwargs: Any) -> None:
        asked = [roles()[role_id] for role_id in relationship.roles.values_list("role_id", flat=True)]
        start = {"roles": [role.id for role in asked], "duration_days": relationship.duration_days}
        super().__init__(*args, initial=start, **kwargs)
        chosen: Any = self.fields["roles"]
        chosen.choices = [(role.id, _described(role)) for role in sorted(asked, key=lambda role: role.label)]
        days: Any = self.fields["duration_days"]
        days.max_value = relationship.duration_days
        days.widget.attrs |= {"max": relationship.duration_days, "inputmode": "numeric"}
        days.help_text = _("They asked for %(days)d. You can offer fewer.") % {"days": relationship.duration_days}

    @property
    def offer(self) -> dict[str, Any]:
        """What the service takes."""
        taken = ("duration_days", "is_extension_forbidden", "reason")
        return {"role_ids": self.cleaned_data["roles"]} | {name: self.cleaned_data[name] for name in taken}


def _described(role: Role) -> str:
    name = gettext("%(role)s (privileged)") % {"role": role.label} if role.is_privileged else role.label
    return format_html("<strong>{}</strong> <small>{}</small>", name, role.about) if role.description else name


def offered(offer: GdapCounterOffer) -> list[Role]:
    """The roles of a counter-offer, by name."""
    return sorted((roles()[role_id] for role_id in offer.role_ids), key=lambda role: role.label)
