"""Service requests (DOMAIN §5): opened, commented, resolved, closed and reopened, by own people or on behalf."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import access, audit, clock, notices, search, states
from portal.access import Decision
from portal.catalogue import Capability
from portal.errors import Refused
from portal.models import Scope, ServiceRequest, ServiceRequestComment, Tenant, User
from portal.services.people import lock_people
from portal.writes import writes

State = ServiceRequest.State


@writes
def open_request(
    *,
    tenant: Tenant,
    actor: User,
    title: str,
    description: str,
    severity: str = ServiceRequest.Severity.NORMAL,
    scope: Scope | None = None,
) -> ServiceRequest:
    """Open a request, about the organisation or about one of its scopes; numbers have no gaps within a tenant.

    Raises PermissionDenied without `service_requests.manage`, which a partner's person has by delegated access only;
    about a scope an Azure role that allows it there is enough (DOMAIN §8).
    """
    lock_people(tenant.pk)  # so that two at once get two numbers
    decision = _required(actor, tenant, scope)
    now = clock.now()
    last = ServiceRequest.objects.filter(tenant=tenant).aggregate(last=Max("number"))["last"]
    request = ServiceRequest.objects.create(
        tenant=tenant,
        scope=scope,
        number=(last or 0) + 1,
        title=title,
        description=description,
        severity=severity,
        opened_by=actor,
        opened_for_partner=_partner(actor, decision),
        opened_at=now,
        updated_at=now,
    )
    search.store(request, tenant.pk, str(request.number), title)
    audit.record(
        "service_request.opened",
        actor=actor,
        tenant=tenant,
        target=request,
        decision=decision,
        after={"title": title, "severity": severity} | ({"scope": scope.name} if scope else {}),
    )
    return request


def _required(actor: User, tenant: Tenant, scope: Scope | None) -> Decision:
    """By a role in the tenant, else by an Azure role at the scope that it is about."""
    if scope is not None:
        by_role = access.decide(actor, Capability.SERVICE_REQUESTS_MANAGE, tenant, lock=True)
        if not by_role.allowed:
            return access.require(actor, Capability.AZURE_SERVICE_REQUESTS, scope)
        return by_role
    return access.require(actor, Capability.SERVICE_REQUESTS_MANAGE, tenant)


def may_see(person: User, request: ServiceRequest) -> bool:
    """By a role in the tenant, or by an Azure role that allows requests about its scope."""
    both = (Capability.SERVICE_REQUESTS_VIEW, Capability.AZURE_SERVICE_REQUESTS)
    return any(access.decide(person, capability, request).allowed for capability in both)


def _partner(actor: User, decision: Decision) -> Tenant | None:
    return actor.tenant if decision.is_on_behalf else None


def _locked(request: ServiceRequest, actor: User) -> tuple[ServiceRequest, Decision]:
    found = ServiceRequest.objects.select_for_update(of=("self",)).select_related("tenant", "scope").get(pk=request.pk)
    return found, _required(actor, found.tenant, found.scope)


@writes
def comment_on_request(*, request: ServiceRequest, actor: User, text: str) -> ServiceRequestComment:
    """Add a comment. Raises PermissionDenied without `service_requests.manage`, Refused for a closed request."""
    request, decision = _locked(request, actor)
    if request.state == State.CLOSED:
        raise Refused(_("This request is closed. Reopen it to go on."), field="text")
    return _add(request, actor, decision, text=text)


@writes
def start_request(*, request: ServiceRequest, actor: User, text: str = "") -> ServiceRequest:
    """Say that somebody works on it: new → in progress. Raises like `resolve_request`."""
    return _move(request, actor, State.IN_PROGRESS, "service_request.started", text, only_from=(State.NEW,))


@writes
def resolve_request(*, request: ServiceRequest, actor: User, text: str = "") -> ServiceRequest:
    """Say that it is solved. A repeat changes nothing.

    Raises PermissionDenied without `service_requests.manage`, Refused in a state that has no such move.
    """
    return _move(request, actor, State.RESOLVED, "service_request.resolved", text)


@writes
def close_request(*, request: ServiceRequest, actor: User, text: str = "") -> ServiceRequest:
    """Close a resolved request. Raises like `resolve_request`."""
    return _move(request, actor, State.CLOSED, "service_request.closed", text)


@writes
def reopen_request(*, request: ServiceRequest, actor: User, text: str = "") -> ServiceRequest:
    """Take a resolved or closed request up again, within 14 days (DOMAIN §5). Raises like `resolve_request`."""
    ended = (State.RESOLVED, State.CLOSED)
    return _move(request, actor, State.IN_PROGRESS, "service_request.reopened", text, only_from=ended)


def reopen_until(request: ServiceRequest) -> datetime | None:
    """When reopening ends: 14 days after the request was resolved or closed; None for one under way."""
    ended = request.closed_at if request.state == State.CLOSED else request.resolved_at
    if request.state not in (State.RESOLVED, State.CLOSED) or ended is None:
        return None
    return ended + timedelta(days=states.REOPEN_DAYS)


def _move(
    request: ServiceRequest, actor: User, to: State, action: str, text: str, only_from: tuple[State, ...] = ()
) -> ServiceRequest:
    request, decision = _locked(request, actor)
    if request.state == to:
        return request
    if to not in states.SERVICE_REQUEST[request.state] or (only_from and request.state not in only_from):
        message = _("A request that is “%(state)s” can't be changed in this way.")
        raise Refused(message, state=State(request.state).label)
    until = reopen_until(request)
    if to == State.IN_PROGRESS and until is not None and until <= clock.now():
        raise Refused(_("It ended more than 14 days ago. Open a new request."))
    before, now = request.state, clock.now()
    request.state = to
    if to == State.IN_PROGRESS:
        request.resolved_at = request.closed_at = None
    elif to == State.RESOLVED:
        request.resolved_at = now
    else:
        request.closed_at = now
    request.save(update_fields=["state", "resolved_at", "closed_at"])
    _add(request, actor, decision, text=text, new_state=to, action=action, before={"state": before})
    return request


def _add(
    request: ServiceRequest,
    actor: User,
    decision: Decision,
    *,
    text: str,
    new_state: str = "",
    action: str = "service_request.commented",
    before: dict[str, str] | None = None,
) -> ServiceRequestComment:
    now = clock.now()
    comment = ServiceRequestComment.objects.create(
        request=request,
        author=actor,
        author_partner=_partner(actor, decision),
        text=text,
        new_state=new_state,
        at=now,
    )
    ServiceRequest.objects.filter(pk=request.pk).update(updated_at=now)
    audit.record(
        action,
        actor=actor,
        tenant=request.tenant_id,
        target=request,
        decision=decision,
        before=before,
        after={"state": new_state} if new_state else None,
    )
    _tell(request, comment)
    return comment


def _tell(request: ServiceRequest, comment: ServiceRequestComment) -> None:
    """Those who took part and may still see it get a notice; who lost the right learns nothing more."""
    took_part = {request.opened_by_id, *request.comments.values_list("author_id", flat=True)} - {comment.author_id}
    people = User.objects.filter(pk__in=took_part).order_by("pk")
    able = [one for one in people if may_see(one, request)]
    notices.tell(
        "service_request_commented",
        able,
        tenant=request.tenant_id,
        about=request,
        path=reverse("service-request", kwargs={"tenant_slug": request.tenant.slug, "request_id": request.pk}),
        team=False,
        number=request.number,
        title=request.title,
        organisation=request.tenant.display_name,
        by=comment.author.display_name,
        by_name=str(comment.author),
        text=comment.text,
        state=comment.new_state,
    )
