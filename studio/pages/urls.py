"""Each page's module names its own URLs."""

from studio.it import audit as it_audit
from studio.it import backups as it_backups
from studio.it import capacity as it_capacity
from studio.it import health as it_health
from studio.it import operations as it_operations
from studio.it import prices as it_prices
from studio.it import retention as it_retention
from studio.it import runbook as it_runbook
from studio.it import security as it_security
from studio.it import spend as it_spend
from studio.it import statement as it_statement
from studio.it import versions as it_versions
from studio.pages import (
    access,
    activity,
    alerts,
    authentication,
    autoscale,
    budgets,
    consume,
    cost,
    deployments,
    endpoints,
    environments,
    identity,
    it_quota,
    limits,
    live,
    logs,
    metrics,
    models,
    operations,
    preflight,
    profile,
    quota,
    registries,
    revisions,
    search,
    security,
    settings,
    sleeping,
    statement,
    testing,
    testing_requests,
    testing_stream,
    traffic,
    traffic_log,
    uploads,
    usage,
    wizard,
    workspace,
)

urlpatterns = [
    *preflight.urlpatterns,  # before the steps of the wizard
    *wizard.urlpatterns,  # endpoints/create/ before endpoints/<name>/
    *access.urlpatterns,
    *activity.urlpatterns,
    *alerts.urlpatterns,
    *autoscale.urlpatterns,
    *authentication.urlpatterns,
    *budgets.urlpatterns,
    *consume.urlpatterns,
    *cost.urlpatterns,
    *deployments.urlpatterns,
    *endpoints.urlpatterns,
    *environments.urlpatterns,
    *identity.urlpatterns,
    *limits.urlpatterns,
    *it_health.urlpatterns,
    *it_quota.urlpatterns,
    *it_audit.urlpatterns,
    *it_backups.urlpatterns,
    *it_operations.urlpatterns,
    *it_prices.urlpatterns,
    *it_statement.urlpatterns,
    *it_runbook.urlpatterns,
    *it_spend.urlpatterns,
    *it_capacity.urlpatterns,
    *it_retention.urlpatterns,
    *it_security.urlpatterns,
    *it_versions.urlpatterns,
    *live.urlpatterns,
    *logs.urlpatterns,
    *metrics.urlpatterns,
    *models.urlpatterns,
    *operations.urlpatterns,
    *profile.urlpatterns,
    *quota.urlpatterns,
    *registries.urlpatterns,
    *revisions.urlpatterns,
    *search.urlpatterns,
    *security.urlpatterns,
    *settings.urlpatterns,
    *sleeping.urlpatterns,
    *statement.urlpatterns,
    *testing.urlpatterns,
    *testing_requests.urlpatterns,
    *testing_stream.urlpatterns,
    *traffic.urlpatterns,
    *traffic_log.urlpatterns,
    *uploads.urlpatterns,
    *usage.urlpatterns,
    *workspace.urlpatterns,
]
