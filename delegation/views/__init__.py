"""Pages about pairs: *Customers* on the partner's side, *Partner relationships* on the customer's."""

from __future__ import annotations

from django.http import HttpRequest

from portal import access
from portal.access import Decision
from portal.catalogue import Capability


def seeing_gdap(request: HttpRequest) -> Capability:
    """The right by which somebody sees GDAP relationships: who may assign groups has to see what they are for."""
    rights = request.acting.rights  # type: ignore[attr-defined]
    has_other = not rights.allows(Capability.GDAP_VIEW) and rights.allows(Capability.GDAP_ASSIGN)
    return Capability.GDAP_ASSIGN if has_other else Capability.GDAP_VIEW


def insist(request: HttpRequest, capability: Capability) -> Decision:
    """The decision for the acting tenant from the rights the frame has read already.

    Raises PermissionDenied for an insider without the right, Http404 for a stranger.
    """
    return access.insist(request.acting.rights.decide(capability))  # type: ignore[attr-defined]
