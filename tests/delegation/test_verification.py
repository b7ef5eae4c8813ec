"""`manage.py access verify` finds what shouldn't be in the index of paths, and what is missing."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from delegation import services, verification
from delegation.models import AzureElevation
from portal import access
from portal.models import PathKind, SecurityGroup
from portal.writes import write
from tests import factories
from tests.cast import Cast
from tests.delegation.provisioning import agents, owner_of, provisioned


def test_verify_finds_a_path_that_nobody_granted_and_one_that_is_gone(dap_cast: Cast) -> None:
    assert verification.differences() == []
    sales = SecurityGroup.objects.get(tenant=dap_cast.fabrikam, kind="sales_agents")
    role = factories.role("User Administrator")
    with write():
        access.revoke_source(dap_cast.dap.source)
        access.grant(
            dap_cast.contoso, sales.pk, f"role_{role}", kind=PathKind.DAP, source="dap:made-up", pair=dap_cast.pair
        )
        access.revoke_pair(dap_cast.pair)
    found = {(difference.what, difference.table, difference.source) for difference in verification.differences()}
    assert found == {
        ("missing", "TenantGrant", dap_cast.dap.source),
        ("stray", "TenantGrant", "dap:made-up"),
        ("missing", "PairGrant", "default"),
    }
    with pytest.raises(CommandError, match="4 differences"):
        call_command("access", "verify")


def test_verify_looks_at_scopes_too(dap_cast: Cast) -> None:
    subscription = provisioned(dap_cast)
    services.elevate(tenant=dap_cast.contoso, actor=dap_cast["global-admin"])
    assert verification.differences() == []
    owner, helpers = owner_of(subscription), agents(dap_cast, "helpdesk_agents")
    with write():
        access.revoke_scope_sources([owner.source])
        access.set_scope_until({f"elevation:{AzureElevation.objects.get().pk}": None})
        codename = f"azure_{owner.role_id}"
        access.grant_scope(subscription.scope, helpers.pk, codename, kind=PathKind.AZURE, source="azure:made-up")
    found = [(one.what, one.table, one.source.partition(":")[0]) for one in verification.differences()]
    assert sorted(found) == [
        ("missing", "ScopeGrant", "azure"),
        ("missing", "ScopeGrant", "elevation"),
        ("stray", "ScopeGrant", "azure"),
        ("stray", "ScopeGrant", "elevation"),
    ]


def test_verify_command_is_content_with_the_truth(dap_cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("access", "verify")
    assert "what the grants, roles and groups say" in capsys.readouterr().out
