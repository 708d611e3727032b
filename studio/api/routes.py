"""Routes of the REST API, as they stand in its OpenAPI document."""

from django.urls import URLPattern, path, register_converter

from studio.api import (
    alerts,
    autoscale,
    azure_metrics,
    budgets,
    code,
    deployments,
    endpoints,
    environments,
    events,
    identity,
    instance_types,
    invoke,
    limits,
    logs,
    models,
    operations,
    people,
    preflight,
    prices,
    quota,
    registries,
    revisions,
    roles,
    schemas,
    site,
    sleeping,
    statements,
    telemetry,
    traffic_log,
    workspaces,
)


class Segment:
    """One part of a path, without the control characters that no name has and no database takes."""

    regex = r"[^/\x00-\x1f]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Segment, "segment")

_ENDPOINT = "endpoints/<segment:name>/"
_REQUEST = "quota-requests/<int:request_id>/"
_DEPLOYMENTS = "endpoints/<segment:endpoint>/deployments/"
_DEPLOYMENT = f"{_DEPLOYMENTS}<segment:name>/"
_ACCOUNT = "workspaces/<segment:name>/service-accounts/<segment:account>/"
_CHANNELS = "workspaces/<segment:name>/notification-channels/"
_VERSION = "<segment:name>/versions/<segment:version>/"

routes: list[URLPattern] = [
    path("me/", people.Me.as_view(), name="api_me"),
    path("me/access-token/", identity.AccessToken.as_view(), name="api_access_token"),
    path("identity-providers/", identity.Providers.as_view(), name="api_identity_providers"),
    path("identity-providers/<segment:name>/", identity.ProviderDetail.as_view(), name="api_identity_provider"),
    path(
        "identity-providers/<segment:name>/refresh/",
        identity.ProviderRefresh.as_view(),
        name="api_identity_provider_refresh",
    ),
    path("token-checks/", identity.TokenChecks.as_view(), name="api_token_checks"),
    path("signing-keys/", identity.SigningKeys.as_view(), name="api_signing_keys"),
    path("tokens/", people.Tokens.as_view(), name="api_tokens"),
    path("tokens/<int:token_id>/", people.TokenDetail.as_view(), name="api_token"),
    path("workspaces/", workspaces.Workspaces.as_view(), name="api_workspaces"),
    path("workspaces/<segment:name>/", workspaces.WorkspaceDetail.as_view(), name="api_workspace"),
    path("workspaces/<segment:name>/registries/", registries.Registries.as_view(), name="api_registries"),
    path(
        "workspaces/<segment:name>/registries/<segment:server>/",
        registries.RegistryDetail.as_view(),
        name="api_registry",
    ),
    path("workspaces/<segment:name>/members/", workspaces.Members.as_view(), name="api_members"),
    path("workspaces/<segment:name>/members/<segment:email>/", workspaces.MemberDetail.as_view(), name="api_member"),
    path("workspaces/<segment:name>/role-assignments/", roles.WorkspaceRoles.as_view(), name="api_workspace_roles"),
    path(
        "workspaces/<segment:name>/role-assignments/<int:assignment_id>/",
        roles.WorkspaceRole.as_view(),
        name="api_workspace_role",
    ),
    path("workspaces/<segment:name>/service-accounts/", roles.ServiceAccounts.as_view(), name="api_service_accounts"),
    path(f"{_ACCOUNT}", roles.ServiceAccountDetail.as_view(), name="api_service_account"),
    path(f"{_ACCOUNT}secrets/", roles.ServiceSecrets.as_view(), name="api_service_secrets"),
    path(f"{_ACCOUNT}secrets/<int:secret_id>/", roles.ServiceSecretDetail.as_view(), name="api_service_secret"),
    path("endpoints/", endpoints.Endpoints.as_view(), name="api_endpoints"),
    path(_ENDPOINT, endpoints.EndpointDetail.as_view(), name="api_endpoint"),
    path(f"{_ENDPOINT}role-assignments/", roles.EndpointRoles.as_view(), name="api_endpoint_roles"),
    path(f"{_ENDPOINT}role-assignments/<int:assignment_id>/", roles.EndpointRole.as_view(), name="api_endpoint_role"),
    path(f"{_ENDPOINT}traffic/", endpoints.Traffic.as_view(), name="api_traffic"),
    path(f"{_ENDPOINT}limits/", limits.EndpointLimits.as_view(), name="api_limits"),
    path(f"{_ENDPOINT}cors/", limits.EndpointCors.as_view(), name="api_cors"),
    path(f"{_ENDPOINT}keys/list/", endpoints.KeysList.as_view(), name="api_keys_list"),
    path(f"{_ENDPOINT}keys/regenerate/", endpoints.KeysRegenerate.as_view(), name="api_keys_regenerate"),
    path(f"{_ENDPOINT}token/", identity.EndpointToken.as_view(), name="api_endpoint_token"),
    path(f"{_ENDPOINT}invoke/", invoke.Invoke.as_view(), name="api_invoke"),
    path("endpoints/<segment:endpoint>/preflight/", preflight.Preflight.as_view(), name="api_preflight"),
    path(_DEPLOYMENTS, deployments.Deployments.as_view(), name="api_deployments"),
    path(_DEPLOYMENT, deployments.DeploymentDetail.as_view(), name="api_deployment"),
    path(f"{_DEPLOYMENT}schema/", schemas.DeploymentSchema.as_view(), name="api_deployment_schema"),
    path(f"{_DEPLOYMENT}retry/", deployments.DeploymentRetry.as_view(), name="api_deployment_retry"),
    path(f"{_DEPLOYMENT}revisions/", revisions.Revisions.as_view(), name="api_revisions"),
    path(f"{_DEPLOYMENT}revisions/<int:generation>/", revisions.RevisionDetail.as_view(), name="api_revision"),
    path(f"{_DEPLOYMENT}revisions/<int:generation>/diff/", revisions.RevisionDiff.as_view(), name="api_revision_diff"),
    path(f"{_DEPLOYMENT}revisions/<int:generation>/roll-back/", revisions.RollBack.as_view(), name="api_roll_back"),
    path(f"{_DEPLOYMENT}scale-to-zero/", sleeping.ScaleToZero.as_view(), name="api_scale_to_zero"),
    path(f"{_DEPLOYMENT}sleep/", sleeping.Sleep.as_view(), name="api_sleep"),
    path(f"{_DEPLOYMENT}wake/", sleeping.Wake.as_view(), name="api_wake"),
    path(f"{_DEPLOYMENT}autoscale/", autoscale.Autoscale.as_view(), name="api_autoscale"),
    path(f"{_DEPLOYMENT}scale-decisions/", autoscale.ScaleDecisions.as_view(), name="api_scale_decisions"),
    path(f"{_DEPLOYMENT}logs/", logs.DeploymentLog.as_view(), name="api_deployment_logs"),
    path(f"{_DEPLOYMENT}build-log/", logs.DeploymentBuildLog.as_view(), name="api_deployment_build_log"),
    path(f"{_DEPLOYMENT}replicas/", deployments.Replicas.as_view(), name="api_replicas"),
    path(f"{_DEPLOYMENT}replicas/<int:ordinal>/log/", logs.ReplicaLog.as_view(), name="api_replica_log"),
    path(
        f"{_DEPLOYMENT}replicas/<int:ordinal>/restart/",
        deployments.ReplicaRestart.as_view(),
        name="api_replica_restart",
    ),
    path(f"{_ENDPOINT}traffic-log/", traffic_log.TrafficLog.as_view(), name="api_traffic_log"),
    path(
        f"{_ENDPOINT}traffic-log/settings/", traffic_log.TrafficLogSettings.as_view(), name="api_traffic_log_settings"
    ),
    path(f"{_ENDPOINT}metrics/", telemetry.EndpointMetrics.as_view(), name="api_endpoint_metrics"),
    path(f"{_DEPLOYMENT}metrics/", telemetry.DeploymentMetrics.as_view(), name="api_deployment_metrics"),
    path(f"{_ENDPOINT}metrics/azure/", azure_metrics.EndpointAzureMetrics.as_view(), name="api_endpoint_azure_metrics"),
    path(
        f"{_DEPLOYMENT}metrics/azure/",
        azure_metrics.DeploymentAzureMetrics.as_view(),
        name="api_deployment_azure_metrics",
    ),
    path(f"{_ENDPOINT}cost/", telemetry.EndpointCost.as_view(), name="api_endpoint_cost"),
    path("workspaces/<segment:name>/cost/", telemetry.WorkspaceCost.as_view(), name="api_workspace_cost"),
    path(
        "workspaces/<segment:name>/statement/", statements.WorkspaceStatement.as_view(), name="api_workspace_statement"
    ),
    path("alert-rules/", alerts.AlertRules.as_view(), name="api_alert_rules"),
    path("alert-rules/<int:rule_id>/", alerts.AlertRuleDetail.as_view(), name="api_alert_rule"),
    path("alert-rules/<int:rule_id>/silence/", alerts.AlertRuleSilence.as_view(), name="api_alert_rule_silence"),
    path("alerts/", alerts.Alerts.as_view(), name="api_alerts"),
    path("alerts/<uuid:alert_id>/", alerts.AlertDetail.as_view(), name="api_alert"),
    path("alerts/<uuid:alert_id>/acknowledge/", alerts.AlertAcknowledge.as_view(), name="api_alert_acknowledge"),
    path(f"{_CHANNELS}", alerts.Channels.as_view(), name="api_channels"),
    path(f"{_CHANNELS}<segment:channel>/", alerts.ChannelDetail.as_view(), name="api_channel"),
    path(f"{_CHANNELS}<segment:channel>/test/", alerts.ChannelTest.as_view(), name="api_channel_test"),
    path("workspaces/<segment:name>/notifications/", alerts.Deliveries.as_view(), name="api_notifications"),
    path("operations/", operations.Operations.as_view(), name="api_operations"),
    path("operations/<uuid:operation_id>/", operations.OperationDetail.as_view(), name="api_operation"),
    path("operations/<uuid:operation_id>/cancel/", operations.OperationCancel.as_view(), name="api_operation_cancel"),
    path("operations/<uuid:operation_id>/causes/", preflight.OperationCauses.as_view(), name="api_operation_causes"),
    path("models/", models.Models.as_view(), name="api_models"),
    path("models/<segment:name>/versions/", models.ModelVersions.as_view(), name="api_model_versions"),
    path(f"models/{_VERSION}", models.ModelDetail.as_view(), name="api_model"),
    path(f"models/{_VERSION}files/", models.ModelFiles.as_view(), name="api_model_files"),
    path("code/", code.Code.as_view(), name="api_code"),
    path("code/<segment:name>/versions/", code.CodeVersions.as_view(), name="api_code_versions"),
    path(f"code/{_VERSION}", code.CodeDetail.as_view(), name="api_code_version"),
    path(f"code/{_VERSION}files/", code.CodeFiles.as_view(), name="api_code_files"),
    path("environments/", environments.Environments.as_view(), name="api_environments"),
    path(
        "environments/<segment:name>/versions/",
        environments.EnvironmentVersions.as_view(),
        name="api_environment_versions",
    ),
    path(f"environments/{_VERSION}", environments.EnvironmentDetail.as_view(), name="api_environment"),
    path(f"environments/{_VERSION}build-log/", logs.EnvironmentBuildLog.as_view(), name="api_environment_build_log"),
    path("workspaces/<segment:name>/quota/", quota.WorkspaceQuota.as_view(), name="api_workspace_quota"),
    path(
        "workspaces/<segment:name>/quota-requests/",
        quota.WorkspaceQuotaRequests.as_view(),
        name="api_workspace_quota_requests",
    ),
    path("quota-requests/", quota.PendingQuotaRequests.as_view(), name="api_quota_requests"),
    path(_REQUEST, quota.QuotaRequestDetail.as_view(), name="api_quota_request"),
    path(f"{_REQUEST}approve/", quota.QuotaRequestApproval.as_view(), name="api_quota_request_approve"),
    path(f"{_REQUEST}deny/", quota.QuotaRequestDenial.as_view(), name="api_quota_request_deny"),
    path(f"{_REQUEST}withdraw/", quota.QuotaRequestWithdrawal.as_view(), name="api_quota_request_withdraw"),
    path("site/quota/", quota.SiteQuota.as_view(), name="api_site_quota"),
    path("site/limits/", quota.SiteLimitsView.as_view(), name="api_site_limits"),
    path("workspaces/<segment:name>/budgets/", budgets.WorkspaceBudgets.as_view(), name="api_workspace_budgets"),
    path(f"{_ENDPOINT}budgets/", budgets.EndpointBudgets.as_view(), name="api_endpoint_budgets"),
    path("budgets/", budgets.OwnerBudgets.as_view(), name="api_budgets"),
    path("budgets/<uuid:budget_id>/", budgets.BudgetDetail.as_view(), name="api_budget"),
    path("instance-types/", instance_types.InstanceTypes.as_view(), name="api_instance_types"),
    path("events/", events.Events.as_view(), name="api_events"),
    path("events/export/", events.EventsExport.as_view(), name="api_events_export"),
    path("site/", site.Site.as_view(), name="api_site"),
    path("site/read-only/", site.SiteReadOnly.as_view(), name="api_site_read_only"),
    path("site/banner/", site.SiteBanner.as_view(), name="api_site_banner"),
    path("site/operations/", site.StuckOperations.as_view(), name="api_site_operations"),
    path(
        "site/operations/<uuid:operation_id>/retry/",
        site.StuckOperationRetry.as_view(),
        name="api_site_operation_retry",
    ),
    path(
        "site/operations/<uuid:operation_id>/fail/", site.StuckOperationFail.as_view(), name="api_site_operation_fail"
    ),
    path("site/backups/", site.Backups.as_view(), name="api_site_backups"),
    path("site/instance-types/", prices.SiteInstanceTypes.as_view(), name="api_site_instance_types"),
    path(
        "site/instance-types/<segment:name>/",
        prices.SiteInstanceTypeDetail.as_view(),
        name="api_site_instance_type",
    ),
    path("site/prices/", prices.Prices.as_view(), name="api_prices"),
    path("site/prices/<int:price_id>/", prices.PriceDetail.as_view(), name="api_price"),
    path("site/statement/", statements.SiteStatement.as_view(), name="api_site_statement"),
    path("site/audit/", events.Audit.as_view(), name="api_audit"),
    path("site/events/", events.SiteEvents.as_view(), name="api_site_events"),
]
