"""The forms of *Request admin relationship*: options and message. Rules are in the services (DOMAIN §6)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from delegation import catalogue, gdap_resellers, gdap_templates, least_privilege
from delegation.models import GdapRelationship
from delegation.services.gdap_rows import refuse_lasting_full_control
from portal.catalogue import Capability
from portal.errors import Refused
from portal.forms.fields import LineField, validate_line
from portal.models import Pair, SecurityGroup, Tenant
from relationships.forms import MessageForm
from relationships.models import LANGUAGES

OURS, DOMAIN, OPEN, THROUGH = "ours", "domain", "open", "through"
REASON = "reason-"
_LONGEST_REASON = 500
_MOST_VERSIONS = 2**31 - 1


class RequestForm(forms.Form):
    """Step 1: which roles, of whom, for how long."""

    version = forms.IntegerField(
        required=False, min_value=1, max_value=_MOST_VERSIONS, widget=forms.HiddenInput(attrs={"autocomplete": "off"})
    )
    used_template = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    display_name = LineField(
        label=_("Name"),
        help_text=_("The customer sees it too. No two of your relationships have the same name, ever."),
        max_length=catalogue.MOST_NAME,
    )
    audience = forms.ChoiceField(
        label=_("For whom"),
        choices=[
            (OURS, _("One of our customers")),
            (DOMAIN, _("The organisation that has verified a domain")),
            (OPEN, _("Whoever opens the link first")),
        ],
        initial=OURS,
        widget=forms.RadioSelect,
    )
    customer = forms.ModelChoiceField(
        label=_("Customer"),
        queryset=Pair.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("Choose one of the customers that were found.")},
    )
    limited_to_domain = LineField(label=_("Domain"), max_length=253, required=False)
    reseller_number = LineField(label=_("Partner ID of the reseller"), max_length=40, required=False)
    reseller_domain = LineField(label=_("Domain of its customer"), max_length=253, required=False)
    customer_name = LineField(label=_("Name of the customer"), max_length=200, required=False)
    customer_address = forms.EmailField(
        label=_("E-mail"),
        help_text=_("Where the portal sends the request. Without one, people of a known customer who may approve it."),
        max_length=254,
        required=False,
    )
    duration_days = forms.IntegerField(
        label=_("Days"),
        help_text=_("1 to 730, counted from the approval. The shorter, the safer."),
        min_value=1,
        max_value=catalogue.MOST_DAYS,
        initial=365,
    )
    auto_extend = forms.BooleanField(
        label=_("Extend by 180 days at a time until one side switches it off"), required=False
    )
    language = forms.ChoiceField(label=_("Language of the message"), choices=LANGUAGES, initial="en")
    template = forms.ChoiceField(label=_("Template"), required=False)
    tasks = forms.MultipleChoiceField(label=_("Tasks"), required=False)
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        required=True,
        error_messages={
            "required": _("Choose at least one role."),
            "invalid_choice": _("This role can't be asked for."),
        },
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        partner: Tenant,
        customers: QuerySet[Pair],
        replaces: GdapRelationship | None = None,
        reasons: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.partner, self.replaces = partner, replaces
        self.templates = gdap_templates.choices(partner)
        self._reasons = reasons or {}
        self.through: tuple[Tenant, Tenant] | None = None
        fields: Any = self.fields
        fields["customer"].queryset = customers
        fields["template"].choices = [(item.key, item.name) for item in self.templates]
        fields["tasks"].choices = [(str(task), str(task)) for task in least_privilege.tasks()]
        fields["roles"].choices = [(role_id, role.name) for role_id, role in catalogue.requestable().items()]
        if replaces is not None or not gdap_resellers.is_provider(partner):
            del self.fields["reseller_number"], self.fields["reseller_domain"]
        else:
            audience = fields["audience"]
            audience.choices = [*audience.choices, (THROUGH, _("A customer of one of our resellers"))]
        if replaces is not None:  # the customer is the one of the relationship that is replaced
            for name in ("audience", "customer", "limited_to_domain", "customer_name"):
                del self.fields[name]

    # ── what the page shows ──

    @property
    def chosen_roles(self) -> list[str]:
        """The roles that are ticked, those that can be asked for."""
        ticked = dict.fromkeys(self["roles"].value() or [])
        return [role_id for role_id in ticked if role_id in catalogue.requestable()]

    @property
    def chosen_tasks(self) -> list[Capability]:
        """The tasks that are ticked."""
        ticked = set(self["tasks"].value() or [])
        return [task for task in least_privilege.tasks() if task in ticked]

    @property
    def reasons(self) -> dict[str, str]:
        """Role → why, as entered."""
        return reasons_in(self.data) if self.is_bound else self._reasons

    @property
    def chosen_customer(self) -> Pair | None:
        """The customer that is ticked, where it is one of those that may be."""
        if self.replaces is not None:
            return None
        field: Any = self.fields["customer"]
        try:
            found: Pair | None = field.clean(self["customer"].value())
        except forms.ValidationError:
            return None
        return found

    # ── what it says ──

    def clean_limited_to_domain(self) -> str:
        """Without the @ or www that people put before it."""
        return _domain(self.cleaned_data["limited_to_domain"])

    def clean_reseller_domain(self) -> str:
        """The same for a reseller's customer."""
        return _domain(self.cleaned_data["reseller_domain"])

    def clean(self) -> dict[str, Any]:
        """A customer or a domain where the choice calls for one; a reason for each privileged role."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("audience") == OURS and not cleaned.get("customer") and "customer" not in self.errors:
            self.add_error("customer", _("Search for the customer and choose it."))
        if cleaned.get("audience") == DOMAIN and not cleaned.get("limited_to_domain"):
            self.add_error("limited_to_domain", _("Give the domain."))
        if cleaned.get("audience") == THROUGH:
            self._find_reseller(cleaned)
        for role_id in cleaned.get("roles", ()):
            role, reason = catalogue.requestable()[role_id], self.reasons.get(role_id, "")
            if role.is_privileged and not reason:
                message = _("Say why you need the privileged role %(role)s.") % {"role": role.label}
                self.add_error("roles", message)
            elif len(reason) > _LONGEST_REASON:
                self.add_error("roles", _("A reason has 500 characters at most."))
            else:
                self._check_line(reason)
        self._check_auto_extend(cleaned)
        return cleaned

    def _find_reseller(self, cleaned: dict[str, Any]) -> None:
        number, domain = cleaned.get("reseller_number", ""), cleaned.get("reseller_domain", "")
        self.through = gdap_resellers.find(number, domain) if number and domain else None
        if not number:
            self.add_error("reseller_number", _("Give the reseller's partner ID."))
        if not domain:
            self.add_error("reseller_domain", _("Give the domain."))
        elif number and self.through is None:
            message = _("No indirect reseller with this partner ID has a customer with this domain.")
            self.add_error("reseller_number", message)

    def _check_auto_extend(self, cleaned: dict[str, Any]) -> None:
        """The services refuse it too; here it stands beside whatever else is missing."""
        try:
            if cleaned.get("auto_extend"):
                refuse_lasting_full_control(cleaned.get("roles", ()))
        except Refused as refused:
            self.add_error("auto_extend", str(refused.message))

    def _check_line(self, reason: str) -> None:
        try:
            validate_line(reason)
        except forms.ValidationError as wrong:
            self.add_error("roles", wrong)

    #: Which field shows a refusal of the services.
    shown_at = {"template_version": "template", "reseller": "reseller_number"}

    def options(self, row: GdapRelationship | None) -> dict[str, Any]:
        """What the services take; `row` is the draft that is edited."""
        data = self.cleaned_data
        found = {
            name: data[name]
            for name in ("display_name", "duration_days", "auto_extend", "language", "customer_address")
        }
        found["roles"] = {role_id: self.reasons.get(role_id, "") for role_id in data["roles"]}
        found["template_version"] = self._template_version(row)
        if self.replaces is None:
            audience = data["audience"]
            through = self.through if audience == THROUGH else None
            found["reseller"], named = through or (None, None)
            found["customer"] = data["customer"].customer if audience == OURS else named
            found["limited_to_domain"] = data["limited_to_domain"] if audience == DOMAIN else ""
            found["customer_name"] = data["customer_name"] if found["customer"] is None else ""
        return found

    @property
    def plans(self) -> list[tuple[SecurityGroup, tuple[str, ...]]]:
        """The groups that the used template plans, those that exist still."""
        used = next((item for item in self.templates if item.key == self.cleaned_data["used_template"]), None)
        return [(plan.group, plan.role_ids) for plan in used.plans if plan.group is not None] if used else []

    def _template_version(self, row: GdapRelationship | None) -> Any:
        """The version of the own template that was used; that of the draft as long as it is the same template."""
        key = self.cleaned_data["used_template"]
        kept = row.template_version if row is not None else None
        if kept is not None and key == f"{gdap_templates.OWN}:{kept.template_id}":
            return kept
        return next((item.version for item in self.templates if item.key == key), None)


def _domain(text: str) -> str:
    return text.strip().lower().removeprefix("@").removeprefix("www.")


def reasons_in(data: Any) -> dict[str, str]:
    """Role → reason in what was sent."""
    return {
        name.removeprefix(REASON): " ".join(str(data.get(name, "")).split()) for name in data if name.startswith(REASON)
    }


def start_of(row: GdapRelationship) -> dict[str, Any]:
    """A draft's options as the form shows them."""
    audience = OURS if row.customer_id else DOMAIN if row.limited_to_domain else OPEN
    number = domain = ""
    if row.reseller is not None and row.customer is not None:
        audience, number, domain = THROUGH, row.reseller.profile.partner_number, row.customer.default_domain
    version = row.template_version
    return {
        "version": row.version,
        "used_template": f"{gdap_templates.OWN}:{version.template_id}" if version else "",
        "audience": audience,
        "customer": row.pair_id,
        "reseller_number": number,
        "reseller_domain": domain,
        "limited_to_domain": row.limited_to_domain,
        "customer_name": "" if row.customer_id else row.customer_name,
        "roles": list(row.roles.values_list("role_id", flat=True)),
        **{
            name: getattr(row, name)
            for name in ("display_name", "customer_address", "duration_days", "auto_extend", "language")
        },
    }


def as_entered(data: QueryDict) -> dict[str, Any]:
    """What was entered so far, unchecked: for a page that only helps, so that nothing is lost."""
    found: dict[str, Any] = {name: data.get(name, "") for name in RequestForm.base_fields}
    return found | {
        "roles": data.getlist("roles"),
        "tasks": data.getlist("tasks"),
        "auto_extend": "auto_extend" in data,
    }


class TextForm(MessageForm):
    """Step 2: the text, with the real personal link in it."""

    version = forms.IntegerField(
        min_value=1, max_value=_MOST_VERSIONS, widget=forms.HiddenInput(attrs={"autocomplete": "off"})
    )
