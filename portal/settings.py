"""Every setting, from the environment (docs/operations.md lists the variables).

The demo generates its keys, answers on loopback only, needs nothing; production refuses what is insecure or missing.
"""

import os
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError

from portal import embedded, keys, schedule

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


def refuse(why: str) -> NoReturn:
    """End the process with one line; nothing starts on settings that can't be trusted."""
    raise SystemExit(f"mandate: refusing to start: {why}")


# ── Mode ────────────────────────────────────────────────────────────────────────────────────────
try:
    DATABASE_URL = env.str("DATABASE_URL", "")
    REDIS_URL = env.str("REDIS_URL", "")
    MANDATE_MODE = env.str("MANDATE_MODE", "production" if DATABASE_URL else "demo")
    VAR_DIR = Path(env.str("VAR_DIR", "") or BASE_DIR / "var").expanduser().absolute()
    PORT = env.int("PORT", 8000)
    DEBUG = env.bool("DEBUG", False)
    DATABASE_POOL = env.bool("DATABASE_POOL", False)
    _sweep_seconds = env.float("MAIL_SWEEP_SECONDS", 15.0)
except EnvError as error:
    refuse(str(error))
if MANDATE_MODE not in ("production", "demo"):
    refuse(f"MANDATE_MODE is {MANDATE_MODE!r}; it must be production or demo")

IS_DEMO = MANDATE_MODE == "demo"
_generated = keys.load(VAR_DIR) if IS_DEMO else {}
_loopback = ("localhost", "127.0.0.1", "[::1]")


def secret(name: str, generated: str) -> str:
    """A key of 50 characters or more from the environment; the demo falls back to its own."""
    value = env.str(name, "") or _generated.get(generated, "")
    if len(value) < 50 or len(set(value)) < 10:
        refuse(f"{name} is missing or weak; set it to 50 random characters or more")
    return value


# ── Keys and addresses ──────────────────────────────────────────────────────────────────────────
SECRET_KEY = secret("SECRET_KEY", "secret_key")
# Retired keys go on verifying until the last open link has ended (DOMAIN §3).
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", [])
MANDATE_AUDIT_KEY = secret("AUDIT_KEY", "audit_key").encode()  # outside the database (DOMAIN §15)
MANDATE_SIGNING_KEY = secret("SIGNING_KEY", "signing_key").encode()  # heads and certificates (portal/signing.py)
MANDATE_SIGNING_KEY_FALLBACKS = [key.encode() for key in env.list("SIGNING_KEY_FALLBACKS", [])]  # still verify
if SECRET_KEY.encode() == MANDATE_AUDIT_KEY:
    refuse("AUDIT_KEY must differ from SECRET_KEY")
if MANDATE_SIGNING_KEY in (SECRET_KEY.encode(), MANDATE_AUDIT_KEY):
    refuse("SIGNING_KEY must differ from SECRET_KEY and AUDIT_KEY")

MANDATE_BASE_URL = env.str("ORIGIN", f"http://127.0.0.1:{PORT}" if IS_DEMO else "").rstrip("/")
_origin = urlsplit(MANDATE_BASE_URL)
IS_HTTPS = _origin.scheme == "https"
_extra_hosts = env.list("ALLOWED_HOSTS", [])
if IS_DEMO:
    if not set(_extra_hosts) <= set(_loopback):
        refuse("the demo answers on loopback addresses only; set MANDATE_MODE=production for ALLOWED_HOSTS")
    if _origin.hostname not in ("localhost", "127.0.0.1", "::1"):
        refuse("the demo's ORIGIN must be a loopback address")
    ALLOWED_HOSTS = list(_loopback)
else:
    if DEBUG:
        refuse("DEBUG must be off in production")
    if not IS_HTTPS or not _origin.hostname:
        refuse("ORIGIN must be the portal's public address and start with https://")
    ALLOWED_HOSTS = [_origin.hostname, *_extra_hosts]
    if "*" in ALLOWED_HOSTS:
        refuse("ALLOWED_HOSTS must name hosts; * accepts any")
    if not DATABASE_URL or not REDIS_URL:
        refuse("DATABASE_URL and REDIS_URL are required in production")
CSRF_TRUSTED_ORIGINS = [MANDATE_BASE_URL]
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
MANDATE_TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", [])

# ── Applications ────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "portal",
    "relationships",
    "delegation",
    "guardian",
    "pgtrigger",
    "django_tables2",
    "django_filters",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "django_countries",
    "heroicons",
    "csp",
    "anymail",
    "allauth",
    "allauth.account",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pages; it adds random bytes, and tokens are masked anew (BREACH)
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.LoginRequiredMiddleware",
    "portal.middleware.TenantMiddleware",
]
ROOT_URLCONF = "portal.urls"
COTTON_ISOLATE_BY_DEFAULT = True
DJANGO_TABLES2_TEMPLATE = "django_tables2/portal.html"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.navigation.context",
            ],
        },
    }
]

# ── Database: an owner that migrates, a run-time role that owns nothing (facts: two logins) ──────


def database(url: str, user: str, password: str) -> dict[str, Any]:
    """One login to the database at `url`, or to the embedded server."""
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
            refuse("DATABASE_URL must look like postgres://owner:password@host:5432/name")
        host, port, name = unquote(parts.hostname or ""), parts.port or "", unquote(parts.path[1:])
        user = user or unquote(parts.username or "")
        password = password or unquote(parts.password or "")
    else:
        host, port, name = str(embedded.postgres_folder(VAR_DIR)), embedded.POSTGRES_PORT, "mandate"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        "CONN_HEALTH_CHECKS": True,
        # Django switches prepared statements off; the access probe needs them (portal/access/).
        "OPTIONS": {"prepare_threshold": 1, "connect_timeout": 10},
    }


_app_url = env.str("APP_DATABASE_URL", "")
if not IS_DEMO and not (_app_url or env.str("APP_DATABASE_PASSWORD", "")):
    refuse("APP_DATABASE_URL (or APP_DATABASE_PASSWORD) for the run-time role is required in production")
DATABASES = {
    "default": database(
        _app_url or DATABASE_URL,
        "" if _app_url else embedded.APP_ROLE,
        "" if _app_url else env.str("APP_DATABASE_PASSWORD", _generated.get("app_password", "")),
    ),
    "owner": database(
        DATABASE_URL,
        "" if DATABASE_URL else embedded.OWNER,
        "" if DATABASE_URL else _generated.get("owner_password", ""),
    ),
}
if DATABASES["default"]["USER"] == DATABASES["owner"]["USER"]:
    refuse("the run-time role must not be the owner of the database; see APP_DATABASE_URL")
APP_ROLE = DATABASES["default"]["USER"]  # what the migrations grant to
DATABASES["default"]["TEST"] = {"MIRROR": "owner"}
if DATABASE_POOL:
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 8, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASE_ROUTERS = ["portal.routing.Roles"]

# ── Redis: the broker only; nothing is lost with it (DOMAIN §16) ─────────────────────────────────
CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{quote(str(embedded.redis_socket(VAR_DIR)))}"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "socket_connect_timeout": 2,
    "socket_timeout": 30,
    # A publisher gives up soon: what it would nudge is in the database, and beat finds it.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")
CELERY_BEAT_SCHEDULE = schedule.beat(_sweep_seconds)

# In the database, so that sign-in and its limits go on working while the broker is away.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache"}}

# ── People ──────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["portal.access.backend.Backend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["sign_in_name", "contact_address", "display_name"]},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "sign_in_name"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "contact_address"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # the portal confirms addresses itself, in its own mails
ACCOUNT_ADAPTER = "portal.adapters.Adapter"
ACCOUNT_RATE_LIMITS = False  # counted in the database by portal.limits, for all processes together
ACCOUNT_SESSION_REMEMBER = True  # as long as SESSION_HOURS says
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = GUARDIAN_MONKEY_PATCH_GROUP = False
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # one that is ended is refused with the next request
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", 12) * 3600

# ── Transport and browser ───────────────────────────────────────────────────────────────────────
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else f"session-{PORT}"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else f"csrf-{PORT}"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # load balancers ask it over plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
# "no-referrer" would turn the Origin of a form into "null" and fail every POST.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
_off = "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi payment serial usb"
_own = "clipboard-write publickey-credentials-get"
PERMISSIONS_POLICY = dict.fromkeys(_off.split(), "none") | dict.fromkeys(_own.split(), "self")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# ── Files ───────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# ── Languages and time ──────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("zh-hant", _("Traditional Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale", VAR_DIR / "locale"]  # the second: where the checkout is read-only
USE_I18N = USE_TZ = True
FORMAT_MODULE_PATH = ["portal.formats"]
TIME_ZONE = "UTC"

# ── Mail: SMTP or any anymail provider, by environment only ─────────────────────────────────────
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "portal.mailbox.Backend" if IS_DEMO else "") or refuse(
    "EMAIL_BACKEND is required in production (SMTP or one of anymail's)"
)
try:
    _smtp = env.dj_email_url("EMAIL_URL", "smtp://127.0.0.1:25")
    EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 20)
except (EnvError, ValueError) as error:
    refuse(f"EMAIL_URL can't be read: {error}")
EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp["EMAIL_HOST_USER"] or "", _smtp["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp["EMAIL_USE_TLS"], _smtp["EMAIL_USE_SSL"]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", "Mandate <portal@cloud.example>" if IS_DEMO else "")
if not DEFAULT_FROM_EMAIL:
    refuse("MAIL_FROM is required in production")
# ANYMAIL_POSTMARK_SERVER_TOKEN=… and so on: each becomes the setting of the same name.
ANYMAIL = {name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_")}
HAS_WEBHOOK_SECRET = "WEBHOOK_SECRET" in ANYMAIL
# user:password that webhooks present; unset, nobody knows it and every webhook is refused.
ANYMAIL.setdefault("WEBHOOK_SECRET", f"anymail:{_generated.get('webhook_secret') or token_urlsafe(32)}")

# ── The portal's own ────────────────────────────────────────────────────────────────────────────
try:
    MANDATE_PLATFORM_SUFFIX = env.str("PLATFORM_SUFFIX", "cloud.example")
    MANDATE_PARTNERS_APPROVED_BY_OPERATOR = env.bool("PARTNERS_APPROVED_BY_OPERATOR", not IS_DEMO)
    MANDATE_INVITATIONS_PER_USER_AND_DAY = env.int("INVITATIONS_PER_USER_AND_DAY", 20)
    MANDATE_MAILS_PER_ADDRESS_AND_DAY = env.int("MAILS_PER_ADDRESS_AND_DAY", 20)
    MANDATE_MAIL_BATCH = env.int("MAIL_BATCH", 50)
    # A dead worker's messages are free again after the lease, and found by the next sweep: 60 s at most.
    MANDATE_MAIL_LEASE_SECONDS = env.float("MAIL_LEASE_SECONDS", 40)
    MANDATE_LINK_TRIES_PER_HOUR = env.int("LINK_TRIES_PER_HOUR", 30)
    MANDATE_SIGN_IN_TRIES_PER_HOUR = env.int("SIGN_IN_TRIES_PER_HOUR", 20)
    MANDATE_AUDIT_RETENTION_DAYS = env.int("AUDIT_RETENTION_DAYS", 3650)
    MANDATE_DENIED_RETENTION_DAYS = env.int("DENIED_RETENTION_DAYS", 90)
    MANDATE_MAIL_RETENTION_DAYS = env.int("MAIL_RETENTION_DAYS", 365)
    MANDATE_AZURE_ASSIGNMENTS_PER_SUBSCRIPTION = env.int("AZURE_ASSIGNMENTS_PER_SUBSCRIPTION", 4000)
    MANDATE_DNS_RESOLVERS = env.list("DNS_RESOLVERS", [])
    MANDATE_SUPPORT_URL = env.str("SUPPORT_URL", "")
    MANDATE_SUPPORT_TEXT = env.str("SUPPORT_TEXT", "")
except EnvError as error:
    refuse(str(error))

# ── Logs and checks ─────────────────────────────────────────────────────────────────────────────
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "portal.logs.Context"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "{levelname}{name}{message}{request_id}",
            "style": "{",
            "timestamp": True,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["context"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "celery": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # portal.access.backend.Backend answers has_perm; guardian's own backend has no say
    "auth.W004",  # unique ignoring letter case, by a constraint on lower(sign_in_name)
    "security.W021",  # preloading HSTS is the domain owner's decision
]
