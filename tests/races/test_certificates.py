"""Certificates and audit rows of one tenant, written at once: numbers without gaps, chains without a fault."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from portal import audit, audit_retention, clock
from portal.models import Certificate, Tenant, User
from portal.services.certificates import issue_certificate
from portal.writes import write
from tests import factories
from tests.cast import Cast, build_dap_cast
from tests.races.together import at_once

pytestmark = pytest.mark.races


@pytest.fixture
def stage(transactional_db: None) -> Cast:
    """A committed cast with DAP, which several connections see."""
    return build_dap_cast()


def test_certificates_issued_at_once_have_numbers_of_their_own(stage: Cast) -> None:
    issue = partial(issue_certificate, tenant=stage.contoso, partner=stage.fabrikam, actor=stage["global-admin"])
    for round_ in range(4):
        found = at_once(*[partial(issue, content=factories.certified(left=[])) for _ in range(4)])
        assert sorted(one.number for one in found) == [4 * round_ + place for place in range(1, 5)]
    assert Certificate.objects.count() == 16
    assert audit.verify(stage.contoso.pk) is None
    assert audit.verify(stage.fabrikam.pk) is None


def test_a_chain_verifies_while_it_is_written_and_shortened(transactional_db: None, settings: Any) -> None:
    """Verification reads one state of the chain, whatever is added behind it or retention takes before it."""
    settings.MANDATE_AUDIT_RETENTION_DAYS = 60
    for _round in range(4):
        with clock.fixed(clock.now() - timedelta(days=100)):
            tenant, administrator = factories.tenant()
            note(tenant, administrator, 200)
        verify, write_more = partial(audit.verify, tenant.pk), partial(note, tenant, administrator, 20)
        found = at_once(verify, write_more, audit_retention.retain, verify, verify)
        assert [found[place] for place in (0, 3, 4)] == [None, None, None]
        assert found[2] > 200
        assert audit.verify(tenant.pk) is None


def note(tenant: Tenant, actor: User, count: int) -> None:
    with write():
        for number in range(count):
            audit.record("test.noted", actor=actor, tenant=tenant, number=number)
