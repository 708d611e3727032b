"""Tables: fields, constraints, query sets; nothing else."""

from endpoints.models.alerts import Alert, AlertRule, Notification, NotificationChannel
from endpoints.models.assets import (
    Artifact,
    CodeVersion,
    EnvironmentBuild,
    EnvironmentVersion,
    ModelVersion,
    VersionedAsset,
)
from endpoints.models.autoscale import AutoscaleSetting, ScaleDecision
from endpoints.models.budgets import Budget, BudgetCrossing
from endpoints.models.deployments import Deployment, DeploymentRevision, Replica, ReplicaPort, default_probe
from endpoints.models.endpoints import Credential, Endpoint, GatewayState
from endpoints.models.events import AppendOnly, AuditForwarder, AuditState, Event, Seal
from endpoints.models.identity import IdentityProvider, SigningKey
from endpoints.models.instance_types import InstanceType
from endpoints.models.operations import Lease, Operation
from endpoints.models.prices import Price
from endpoints.models.quota import Quota, QuotaRequest, SiteLimits
from endpoints.models.registries import RegistryCredential
from endpoints.models.requests import Draft, SavedRequest, TestCall
from endpoints.models.site import BackupRecord, SiteReading, SiteState
from endpoints.models.telemetry import CollectorPass, CounterCursor, Rollup, Sample, Usage
from endpoints.models.totals import DeploymentTotals
from endpoints.models.traffic_log import TrafficLogEntry, TrafficLogState
from endpoints.models.users import PersonalToken, User
from endpoints.models.workspaces import RoleAssignment, ServiceAccount, ServiceSecret, Workspace

__all__ = [
    "Alert",
    "AlertRule",
    "AppendOnly",
    "Artifact",
    "AuditForwarder",
    "AuditState",
    "AutoscaleSetting",
    "BackupRecord",
    "Budget",
    "BudgetCrossing",
    "CodeVersion",
    "CollectorPass",
    "CounterCursor",
    "Credential",
    "Deployment",
    "DeploymentRevision",
    "DeploymentTotals",
    "Draft",
    "Endpoint",
    "EnvironmentBuild",
    "EnvironmentVersion",
    "Event",
    "GatewayState",
    "IdentityProvider",
    "InstanceType",
    "Lease",
    "ModelVersion",
    "Notification",
    "NotificationChannel",
    "Operation",
    "PersonalToken",
    "Price",
    "Quota",
    "QuotaRequest",
    "RegistryCredential",
    "Replica",
    "ReplicaPort",
    "RoleAssignment",
    "Rollup",
    "Sample",
    "SavedRequest",
    "ScaleDecision",
    "Seal",
    "ServiceAccount",
    "ServiceSecret",
    "SigningKey",
    "SiteLimits",
    "SiteReading",
    "SiteState",
    "TestCall",
    "TrafficLogEntry",
    "TrafficLogState",
    "Usage",
    "User",
    "VersionedAsset",
    "Workspace",
    "default_probe",
]
