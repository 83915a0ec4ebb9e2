"""core.yml, and the function that core runs on each request.

Keys and paths are those of service-core 1.9.2 (config-template-pryv.io, core/core/conf/core.yml).
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import ConfigFile, Secret
from pryv_nomad.settings.serialize import yaml_parts

# Where service-core looks for customAuthStepFn.js (`customExtensions:defaultFolder`).
EXTENSIONS = "custom-extensions"


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """core's files."""
    return (
        ConfigFile("core.yml", yaml_parts(structure(cluster))),
        ConfigFile(f"{EXTENSIONS}/customAuthStepFn.js", (values.literal(cluster, "CUSTOM_AUTH_FUNCTION"),)),
    )


def structure(cluster: Cluster) -> dict[str, Any]:
    """core.yml as data."""
    return {
        "domain": cluster.domain,
        "serviceInfoUrl": values.service_info_url(cluster),
        # Each process is started with its own `--http:port`; this one is never listened on.
        "http": {"ip": "0.0.0.0", "port": "9000"},  # noqa: S104 - inside its container
        "database": values.mongodb(name=values.DATABASE_NAME),
        "influxdb": values.influxdb(),
        "userFiles": values.USER_FILES,
        "eventFiles": values.EVENT_FILES,
        "auth": _auth(cluster),
        "services": _services(cluster),
        "reporting": {
            "licenseName": "Pryv.io",
            "templateVersion": values.value(cluster, "TEMPLATE_VERSION"),
        },
        "updates": {"ignoreProtectedFields": values.value(cluster, "UPDATES_IGNORE_PROTECTED_FIELDS")},
        "versioning": values.value(cluster, "VERSIONING_SETTINGS"),
        "webhooks": values.value(cluster, "WEBHOOKS_SETTINGS"),
        "logs": {
            "file": values.file_log(cluster, "core"),
            "console": {"active": True, "level": "info", "colorize": True},
        },
        "customExtensions": {"defaultFolder": f"/app/conf/{EXTENSIONS}"},
        "dnsLess": {"isActive": False},
        "custom": {
            "systemStreams": {
                "account": values.value(cluster, "ACCOUNT_SYSTEM_STREAMS"),
                "other": values.value(cluster, "OTHER_SYSTEM_STREAMS"),
            },
            "dataStores": values.value(cluster, "CUSTOM_DATA_STORES"),
        },
        "openSource": {"isActive": False},
        "user-account": {"delete": values.value(cluster, "ACCOUNT_DELETION")},
        "audit": _audit(cluster),
        "backwardCompatibility": backward_compatibility(cluster),
        "uploads": {"maxSizeMb": values.value(cluster, "MAX_UPLOAD_SIZE_MB")},
        "integrity": values.value(cluster, "INTEGRITY_SETTINGS"),
        "trace": {"enable": False},
        "accessTracking": {"isActive": True},
    }


def backward_compatibility(cluster: Cluster) -> dict[str, Any]:
    """What old clients still get; shared with hfs's metadata updater."""
    prefix = values.value(cluster, "BACKWARD_COMPATIBILITY_SYSTEM_STREAMS_PREFIX")
    return {
        "systemStreams": {"prefix": {"isActive": prefix}},
        "tags": values.value(cluster, "BACKWARD_COMPATIBILITY_TAGS"),
    }


def _auth(cluster: Cluster) -> dict[str, Any]:
    return {
        "trustedApps": values.value(cluster, "TRUSTED_APPS"),
        "sessionMaxAge": values.value(cluster, "SESSION_MAX_AGE"),
        "ssoCookieDomain": f".{cluster.domain}",
        "ssoCookieSignSecret": Secret("SSO_COOKIE_SIGN_SECRET", quoted=True),
        "filesReadTokenSecret": Secret("FILES_READ_TOKEN_SECRET", quoted=True),
        "passwordResetRequestMaxAge": values.value(cluster, "PASSWORD_RESET_MAX_AGE"),
        "passwordResetPageURL": values.value(cluster, "PASSWORD_RESET_URL"),
        "adminAccessKey": Secret("CORE_SYSTEM_KEY", quoted=True),
        "passwordComplexityMinCharCategories": values.value(cluster, "PASSWORD_COMPLEXITY_MIN_CHAR_CATS"),
        "passwordComplexityMinLength": values.value(cluster, "PASSWORD_COMPLEXITY_MIN_LENGTH"),
        "passwordAgeMaxDays": values.value(cluster, "PASSWORD_AGE_MAX_DAYS"),
        "passwordAgeMinDays": values.value(cluster, "PASSWORD_AGE_MIN_DAYS"),
        "passwordPreventReuseHistoryLength": values.value(cluster, "PASSWORD_PREVENT_REUSE_HISTORY_LENGTH"),
    }


def _services(cluster: Cluster) -> dict[str, Any]:
    return {
        "register": {
            "url": values.service_url(cluster, "reg", "register"),
            "key": Secret("REGISTER_SYSTEM_KEY_1", quoted=True),
        },
        "email": {
            "enabled": values.value(cluster, "EMAIL_ACTIVATION"),
            "method": "microservice",
            "url": values.service_url(cluster, "mail", "mail", "/sendmail/"),
            "key": Secret("CORE_MAIL_KEY", quoted=True),
            "welcomeTemplate": "welcome-email",
            "resetPasswordTemplate": "reset-password",
        },
    }


def _audit(cluster: Cluster) -> dict[str, Any]:
    return {
        "storage": {"filter": values.value(cluster, "AUDIT_STORAGE_FILTER")},
        "syslog": {
            # The host's /dev/log, mounted under this name (`binds` of the release).
            "options": {
                "host": "localhost",
                "protocol": "unix",
                "path": "/dev/log-host",
                "localhost": "",
                "app_name": "pryv-audit",
            },
            "formats": {"default": values.value(cluster, "AUDIT_SYSLOG_FORMAT")},
            "filter": values.value(cluster, "AUDIT_SYSLOG_FILTER"),
        },
    }
