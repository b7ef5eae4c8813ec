"""`manage.py check --deploy`: what an installation's environment still lacks; the insecure doesn't even start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

_NOT_SENT = ("portal.mailbox", "locmem", "console", "dummy", "filebased")


@register(Tags.security, deploy=True)
def mail_leaves_the_portal(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Invitations and notices must reach people outside of the demo."""
    if settings.IS_DEMO or not any(word in settings.EMAIL_BACKEND for word in _NOT_SENT):
        return []
    hint = "Set EMAIL_BACKEND to SMTP or to one of anymail's."
    return [Error(f"EMAIL_BACKEND {settings.EMAIL_BACKEND} sends nothing.", hint=hint, id="portal.E001")]


@register(Tags.security, deploy=True)
def retired_keys_are_strong(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A retired key still verifies links, or signatures, so a weak one would let anybody make one."""
    retired = {
        "SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS,
        "SIGNING_KEY_FALLBACKS": settings.MANDATE_SIGNING_KEY_FALLBACKS,
    }
    return [
        Error(f"{name} holds a key of less than 50 characters.", id="portal.E002")
        for name, keys in retired.items()
        if any(len(key) < 50 for key in keys)
    ]


@register(Tags.security, deploy=True)
def support_is_named(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A partner without delegated admin is told to contact the platform's support (DOMAIN §4)."""
    if settings.IS_DEMO or settings.MANDATE_SUPPORT_URL or settings.MANDATE_SUPPORT_TEXT:
        return []
    hint = "Set SUPPORT_URL or SUPPORT_TEXT."
    return [Warning("No support contact is set.", hint=hint, id="portal.W003")]


@register(Tags.security, deploy=True)
def webhooks_are_signed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without a configured secret no provider can report a bounce."""
    uses_provider = settings.EMAIL_BACKEND.startswith("anymail.")
    if not uses_provider or settings.HAS_WEBHOOK_SECRET:
        return []
    hint = "Set ANYMAIL_WEBHOOK_SECRET to user:password and give the provider the same."
    return [Warning("The mail provider's webhooks are refused.", hint=hint, id="portal.W004")]
