"""What a refused page and a disabled button say: the same explanation, as much of it as fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, catalogue
from portal.access import Decision, Rights
from portal.catalogue import Capability
from portal.meanings import MEANINGS
from portal.models import Scope, Tenant, User
from portal.why.answer import Explanation, explain

_SERVICE_REQUESTS = (Capability.SERVICE_REQUESTS_VIEW, Capability.SERVICE_REQUESTS_MANAGE)


@dataclass(frozen=True)
class Advice:
    """What to do instead; `url` is where, if it is a page."""

    text: Any
    url: str = ""
    link: Any = ""


@dataclass(frozen=True)
class Refusal:
    """What a refused page says (`templates/cotton/why.html`)."""

    explanation: Explanation
    advice: tuple[Advice, ...] = ()
    url: str = ""


def refusal(user: User, decision: Decision) -> Refusal:
    """Explain a refusal to an insider; names of administrators only to the tenant's own people."""
    obj = decision.obj or Tenant.objects.get(pk=decision.tenant_id)
    is_own = user.tenant_id == decision.tenant_id
    return Refusal(
        explanation=explain(user, decision.capability, obj),
        advice=_elevating(user, decision) if is_own else _advice(user, decision),
        url=_page(decision, obj),
    )


def _page(decision: Decision, obj: Any) -> str:
    """*Why can't I?* with this question; only where the page can name the object."""
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=decision.tenant_id)
    asked = {"action": str(decision.capability)}
    if isinstance(obj, Scope):
        asked["object"] = f"scope:{obj.pk}"
    return f"{reverse('why', kwargs={'tenant_slug': slug})}?{urlencode(asked)}"


def _elevating(user: User, decision: Decision) -> tuple[Advice, ...]:
    """DOMAIN §8: a Global Administrator can reach every Azure scope of the organisation by elevating."""
    if not catalogue.rules()[decision.capability].is_scope_side:
        return ()
    tenant = Tenant.objects.get(pk=decision.tenant_id)
    if not access.decide(user, Capability.AZURE_ELEVATE, tenant).allowed:
        return ()
    url = reverse("azure-elevate", kwargs={"tenant_slug": tenant.slug})
    return (Advice(_("As a Global Administrator you can elevate your access first."), url, _("Elevate access")),)


def _advice(user: User, decision: Decision) -> tuple[Advice, ...]:
    """DOMAIN §4: what a partner without delegated access does about a service request."""
    if decision.capability not in _SERVICE_REQUESTS:
        return ()
    return (
        Advice(_("Let the customer open the service request: its own people can, with or without you.")),
        Advice(
            _("Ask the customer for a new grant."),
            url=_invitations_url(user),
            link=_("Request a reseller relationship"),
        ),
        Advice(
            settings.MANDATE_SUPPORT_TEXT or _("Contact the platform's support."),
            url=settings.MANDATE_SUPPORT_URL,
            link=_("Platform support"),
        ),
    )


def _invitations_url(user: User) -> str:
    """Where this person can ask for a new grant; empty for those who can't."""
    if user.tenant is None or not access.decide(user, Capability.INVITATIONS_SEND, user.tenant).allowed:
        return ""
    return reverse("invitation-new", kwargs={"partner_slug": user.tenant.slug})


def missing(rights: Rights, capability: Capability) -> Any:
    """Why a button can't be used: one sentence; empty if it can. Asks the database nothing."""
    decision = rights.decide(capability)
    if decision.allowed:
        return ""
    rule = catalogue.rules()[capability]
    if rights.is_on_behalf and not rule.on_behalf:
        return _("Only the organisation's own people can do this.")
    values = {"meaning": MEANINGS[capability], "role": access.role_names(capability)[0]}
    return _("Missing right: %(meaning)s (least privileged role: %(role)s).") % values
