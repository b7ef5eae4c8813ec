"""Input of the sign-in pages and of *My account*."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.utils.translation import gettext_lazy as _

from portal import notices
from portal.forms.fields import LineField, LongSelect, NewPasswordForm, language_choices, time_zone_choices
from portal.models import User

THEMES = (("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark")))


class SignInForm(allauth.LoginForm):
    """allauth's form in the portal's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["login"]
        name.label = _("Sign-in name")
        name.widget.attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        password = self.fields["password"]
        password.label, password.help_text, password.max_length = _("Password"), "", 200
        password.widget.attrs = {"autocomplete": "current-password"}


class ForgotPasswordForm(forms.Form):
    """Whose password is lost."""

    sign_in_name = LineField(
        label=_("Sign-in name"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )


class ChangePasswordForm(NewPasswordForm):
    """The old password, and a new one."""

    field_order = ["present", "password", "repeat"]
    present = forms.CharField(
        label=_("Present password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ContactAddressForm(forms.Form):
    """A new contact address; the present password shows that its owner asks."""

    address = forms.EmailField(
        label=_("New contact address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    present = forms.CharField(
        label=_("Present password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class SettingsForm(forms.Form):
    """How the person sees the portal, and which notices may stay away."""

    language = forms.ChoiceField(label=_("Language"), choices=language_choices)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices, widget=LongSelect)
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES)
    notices = forms.MultipleChoiceField(
        label=_("Notices"),
        required=False,
        choices=lambda: list(notices.SWITCHABLE.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Notices about security always come."),
    )

    @classmethod
    def of(cls, person: User) -> SettingsForm:
        """The form as the person's settings are now."""
        return cls(
            initial={
                "language": person.language,
                "time_zone": person.time_zone,
                "theme": person.theme,
                "notices": [kind for kind in notices.SWITCHABLE if kind not in person.notices_off],
            }
        )
