"""Numbers of the permissions that paths are made of; looked up once in each process."""

from __future__ import annotations

from functools import cache

from django.contrib.auth.models import Permission
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from portal import catalogue
from portal.catalogue import Capability


@cache
def ids() -> dict[str, int]:
    """By codename."""
    models = ["tenant", "pair", "scope"]
    rows = Permission.objects.filter(content_type__app_label="portal", content_type__model__in=models)
    return dict(rows.values_list("codename", "id"))


@cache
def codenames() -> dict[int, str]:
    """By number."""
    return {number: codename for codename, number in ids().items()}


@cache
def ids_for(capability: Capability) -> list[int]:
    """Those any one of which allows the capability."""
    return [ids()[codename] for codename in catalogue.rules()[capability].codenames]


@cache
def on_tenants() -> list[int]:
    """Every one that can be held in a tenant."""
    return [ids()[codename] for codename, _ in catalogue.tenant_permissions()]


@cache
def privileged() -> frozenset[int]:
    """Those that stand for privileged roles, in tenants (DOMAIN §2) and at scopes."""
    held = {ids()[catalogue.roles()[role_id].codename] for role_id in catalogue.privileged_role_ids()}
    return frozenset(held | {ids()[role.codename] for role in catalogue.azure_roles().values() if role.is_privileged})


@receiver(post_migrate)
def forget_permission_ids(**_kwargs: object) -> None:
    """Permission rows may have new ids after a migration or a test's flush."""
    for cached in (ids, codenames, ids_for, on_tenants, privileged):
        cached.cache_clear()
