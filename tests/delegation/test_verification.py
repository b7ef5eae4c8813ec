"""`manage.py access verify` finds what shouldn't be in the index of paths, and what is missing."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from delegation import verification
from portal import access
from portal.models import PathKind, SecurityGroup
from portal.writes import write
from tests import factories
from tests.cast import Cast


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


def test_verify_command_is_content_with_the_truth(dap_cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("access", "verify")
    assert "what the grants, roles and groups say" in capsys.readouterr().out
