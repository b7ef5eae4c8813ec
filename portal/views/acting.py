"""Where a view of `/t/<tenant>/…` works: the acting tenant, the person, and what the person holds there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse

from portal import access, why
from portal.access import Rights
from portal.catalogue import Capability
from portal.models import Tenant, User


@dataclass(frozen=True)
class Place:
    """One request's tenant, person and rights, with the answers that pages need again and again."""

    tenant: Tenant
    user: User
    rights: Rights
    is_on_behalf: bool

    def url(self, name: str, **kwargs: Any) -> str:
        """The address of one of this tenant's pages."""
        return reverse(name, kwargs={"tenant_slug": self.tenant.slug, **kwargs})

    def check(self, capability: Capability) -> None:
        """Raises PermissionDenied without this capability here.

        Raises Http404 for a stranger, who gets this far by an Azure role that stayed after the relationship's end.
        """
        access.insist(self.rights.decide(capability))

    def button(self, capability: Capability, label: Any, url: str, **more: Any) -> dict[str, Any]:
        """A button as templates show it: usable, or with the missing right as its reason."""
        reason = more.pop("reason", "") or why.missing(self.rights, capability)
        return {"label": label, "url": url, "disabled": bool(reason), "reason": reason, **more}


def place(request: HttpRequest) -> Place:
    """The place of this request. Raises Http404 outside of a tenant's pages."""
    acting = request.acting  # type: ignore[attr-defined]
    user = request.user
    if acting is None or not isinstance(user, User):
        raise Http404
    return Place(acting.tenant, user, acting.rights, user.tenant_id != acting.tenant.pk)


def say_once(group: str, buttons: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Why buttons that stand together can't be used, each reason once (`c-reasons`); each button gets its `why`.

    `group` makes the ids. Where there are several reasons, each names the buttons that it is about.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for button in buttons:
        if button["reason"]:
            found.setdefault(str(button["reason"]), []).append(button)
    reasons = []
    for number, (text, refused) in enumerate(found.items(), 1):
        labels = list(dict.fromkeys(str(button["label"]) for button in refused)) if len(found) > 1 else []
        reasons.append({"id": f"why-{group}-{number}", "text": text, "labels": labels})
        for button in refused:
            button["why"] = reasons[-1]["id"]
    return reasons
