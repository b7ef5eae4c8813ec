"""The WSGI application, for any WSGI server; a web process is in production unless told otherwise."""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ.setdefault("MANDATE_MODE", "production")
# Only web processes pool: Celery's workers fork, and a pool's threads don't survive that.
os.environ.setdefault("DATABASE_POOL", "true")

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers


def build() -> Callable[..., Any]:
    """The application, believing X-Forwarded-* from the proxies named in TRUSTED_PROXIES only."""
    bare = get_wsgi_application()
    if settings.MANDATE_TRUSTED_PROXIES:
        return wrap_wsgi_with_proxy_headers(bare, trusted_hosts=settings.MANDATE_TRUSTED_PROXIES)
    return bare


application = build()
