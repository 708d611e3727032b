"""States and kinds. The stored values are Azure's words where Azure has one."""

from django.db.models import TextChoices


class EndpointKind(TextChoices):
    ONLINE = "online"
    BATCH = "batch"
    STANDARD = "standard"


class AuthMode(TextChoices):
    KEY = "key", "Key"
    AML_TOKEN = "aml_token", "Studio token"
    AAD_TOKEN = "aad_token", "OpenID Connect token"


class IdentityKind(TextChoices):
    """Whose tokens the gateway believes; all but the studio speak OpenID Connect from elsewhere."""

    STUDIO = "studio", "This studio"
    ENTRA = "entra", "Microsoft Entra ID"
    KEYCLOAK = "keycloak", "Keycloak"
    OKTA = "okta", "Okta"
    OTHER = "other", "Another OpenID Connect provider"


class ProvisioningState(TextChoices):
    """Azure's DeploymentProvisioningState; endpoints use the same words."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SCALING = "Scaling"
    DELETING = "Deleting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class ReplicaState(TextChoices):
    STARTING = "Starting"
    READY = "Ready"
    UNREADY = "Unready"
    BACKING_OFF = "BackingOff", "Backing off"
    DRAINING = "Draining"
    STOPPED = "Stopped"


class SleepState(TextChoices):
    """Of a deployment that may scale to zero: `waking` until those who waited for it are served. What is stopped waits
    for a person, not for a request."""

    AWAKE = "awake"
    ASLEEP = "asleep", "Scaled to zero"
    WAKING = "waking"
    STOPPED = "stopped"


class LogContainer(TextChoices):
    """Azure's words for a deployment's logs."""

    INFERENCE_SERVER = "inference-server", "Inference server"
    STORAGE_INITIALIZER = "storage-initializer", "Storage initializer: files and environment"


class TrafficLogMode(TextChoices):
    """Which requests of an endpoint are kept one by one."""

    OFF = "off", "Off"
    ERRORS = "errors", "Errors only"
    SAMPLED = "sampled", "A sample, and all errors"
    FULL = "full", "Every request"


class NetworkAccess(TextChoices):
    ENABLED = "enabled"
    DISABLED = "disabled"


class ModelType(TextChoices):
    MLFLOW = "mlflow_model", "MLflow model"
    CUSTOM = "custom_model", "Custom model"
    TRITON = "triton_model", "Triton model repository"


class ServerKind(TextChoices):
    """The inference server of a deployment: ours, Azure's package, or what the model or its owner brings."""

    STUDIO = "studio", "Studio"
    AZUREML = "azureml", "Azure ML"
    TRITON = "triton", "Triton"
    CUSTOM = "custom", "Custom"


class ScanStatus(TextChoices):
    CLEAN = "clean", "No findings"
    FINDINGS = "findings", "Findings"
    UNVERIFIED = "unverified", "Could not be verified"


class BuildState(TextChoices):
    PENDING = "Pending"
    BUILDING = "Building"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class OperationKind(TextChoices):
    CREATE = "create"
    UPDATE = "update"
    SCALE = "scale"
    DELETE = "delete"


class OperationState(TextChoices):
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class RevisionOutcome(TextChoices):
    """What became of a generation. Only what once served in full has succeeded."""

    ROLLING = "Rolling", "Rolling out"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class Phase(TextChoices):
    """What an operation goes through: the first five to provision, the last two to delete, in this order."""

    ARTIFACTS = "artifacts"
    ENVIRONMENT = "environment"
    START = "start"
    PROBE = "probe"
    ROUTE = "route"
    UNROUTE = "unroute"
    DRAIN = "drain"


class PhaseState(TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELED = "canceled"


class FailureCode(TextChoices):
    """Azure's deployment failure codes (AML/how-to-troubleshoot-online-endpoints)."""

    IMAGE_BUILD_FAILURE = "ImageBuildFailure"
    OUT_OF_QUOTA = "OutOfQuota"
    BAD_ARGUMENT = "BadArgument"
    RESOURCE_NOT_READY = "ResourceNotReady"
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    OPERATION_CANCELED = "OperationCanceled"
    USER_SCRIPT_INIT_FAILED = "UserScriptInitFailed"
    USER_SCRIPT_IMPORT_ERROR = "UserScriptImportError"
    USER_SCRIPT_FUNCTION_NOT_FOUND = "UserScriptFunctionNotFound"
    INTERNAL_SERVER_ERROR = "InternalServerError"


class Role(TextChoices):
    """Control plane and data plane apart: who reads does not score, and who scores does not read."""

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    DATA_SCIENTIST = "data_scientist", "Data Scientist"
    READER = "reader"
    ENDPOINT_INVOKER = "endpoint_invoker", "Endpoint Invoker"
    SECRETS_READER = "secrets_reader", "Secrets Reader"


class CredentialKind(TextChoices):
    PRIMARY = "Primary"
    SECONDARY = "Secondary"


class Source(TextChoices):
    """Which face of the studio a change came through."""

    UI = "ui", "Studio"
    API = "api", "API"
    CLI = "cli", "CLI"
    SYSTEM = "system", "System"


class ScaleOutcome(TextChoices):
    """What became of one look of autoscale at a deployment."""

    STEADY = "steady", "Nothing to do"
    SCALED = "scaled", "Scaled"
    COOLDOWN = "cooldown", "Waits for the cooldown"
    FLAPPING = "flapping", "Would flap"
    AT_LIMIT = "at_limit", "At the maximum"
    UNREADABLE = "unreadable", "A metric cannot be read"
    BUSY = "busy", "The deployment is busy"
    REFUSED = "refused", "Refused"


class AlertScope(TextChoices):
    """What an alert rule looks at."""

    DEPLOYMENT = "deployment"
    ENDPOINT = "endpoint"
    WORKSPACE = "workspace"


class AlertState(TextChoices):
    """Of a rule. Not to know is a state of its own, never "all is well"."""

    OK = "ok", "OK"
    FIRING = "firing"
    NO_DATA = "no_data", "No data"


class Severity(TextChoices):
    """Azure Monitor's Sev 0 to Sev 4."""

    CRITICAL = "0", "Critical"
    ERROR = "1", "Error"
    WARNING = "2", "Warning"
    INFORMATIONAL = "3", "Informational"
    VERBOSE = "4", "Verbose"


class ChannelKind(TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook, signed"
    SLACK = "slack", "Slack-compatible webhook"


class DeliveryState(TextChoices):
    """Of one notification to one channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed", "Given up"


class Meter(TextChoices):
    """What is billed, by Azure's three bases: online and batch by the time of instances; standard by tokens, and by the
    time for which the endpoint is there."""

    ONLINE = "online", "Online instances"
    BATCH = "batch", "Batch instances"
    INPUT_TOKENS = "input_tokens", "Input tokens"
    OUTPUT_TOKENS = "output_tokens", "Output tokens"
    ENDPOINT_MINUTES = "endpoint_minutes", "Endpoint minutes"


class UsagePhase(TextChoices):
    """What an instance did while it was held. One that builds an environment is this machine's: it costs nothing."""

    BUILDING = "building"
    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"


class RequestState(TextChoices):
    """Of a request for more quota."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class BudgetAction(TextChoices):
    """What a budget does when it is used up."""

    NOTIFY = "notify", "Only tell"
    STOP_SCALE_OUT = "stop_scale_out", "Stop scale-out"
    STOP = "stop", "Stop the deployments"
    REFUSE = "refuse", "Refuse requests with 402"


class BannerLevel(TextChoices):
    INFO = "info", "Information"
    WARNING = "warn", "Warning"
    URGENT = "bad", "Urgent"


class BackupKind(TextChoices):
    BACKUP = "backup", "Backup"
    TRIAL = "trial", "Restore test"
    RESTORE = "restore", "Restore"


class Health(TextChoices):
    """Of a part of the studio: the words are the tones of pages."""

    GOOD = "ok", "Good"
    WARN = "warn", "Warning"
    BAD = "bad", "Bad"
    IDLE = "idle", "Not in use"
