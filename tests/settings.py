"""The portal's settings for tests: servers of their own, cheap passwords, mail in memory."""

import os

from tests import places

os.environ["VAR_DIR"] = str(places.claim())
os.environ["MANDATE_MODE"] = "demo"
# What happens to be set where the tests run decides nothing; DATABASE_URL and REDIS_URL may.
_set = ("ALLOWED_HOSTS", "DEBUG", "EMAIL_BACKEND", "EMAIL_URL", "MAIL_FROM", "ORIGIN")
for name in (*_set, "SECRET_KEY", "AUDIT_KEY", "SIGNING_KEY", "SIGNING_KEY_FALLBACKS"):
    os.environ.pop(name, None)

from portal.settings import *  # noqa: E402, F403 - everything else as in the portal

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - whitenoise warns about a missing folder
