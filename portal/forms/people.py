"""Input about people, their groups, and lists of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import LineField, language_choices
from portal.models import Tenant
from portal.services import organisations

_LOCAL_PART = RegexValidator(
    r"\A[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z",
    _("Use letters a–z, digits, dots, hyphens and underscores, at most 64."),
)


class InvitePersonForm(forms.Form):
    """A colleague's account: the person sets the password by the link that is mailed."""

    display_name = LineField(label=_("Display name"), max_length=200)
    local_part = LineField(
        label=_("Sign-in name"),
        max_length=64,
        validators=[_LOCAL_PART],
        help_text=_("What stands before the @."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    domain = forms.ChoiceField(
        label=_("Domain"), help_text=_("The default domain and the verified ones of this organisation.")
    )
    contact_address = forms.EmailField(
        label=_("Contact address"),
        max_length=254,
        help_text=_("The invitation goes there, and all later mail. Only the person can change it afterwards."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=language_choices)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, initial={"language": tenant.language}, **kwargs)
        self.fields["domain"].choices = [(name, f"@{name}") for name in organisations.domains_of(tenant)]  # type: ignore[attr-defined]

    def person(self) -> dict[str, str]:
        """What `accounts.invite_person` takes."""
        cleaned = self.cleaned_data
        return {
            "sign_in_name": f"{cleaned['local_part'].lower()}@{cleaned['domain']}",
            "display_name": cleaned["display_name"],
            "contact_address": cleaned["contact_address"],
            "language": cleaned["language"],
        }


class RenamePersonForm(forms.Form):
    """How the person is shown."""

    display_name = LineField(label=_("Display name"), max_length=200)


class GroupForm(forms.Form):
    """Name of a security group."""

    name = LineField(label=_("Name"), max_length=120)


class SearchForm(forms.Form):
    """One search box of a page that isn't a list."""

    q = LineField(label=_("Search"), max_length=200, required=False)
