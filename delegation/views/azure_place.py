"""Where a page of Azure works: the tenant and the person, a scope and what is held there (DOMAIN §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from delegation import azure_pages
from delegation.models import AzureAssignment, AzureSubscription
from portal import access
from portal.access import Decision
from portal.catalogue import Capability as Can
from portal.errors import PermissionDenied, Refused
from portal.models import Scope
from portal.views.acting import Place


@dataclass(frozen=True)
class ScopePlace(Place):
    """The same at one scope: `rights` are those held there, also from above."""

    scope: Scope
    subscription: AzureSubscription
    #: Whether the tenant's own people can be looked for: by its people, on behalf with the right to see them.
    sees_people: bool

    def scope_button(
        self, capability: Can, label: Any, route: str, *, adds: bool = True, **more: Any
    ) -> dict[str, Any]:
        """A button of the scope's page; nothing is added to a cancelled subscription."""
        is_over = adds and self.subscription.state != AzureSubscription.State.ACTIVE
        if is_over:
            more["reason"] = _("This subscription is cancelled. Nothing can be added or changed in it.")
        return self.button(capability, label, azure_pages.scope_url(self.scope, route), **more)

    @property
    def here(self) -> Any:
        """Back to the scope's page."""
        return redirect(azure_pages.scope_url(self.scope))

    @property
    def to_access(self) -> Any:
        """Back to its role assignments."""
        return redirect(azure_pages.scope_url(self.scope, "azure-assignments"))


def may_open(acting: Any) -> bool:
    """Whoever holds any Azure role here, may elevate, or (of the tenant's own people) may create a subscription."""
    may_create = acting.rights.decide(Can.SUBSCRIPTIONS_MANAGE)
    return (
        bool(acting.scope_rights.paths)
        or acting.rights.allows(Can.AZURE_ELEVATE)
        or (may_create.allowed and not may_create.is_on_behalf)
    )


def insist_on_azure(acting: Any) -> None:
    """Raises PermissionDenied for an insider who has nothing to do with Azure here."""
    if not may_open(acting):
        raise PermissionDenied(Decision(Can.AZURE_VIEW, acting.tenant.pk, (), acting.scope_rights.is_insider))


def at_scope(request: Any, scope_id: UUID, capability: Can = Can.AZURE_VIEW) -> ScopePlace:
    """A scope of the acting tenant. Raises Http404 for none or for a stranger, PermissionDenied without the right."""
    acting = request.acting
    scope = access.get_or_404(azure_pages.scopes(acting.tenant), acting.user, capability, pk=scope_id)
    return ScopePlace(
        tenant=acting.tenant,
        user=acting.user,
        rights=acting.scope_rights.at(scope),
        is_on_behalf=acting.user.tenant_id != acting.tenant.pk,
        scope=scope,
        subscription=_subscription(scope),
        sees_people=acting.user.tenant_id == acting.tenant.pk or acting.rights.allows(Can.USERS_VIEW),
    )


def _subscription(scope: Scope) -> AzureSubscription:
    """The one that it is, or that it is in."""
    if scope.kind == Scope.Kind.SUBSCRIPTION:
        return scope.subscription  # type: ignore[attr-defined, no-any-return]
    return AzureSubscription.objects.select_related("provisioned_by", "scope").get(pk=scope.lineage[1])


def at_assignment(request: Any, assignment_id: UUID) -> tuple[AzureAssignment, ScopePlace]:
    """An assignment of the acting tenant and its scope, for whoever may assign roles there. Raises like `at_scope`."""
    rows = AzureAssignment.objects.filter(tenant=request.acting.tenant).select_related(
        "scope__tenant", "principal__person", "pair", "created_by", "created_by_partner", "subscription__scope"
    )
    row = access.get_or_404(rows, request.acting.user, Can.AZURE_ASSIGN_ROLES, pk=assignment_id)
    return row, at_scope(request, row.scope_id, Can.AZURE_ASSIGN_ROLES)


def list_url(request: Any) -> str:
    """*Azure subscriptions* of the acting tenant."""
    return reverse("azure", args=[request.acting.tenant.slug])


def refuse(form: Any, refused: Refused) -> None:
    """Show a rule's refusal at the field it names."""
    field = {"principal_id": "principal", "role_id": "role"}.get(refused.field or "", refused.field)
    form.add_error(field if field in form.fields else None, str(refused.message))


def leave(request: Any, here: ScopePlace) -> Any:
    """After a role went, perhaps one's own: to the nearest page that is open still."""
    if access.decide(here.user, Can.AZURE_VIEW, here.scope).allowed:
        return here.to_access
    rights = access.scope_rights(here.user, here.tenant)
    return redirect(list_url(request) if rights.paths or request.acting.rights.allows(Can.AZURE_ELEVATE) else "start")
