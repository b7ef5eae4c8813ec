"""`portal.access` at its edges; that every surface agrees with the documents is held by `tests/test_oracle.py`."""

from __future__ import annotations

import pytest

from portal import access
from portal.catalogue import Capability as Can
from portal.models import Tenant, User
from tests.oracle import NOW
from tests.staging import Stage, build_stage


@pytest.fixture
def stage(db: None) -> Stage:
    return build_stage()


def test_nobody_unknown_is_allowed_anything(stage: Stage) -> None:
    """An unsaved user and the operator: no tenant, no right; everything could be seen by someone."""
    operator = User.objects.create(
        sign_in_name="operator@portal.example",
        display_name="Operator",
        contact_address="operator@portal.example",
        created_at=NOW,
        activated_at=NOW,
    )
    for user in (operator, User()):
        for capability in Can:
            for tenant in stage.tenants.values():
                assert not access.decide(user, capability, tenant).allowed
                assert not access.allowing(Tenant.objects.all(), user, capability).exists()


def test_an_unknown_capability_is_an_error_and_not_a_silent_no(stage: Stage) -> None:
    with pytest.raises(ValueError, match="users\\.veiw"):
        stage.people["contoso-0"].has_perm("users.veiw", stage.tenants["contoso"])
