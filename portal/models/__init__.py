"""Everything that the other apps build on."""

from portal.models.audit import AuditCheckpoint, AuditEntry, DeniedAttempt
from portal.models.certificates import Certificate
from portal.models.grants import PairGrant, PathKind, TenantGrant
from portal.models.jobs import Job, JobRow
from portal.models.links import RateCounter, RightLink
from portal.models.mail import DeliveryEvent, MailboxMessage, OutboxMessage
from portal.models.people import Membership, MembershipPeriod, SecurityGroup, User
from portal.models.periods import PairGrantPeriod, ScopeGrantPeriod, StandingPeriod, TenantGrantPeriod
from portal.models.roles import RoleAssignment
from portal.models.scopes import Scope, ScopeGrant
from portal.models.service_requests import ServiceRequest, ServiceRequestComment
from portal.models.tenants import ChannelRole, Domain, Pair, PartnerProfile, Tenant
from portal.models.uses import PathUse

__all__ = [
    "AuditCheckpoint",
    "AuditEntry",
    "Certificate",
    "ChannelRole",
    "DeliveryEvent",
    "DeniedAttempt",
    "Domain",
    "Job",
    "JobRow",
    "MailboxMessage",
    "Membership",
    "MembershipPeriod",
    "OutboxMessage",
    "Pair",
    "PairGrant",
    "PairGrantPeriod",
    "PartnerProfile",
    "PathKind",
    "PathUse",
    "RateCounter",
    "RightLink",
    "RoleAssignment",
    "Scope",
    "ScopeGrant",
    "ScopeGrantPeriod",
    "SecurityGroup",
    "ServiceRequest",
    "ServiceRequestComment",
    "StandingPeriod",
    "Tenant",
    "TenantGrant",
    "TenantGrantPeriod",
    "User",
]
