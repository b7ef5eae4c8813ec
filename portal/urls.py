"""Every route. `/p/<partner>/…` a partner's pages, `/t/<tenant>/…` a tenant's pages; one POST route per change."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from portal.views import health, start

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.start, name="start"),
    path("healthz", health.healthz, name="healthz"),
    path("language", set_language, name="set_language"),
    path("theme", start.set_theme, name="set_theme"),
    # ── sign-in, organisations, personal links (portal/views/sessions.py, organisations.py) ──
    # ── people: account, users, groups (portal/views/people.py) ──
    # ── service requests (portal/views/service_requests.py) ──
    # ── audit log (portal/views/audit.py) ──
    # ── mail: mailbox, provider webhooks (portal/views/mail.py) ──
    path("", include("relationships.urls")),
    path("", include("delegation.urls")),
]
