"""Input for founding an organisation and for its partner profile."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from portal.errors import Refused
from portal.forms.fields import LineField, LongSelect, NewPasswordForm, country_choices, language_choices
from portal.models import ChannelRole, User
from portal.services import organisations

_LOCAL_PART = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z",
    _("Use letters a–z, digits, dots, hyphens and underscores, at most 64."),
    flags=re.IGNORECASE | re.ASCII,
)


class NewOrganisationForm(forms.Form):
    """Where the link goes."""

    address = forms.EmailField(
        label=_("Your contact address"),
        max_length=254,
        help_text=_("We send a link to it. All mail of the portal to you goes there."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class OrganisationForm(NewPasswordForm):
    """The organisation and its first user."""

    field_order = [
        "display_name",
        "label",
        "country",
        "language",
        "person",
        "local_part",
        "password",
        "repeat",
    ]
    display_name = LineField(label=_("Name of the organisation"), max_length=200)
    label = LineField(
        label=_("Default domain"),
        max_length=63,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    country = forms.ChoiceField(label=_("Country"), choices=country_choices, widget=LongSelect)
    language = forms.ChoiceField(label=_("Language"), choices=language_choices)
    person = LineField(label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    local_part = LineField(
        label=_("Your sign-in name"),
        max_length=64,
        initial="global-admin",
        validators=[_LOCAL_PART],
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, address: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address
        self.fields["password"].label = _("Password")
        suffix = settings.MANDATE_PLATFORM_SUFFIX
        self.fields["label"].help_text = _(
            "The first part of contoso.%(suffix)s, for example: letters a–z, digits and hyphens. It stays for good."
        ) % {"suffix": suffix}
        self.fields["local_part"].help_text = _("What stands before the @ and the default domain.")

    def clean_local_part(self) -> str:
        """Sign-in names are compared without regard to case; the first one is written small."""
        return str(self.cleaned_data["local_part"]).lower()

    def clean_label(self) -> str:
        """Free, allowed, and not confusable with one that is taken (DOMAIN §2)."""
        try:
            return organisations.check_label(self.cleaned_data["label"])
        except Refused as refused:
            raise forms.ValidationError(refused.message) from refused

    def described(self) -> User:
        """The person that is about to be made."""
        cleaned = self.cleaned_data
        name = f"{cleaned.get('local_part', '')}@{cleaned.get('label', '')}.{settings.MANDATE_PLATFORM_SUFFIX}"
        return User(sign_in_name=name, display_name=cleaned.get("person", ""), contact_address=self.address)


class PartnerProfileForm(forms.Form):
    """What makes an organisation a partner."""

    channel_role = forms.ChoiceField(
        label=_("Channel role"),
        choices=ChannelRole.choices,
        widget=forms.RadioSelect,
        initial=ChannelRole.DIRECT_BILL,
    )
    is_oem = forms.BooleanField(
        label=_("Also an OEM"), required=False, help_text=_("Makes devices and registers them for customers.")
    )


class NoticesForm(forms.Form):
    """What an organisation's administrators are told of if it wants them to be."""

    on_behalf = forms.BooleanField(
        label=_("Tell our Global Administrators when a partner's people sign in on our behalf"),
        help_text=_("By mail, once a day for each partner, with the first of its people who opens our pages."),
        required=False,
    )
