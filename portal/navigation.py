"""What the frame of every page shows: navigation by the same rights, the acting tenant, the on-behalf banner."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _

from portal import sentences
from portal.catalogue import Capability as Can
from portal.middleware import Acting
from portal.models import PathKind, SecurityGroup

#: (heading, [(label, route, capability, icon)]) of a partner's own pages
PARTNER_PAGES = (
    ("customers", Can.CUSTOMERS_VIEW, "building-office-2"),
    ("invitations", Can.INVITATIONS_VIEW, "envelope"),
)
TENANT_PAGES = (
    ("account", Can.ACCOUNT_VIEW, "identification"),
    ("users", Can.USERS_VIEW, "users"),
    ("service-requests", Can.SERVICE_REQUESTS_VIEW, "lifebuoy"),
)
SETTINGS_PAGES = (
    ("partner-relationships", Can.PARTNERS_VIEW, "link"),
    ("requests", Can.PARTNERS_VIEW, "inbox"),
    ("groups", Can.GROUPS_MANAGE, "user-group"),
    ("audit-log", Can.AUDIT_VIEW, "clipboard-document-list"),
)


def _labels() -> dict[str, str]:
    return {
        "customers": _("Customers"),
        "invitations": _("Invitations"),
        "account": _("Account"),
        "users": _("Users"),
        "service-requests": _("Service requests"),
        "partner-relationships": _("Partner relationships"),
        "requests": _("Requests"),
        "groups": _("Groups"),
        "audit-log": _("Audit log"),
    }


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
    sections = []
    if tenant.pk == user.tenant_id and tenant.partner_profile is not None:
        sections.append(_section(request, _("Our customers"), PARTNER_PAGES, rights, {"partner_slug": tenant.slug}))
    here = {"tenant_slug": tenant.slug}
    sections.append(
        _section(
            request, _("Our tenant") if tenant.pk == user.tenant_id else _("Their tenant"), TENANT_PAGES, rights, here
        )
    )
    sections.append(_section(request, _("Settings"), SETTINGS_PAGES, rights, here))
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


def _section(request: HttpRequest, heading: str, pages: Any, rights: Any, kwargs: dict[str, str]) -> dict[str, Any]:
    labels = _labels()
    items = []
    for route, capability, icon in pages:
        if not rights.allows(capability) and not _may_by_other_right(route, rights):
            continue
        url = reverse(route, kwargs=kwargs)
        current = request.path.startswith(url)
        items.append({"route": route, "label": labels[route], "url": url, "current": current, "icon": icon})
    return {"heading": heading, "items": items}


def _may_by_other_right(route: str, rights: Any) -> bool:
    """Pages that two kinds of right open: a partner's agents manage groups and read their own audit log."""
    others = {"groups": Can.DELEGATING_GROUPS_MANAGE, "audit-log": Can.PARTNER_AUDIT_VIEW}
    return route in others and rights.allows(others[route])


def _banner(acting: Acting, user: Any) -> dict[str, Any]:
    """On whose behalf, as what, by which path and group, until when; leaving leads to the partner's *Customers*."""
    paths = acting.rights.roles
    ends = [path.until for path in paths if path.until]
    groups = SecurityGroup.objects.filter(pk__in={path.group_id for path in paths}).order_by("name")
    through = _("Through %(groups)s.") % {"groups": ", ".join(groups.values_list("name", flat=True))}
    noted = _("Every change is in their audit log.")
    return {
        "customer": acting.tenant.display_name,
        "roles": sorted({path.role_label for path in paths}),
        "path": ", ".join(sorted({str(PathKind(path.kind).label) for path in paths})),
        "until": min(ends) if ends and len(ends) == len(paths) else None,
        "leave_url": reverse("customers", args=[user.tenant.slug]),
        "note": sentences.joined(through, noted),
    }
