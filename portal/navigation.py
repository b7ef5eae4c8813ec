"""What the frame of every page shows: navigation by the same rights, the acting tenant, the on-behalf banner."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext_lazy as _

from portal import hooks, jobs, sentences
from portal.catalogue import Capability as Can
from portal.catalogue import rules
from portal.hooks import Page, Section
from portal.middleware import Acting
from portal.models import PathKind, SecurityGroup, Tenant

#: The base app's own pages; the others come by `hooks.navigation`.
PAGES = (
    Page(Section.TENANT, 10, "account", _("Account"), Can.ACCOUNT_VIEW, "identification", _("Profile and domains.")),
    Page(Section.TENANT, 20, "users", _("Users"), Can.USERS_VIEW, "users", _("People, roles, passwords.")),
    Page(
        Section.TENANT,
        30,
        "service-requests",
        _("Service requests"),
        Can.SERVICE_REQUESTS_VIEW,
        "lifebuoy",
        _("Questions to support."),
        others=(Can.AZURE_SERVICE_REQUESTS,),
    ),
    Page(
        Section.SETTINGS,
        80,
        "groups",
        _("Groups"),
        Can.GROUPS_MANAGE,
        "user-group",
        _("Who works together."),
        others=(Can.DELEGATING_GROUPS_MANAGE,),
    ),
    Page(
        Section.SETTINGS,
        85,
        "certificates",
        _("Certificates"),
        Can.PARTNERS_VIEW,
        "document-check",
        _("What was ended, signed by the portal."),
    ),
    Page(
        Section.SETTINGS,
        70,
        "why",
        _("Why can they?"),
        Can.PARTNERS_VIEW,
        "question-mark-circle",
        _("Who may do what, and why."),
    ),
    Page(
        Section.CUSTOMERS,
        85,
        "partner-why",
        _("Why can they?"),
        Can.ACCESS_REVIEW,
        "question-mark-circle",
        _("Which of us may do what, where, and why."),
    ),
    Page(
        Section.SETTINGS,
        90,
        "audit-log",
        _("Audit log"),
        Can.AUDIT_VIEW,
        "clipboard-document-list",
        _("Who did what, and when."),
        others=(Can.PARTNER_AUDIT_VIEW,),
    ),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor of the frame (docs/ui.md names what base.html expects); worked out once a request."""
    found: dict[str, Any] | None = getattr(request, "frame", None)
    if found is None:
        found = request.frame = _context(request)  # type: ignore[attr-defined]
    return found


def _context(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    found: dict[str, Any] = {
        "languages": [
            {"code": code, "label": get_language_info(code)["name_local"], "current": code == get_language()}
            for code, _name in settings.LANGUAGES
        ],
        "theme": request.COOKIES.get("theme", "system"),
        "demo": settings.IS_DEMO,
        "search_url": None,
        "nav_sections": [],
        "acting_tenant": None,
        "behalf": None,
        "who": None,
    }
    if user is None or not user.is_authenticated:
        return found
    found["theme"] = user.theme
    found["who"] = {
        "name": user.display_name,
        "sign_in_name": user.sign_in_name,
        "initial": user.display_name[:1],
        "links": _own_links(user),
    }
    acting: Acting | None = getattr(request, "acting", None)
    if acting is not None and acting.is_on_behalf:
        found["behalf"] = _banner(acting, user)
    found |= _frame(request, acting)
    return found


def _own_links(user: Any) -> list[dict[str, str]]:
    """What the account menu holds beside signing out."""
    links = [{"label": _("My account"), "url": reverse("my-account")}]
    if user.is_operator:
        links.append({"label": _("Messages"), "url": reverse("outbox")})
    return [*links, {"label": _("Mailbox"), "url": reverse("mailbox")}] if settings.IS_DEMO else links


def _frame(request: HttpRequest, acting: Acting | None) -> dict[str, Any]:
    from portal import access  # the models must be ready

    user: Any = request.user
    if user.tenant_id is None:
        return {}
    tenant = acting.tenant if acting else user.tenant
    rights = acting.rights if acting else access.rights(user, tenant)
    headings: dict[Section, Any] = {}
    if tenant.pk == user.tenant_id and tenant.partner_profile is not None:
        headings[Section.CUSTOMERS] = _("Our customers")
    headings[Section.TENANT] = _("Our tenant") if tenant.pk == user.tenant_id else _("Their tenant")
    headings[Section.SETTINGS] = _("Settings")
    scopes = cache(partial(_held_at_scopes, user, tenant, acting))
    sections = [_section(request, section, heading, tenant, rights, scopes) for section, heading in headings.items()]
    profile = tenant.partner_profile
    return {
        "nav_sections": [section for section in sections if section["items"]],
        "acting_tenant": {
            "display_name": tenant.display_name,
            "subtitle": profile.get_channel_role_display() if profile else _("Customer"),
            "initial": tenant.display_name[:1],
            "url": reverse("start"),
            "switch_url": None,
            "switchable": False,
        },
    }


def _held_at_scopes(user: Any, tenant: Tenant, acting: Acting | None) -> Any:
    """What is held at any scope, as rights; asked only where nothing else opens a page."""
    from portal import access  # the models must be ready

    held = acting.scope_rights if acting else access.scope_rights(user, tenant)
    return access.Rights(tenant.pk, held.paths, held.is_insider)


def _opens(page: Page, rights: Any, at_scopes: Callable[[], Any]) -> bool:
    """Whether somebody with these rights may open a page; what is about scopes opens by a right at any of them."""
    held = [page.capability, *page.others]
    if any(rights.allows(right) for right in held):
        return True
    if any((decision := rights.decide(right)).allowed and not decision.is_on_behalf for right in page.own):
        return True
    of_scopes = [right for right in held if rules()[right].is_scope_side]
    return bool(of_scopes) and any(at_scopes().allows(right) for right in of_scopes)


def _section(
    request: HttpRequest, section: Section, heading: Any, tenant: Tenant, rights: Any, at_scopes: Callable[[], Any]
) -> dict[str, Any]:
    kwargs = {"partner_slug" if section == Section.CUSTOMERS else "tenant_slug": tenant.slug}
    items = []
    for page in sorted((*PAGES, *_of_jobs(), *hooks.navigation), key=lambda page: page.place):
        if page.section == section and _opens(page, rights, at_scopes):
            url = reverse(page.route, kwargs=kwargs)
            current = request.path.startswith(url)
            items.append({"label": page.label, "note": page.note, "url": url, "current": current, "icon": page.icon})
    return {"heading": heading, "items": items}


def _of_jobs() -> tuple[Page, ...]:
    """*Bulk jobs*, for whoever may start a kind of them."""
    first, *others = {kind.capability: None for kind in jobs.kinds()} or [None]
    if first is None:
        return ()
    note = _("What was done to many at once.")
    page = Page(Section.CUSTOMERS, 90, "jobs", _("Bulk jobs"), first, "queue-list", note, tuple(others))
    return (page,)


def _banner(acting: Acting, user: Any) -> dict[str, Any]:
    """On whose behalf, as what, by which path and group, until when; leaving leads to the partner's *Customers*."""
    paths = acting.held.paths if acting.is_only_by_azure else acting.rights.roles
    forecasts = hooks.forecasts_of(acting.tenant, paths)
    ends = {path.until or forecasts.get(path.source): path.until is None for path in paths}
    until = min(ends) if ends and None not in ends else None
    groups = SecurityGroup.objects.filter(pk__in={path.group_id for path in paths}).order_by("name")
    through = _("Through %(groups)s.") % {"groups": ", ".join(groups.values_list("name", flat=True))}
    noted = _("Every change is in their audit log.")
    return {
        "customer": acting.tenant.display_name,
        "roles": sorted({path.role_label for path in paths}),
        "path": ", ".join(sorted({str(PathKind(path.kind).label) for path in paths})),
        "until": until,
        "extends": until is not None and ends[until],
        "leave_url": reverse("customers", args=[user.tenant.slug]),
        "note": sentences.joined(through, noted),
    }
