"""Input of invitations: options, text, acceptance, forwarding. Rules are in the services; forms say what is missing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import LineField
from portal.models import Pair, User
from relationships import catalogue
from relationships.models import LANGUAGES, Invitation

NAMED, OPEN = "named", "open"


class OptionsForm(forms.Form):
    """Step 1: what is asked for, of whom, for how long (DOMAIN §3)."""

    partner_type = forms.ChoiceField(label=_("Type of relationship"))
    with_dap = forms.ChoiceField(
        label=_("Delegated admin"),
        choices=[
            ("no", _("Without delegated admin (recommended)")),
            (
                "yes",
                _(
                    "With delegated admin: Global Administrator for your Admin agents, "
                    "Helpdesk Administrator for your Helpdesk agents"
                ),
            ),
        ],
        initial="no",
        widget=forms.RadioSelect,
    )
    audience = forms.ChoiceField(
        label=_("For whom"),
        choices=[
            (NAMED, _("One named customer: the link works once")),
            (OPEN, _("An open link: several customers may use it")),
        ],
        initial=NAMED,
        widget=forms.RadioSelect,
    )
    customer_name = LineField(label=_("Customer"), max_length=200, required=False)
    customer_address = forms.EmailField(label=_("E-mail"), max_length=254, required=False)
    is_limited = forms.BooleanField(
        label=_("Only for the organisation that has verified the domain of this address"), required=False
    )
    max_uses = forms.IntegerField(
        label=_("Most customers"), help_text=_("For an open link."), min_value=1, max_value=100_000, required=False
    )
    language = forms.ChoiceField(label=_("Language of the message"), choices=LANGUAGES, initial="en")
    days = forms.IntegerField(
        label=_("Days until it expires"),
        help_text=_("1 to 90, counted from the moment you send it."),
        min_value=1,
        max_value=90,
        initial=30,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = catalogue.partner_types()
        kinds: Any = self.fields["partner_type"]
        kinds.choices = [(key, types[key].name) for key in catalogue.INVITABLE]

    @staticmethod
    def start_of(invitation: Invitation) -> dict[str, Any]:
        """A draft's options as the form shows them."""
        return {
            "partner_type": invitation.partner_type,
            "with_dap": "yes" if invitation.with_dap else "no",
            "audience": OPEN if invitation.is_open_link else NAMED,
            "customer_name": invitation.customer_name,
            "customer_address": invitation.customer_address,
            "is_limited": bool(invitation.limited_to_domain),
            "max_uses": invitation.max_uses if invitation.is_open_link else None,
            "language": invitation.language,
            "days": invitation.days,
        }

    @staticmethod
    def start_for(pair: Pair) -> dict[str, Any]:
        """A new request for delegated admin to a customer that is there already (DOMAIN §4)."""
        return {"customer_name": pair.customer_name, "language": pair.customer.language, "with_dap": "yes"}

    def clean(self) -> dict[str, Any]:
        """A named customer needs a name and an address, an open link its most uses."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("audience") == NAMED:
            for name in ("customer_name", "customer_address"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, _("Needed for one named customer."))
        elif cleaned.get("audience") == OPEN and not cleaned.get("max_uses") and "max_uses" not in self.errors:
            self.add_error("max_uses", _("Say how many customers may use the link."))
        return cleaned

    @property
    def options(self) -> dict[str, Any]:
        """What the services take."""
        data = self.cleaned_data
        is_open_link = data["audience"] == OPEN
        address = data["customer_address"]
        return {
            "partner_type": data["partner_type"],
            "with_dap": data["with_dap"] == "yes",
            "language": data["language"],
            "days": data["days"],
            "is_open_link": is_open_link,
            "customer_name": data["customer_name"],
            "customer_address": address,
            "limited_to_domain": address.rpartition("@")[2].lower() if data["is_limited"] else "",
            "max_uses": data["max_uses"] if is_open_link else 1,
        }

    #: Which field shows a refusal of the services.
    shown_at = {"limited_to_domain": "is_limited"}


class MessageForm(forms.Form):
    """Step 2: the text, with the real personal link in it."""

    subject = LineField(label=_("Subject"), max_length=200)
    body = forms.CharField(
        label=_("Message"),
        help_text=_("Plain text. Keep the personal link in it, once; other links only to your own verified domains."),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 16}),
    )


class AcceptForm(forms.Form):
    """*Yes*, and what the page showed when it was ticked."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    yes = forms.BooleanField(label=_("Yes"), error_messages={"required": _("Tick Yes to accept.")})


class ForwardForm(forms.Form):
    """One of the people who may accept it."""

    to = forms.ModelChoiceField(
        label=_("Approver"),
        queryset=User.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": _("This person can't accept the request. Choose one of the list.")},
    )

    def __init__(self, *args: Any, approvers: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people: Any = self.fields["to"]
        people.queryset = User.objects.filter(pk__in=[person.pk for person in approvers]).order_by("name_key", "id")
        people.label_from_instance = lambda person: f"{person.display_name} ({person.sign_in_name})"
