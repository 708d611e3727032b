"""Django's settings. The environment is read in studio.env, and only there."""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from studio.env import env

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.secret_key
DEBUG = env.debug
ALLOWED_HOSTS = env.allowed_hosts
CSRF_TRUSTED_ORIGINS = [env.public_url]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.idp.oidc",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "csp",
    "endpoints",
    "studio",
    "django.contrib.admin",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.middleware.request_id",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "studio.middleware.second_factor_first",
    "django_htmx.middleware.HtmxMiddleware",
    "studio.middleware.htmx_habits",
    "studio.read_only.ReadOnlyMiddleware",
]

ROOT_URLCONF = "studio.urls"
ASGI_APPLICATION = "studio.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studio.context.frame",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": env.databases}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # What all processes must know of one another: how often somebody tried to sign in, which codes were used.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "studio_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # or who tries many addresses makes it forget the first
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "process"},
}

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = env.data_dir / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if env.debug
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = env.data_dir / "staging"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
DATA_UPLOAD_MAX_NUMBER_FILES = 5000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12000
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

# People
AUTH_USER_MODEL = "endpoints.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "endpoint_list"
ACCOUNT_ADAPTER = "studio.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
USERSESSIONS_TRACK_ACTIVITY = True
MFA_ADAPTER = "studio.second_factor.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"add_webauthn": "studio.pages.security_forms.AddPasskeyForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
SOCIALACCOUNT_ADAPTER = "studio.sso.adapter.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "studio.sso.provider.StudioProvider"}}
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# The studio as an identity provider: what it signs opens endpoints of the mode aad_token
IDP_OIDC_ADAPTER = "studio.oidc.OIDCAdapter"
IDP_OIDC_ACCESS_TOKEN_FORMAT = "jwt"  # noqa: S105
IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN = 15 * 60  # it cannot be revoked before

# Browsers
SESSION_COOKIE_NAME = f"studio_session_{env.port}"
CSRF_COOKIE_NAME = f"studio_csrf_{env.port}"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.public_url.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "studio.api.authentication.PersonalTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "studio.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Endpoint Studio",
    "VERSION": "1",
    "DESCRIPTION": "Online endpoints: deployments, traffic, keys, metrics and cost.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# Tasks are wake-up calls: none is kept, none may be lost while it runs.
CELERY_BROKER_URL = env.broker_url
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_TIMER_PRECISION = 0.05  # seconds; a loop that asks to be called again would wait for up to one
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}

# The studio's own
STUDIO_DATA_DIR = env.data_dir
STUDIO_RUN_DIR = env.run_dir
STUDIO_SANDBOX = env.sandbox
STUDIO_REPLICA_PORTS = env.replica_ports
STUDIO_CONTAINER_SOCKET = env.container_socket
STUDIO_TRITON = str(env.triton or "")
STUDIO_PUBLIC_URL = env.public_url
STUDIO_GATEWAY_URL = env.gateway_url
STUDIO_GATEWAY_HOST = env.gateway_host
STUDIO_GATEWAY_PORT = env.gateway_port
STUDIO_GATEWAY_SOCKET = str(env.run_dir / "gateway.sock")  # where the studio itself calls; empty: at the URL
STUDIO_TLS_CERTIFICATE = env.gateway.tls_certificate
STUDIO_GATEWAY_DOMAIN = env.gateway.domain
STUDIO_ENDPOINT_REQUESTS_PER_SECOND = env.gateway.requests_per_second
STUDIO_ENDPOINT_KILOBYTES_PER_SECOND = env.gateway.kilobytes_per_second
STUDIO_SECOND_FACTOR_REQUIRED = env.second_factor == "required"
STUDIO_TOKEN_MINUTES = env.token_minutes
STUDIO_SIGNING_KEY_DAYS = env.signing_key_days
STUDIO_METRICS_TOKEN = env.metrics_token
STUDIO_OTLP_ENDPOINT = env.otlp.endpoint
STUDIO_OTLP_HEADERS = env.otlp.headers
STUDIO_OTLP_INTERVAL_SECONDS = env.otlp.interval_seconds
STUDIO_TRAFFIC_LOG_DAYS = env.traffic_log_days
STUDIO_ALERT_DAYS = env.alert_days
STUDIO_TRAFFIC_LOG_MEGABYTES = env.traffic_log_megabytes
STUDIO_COLLECTOR_INTERVAL_SECONDS = env.collector_interval_seconds
STUDIO_MAIL = env.mail
STUDIO_NOTIFY_NETWORKS = env.notify_networks
STUDIO_AUDIT_FORWARD = env.audit_forward
STUDIO_AUDIT_FORWARD_TOKEN = env.audit_forward_token
STUDIO_SAMPLE_RETENTION = {resolution: timedelta(days=days) for resolution, days in env.sample_days.items()}
