"""Fields that several forms share: one line of text, a new password, countries, languages, time zones."""

from __future__ import annotations

import functools
import unicodedata
import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from portal.models import User

#: Characters that turn or hide the text around them: in a name they only deceive.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def validate_line(text: str) -> None:
    """One visible line: no line breaks, control characters or characters that turn the text around them."""
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _TURNING for char in text):
        raise ValidationError(_("Use one line, without control characters."), code="line")


class LineField(forms.CharField):
    """One line of text, trimmed."""

    default_validators = [validate_line]


class LongSelect(forms.Select):
    """One of hundreds: Django renders two templates for each option, which takes longer than the rest of a page."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The element with its options, without groups."""
        chosen = self.format_value(value)
        options = ((flatatt({"value": key, "selected": str(key) in chosen}), text) for key, text in self.choices)
        return format_html(
            "<select{}>{}</select>",
            flatatt({"name": name} | self.build_attrs(self.attrs, attrs)),
            format_html_join("", "<option{}>{}</option>", options),
        )


class NewPasswordForm(forms.Form):
    """A new password, twice; `person` is whom it must not resemble."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=200,
        help_text=_("At least 12 characters. Three or four unrelated words are easy to remember and hard to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeat = forms.CharField(
        label=_("Repeat the password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, person: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def described(self) -> User | None:
        """The person whose names the password must not resemble."""
        return self.person

    def clean(self) -> dict[str, Any]:
        """Both alike, and good enough (AUTH_PASSWORD_VALIDATORS)."""
        cleaned = super().clean() or self.cleaned_data
        password, repeat = cleaned.get("password"), cleaned.get("repeat")
        if password and repeat and password != repeat:
            self.add_error("repeat", _("The two passwords differ."))
        elif password:
            try:
                validate_password(password, self.described())
            except ValidationError as weak:
                self.add_error("password", weak)
        return cleaned


def country_choices() -> list[tuple[str, str]]:
    """(code, name) of every country, in the reader's language and order."""
    return [("", _("Choose a country")), *((country.code, country.name) for country in countries)]


def language_choices() -> list[tuple[str, str]]:
    """(code, its own name) of the portal's languages."""
    return [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


@functools.cache
def time_zone_choices() -> tuple[tuple[str, str], ...]:
    """Every time zone that has a place; found once, because Python opens every file of the collection for it."""
    names = (
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    )
    return (("UTC", "UTC"), *((name, name.replace("_", " ")) for name in sorted(names)))
