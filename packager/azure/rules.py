"""What Azure ML's managed endpoints take as names, settings and environment variables, as its documentation says."""

from __future__ import annotations

import re

# Endpoints and deployments alike.
NAME = r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]"
NAME_RULE = "3 to 32 letters, digits and -, beginning with a letter, not ending with -"
_ASSET = r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}"
_VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}"
# In the workspace by version or label, or in a registry by version.
_REFERENCE = rf"azureml:({_ASSET}(:{_VERSION}|@{_ASSET})|//registries/{_ASSET}/\w+/{_ASSET}/(versions|labels)/{_ASSET})"
REFERENCE_RULE = "azureml:NAME:VERSION or azureml:NAME@LABEL"
_IDENTITY = (
    r"/subscriptions/[^/\s]+/resourcegroups/[^/\s]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/\s]+"
)
IDENTITY_RULE = "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME"
REQUEST_TIMEOUT_MS_MOST = 180_000
# A resource of Azure takes no more.
TAGS_MOST, TAG_NAME_MOST, TAG_VALUE_MOST = 50, 512, 256

ORIGINS = "AML_CORS_ORIGINS"
_ORIGIN = r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?"
ORIGIN_RULE = "https://HOST or https://HOST:PORT"

_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
# The platform or the server sets these, or they move what the deployment relies on.
RESERVED = frozenset(
    (
        "AML_APP_INSIGHTS_ENABLED",
        "AML_APP_INSIGHTS_KEY",
        "AML_APP_ROOT",
        "AML_MODEL_DC_STORAGE_ENABLED",
        "AZUREML_CONFIG_FILE",
        "AZUREML_DEBUG_PORT",
        "AZUREML_ENTRY_SCRIPT",
        "AZUREML_EXTRA_PYTHON_LIB_PATH",
        "AZUREML_EXTRA_REQUIREMENTS_TXT",
        "AZUREML_INFERENCE_PYTHON_PATH",
        "AZUREML_MDC_CONFIG_PATH",
        "AZUREML_MODEL_DIR",
        "AZUREML_SERVER_VERSION",
        "AZUREML_SOURCE_DIRECTORY",
        "GUNICORN_CMD_ARGS",
        "HEALTH_PORT",
        "HOME",
        "HOSTNAME",
        "HTTP_X_MS_SERVER_VERSION",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PATH",
        "PORT",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "SCORING_TIMEOUT_MS",
        "SEPERATE_HEALTH_ENDPOINT",
        "SERVER_PORT",
        "SERVICE_NAME",
        "SERVICE_PATH_PREFIX",
        "SERVICE_VERSION",
        "TRANSPORT_PROTOCOL",
        "WEB_CONCURRENCY",
        "WORKER_PRELOAD",
        "WORKSPACE_NAME",
    )
)
# What a generated deployment sets itself.
GENERATED = frozenset(("APP_INSIGHTS_LOG_RESPONSE_ENABLED", ORIGINS, "WORKER_COUNT", "WORKER_TIMEOUT"))

# Words of a variable's name that name a secret; a hash, an id or a name of one is none.
_SECRET_NAME = (
    r"(^|_)(KEY|APIKEY|SECRETS?|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PWD|PASS|CREDENTIALS?|SAS|CONNECTION_?STRING|AUTH|"
    r"AUTHORIZATION|[A-Z]*(SECRET|PASSWORD|APIKEY|TOKEN))($|_(?!ID|NAME|VERSION|URI|URL|HASH)\w*$)"
)
_SECRET_VALUE = "|".join(
    (
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
        r"\b(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)\s*=",
        r"[?&]sig=",
        r"://[^/\s:@]+:[^/\s@]+@",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ",
        r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\b(ghp|gho|ghs|github_pat|xox[abp]|sk|glpat)[-_][A-Za-z0-9_-]{16,}",
    )
)
# The platform fills these in from a connection or a Key Vault when the container starts.
_INJECTED = r"\$\{\{(azureml://connections/|keyvault:https://)[^{}\s]+\}\}"
INJECTED_RULE = "${{keyvault:https://VAULT.vault.azure.net/secrets/NAME/VERSION}}"


def is_name(text: str) -> bool:
    """Say whether Azure takes `text` as the name of an endpoint or deployment."""
    return re.fullmatch(NAME, text) is not None


def is_reference(text: str) -> bool:
    """Say whether `text` names a registered asset."""
    return re.fullmatch(_REFERENCE, text) is not None


def is_identity(text: str) -> bool:
    """Say whether `text` is the resource id of a user-assigned identity."""
    return re.fullmatch(_IDENTITY, text, re.IGNORECASE) is not None


def is_origin(text: str) -> bool:
    """Say whether `text` is an origin as browsers send it, or `*` for all."""
    return re.fullmatch(_ORIGIN, text) is not None


def is_variable(text: str) -> bool:
    """Say whether `text` may name an environment variable."""
    return re.fullmatch(_VARIABLE, text) is not None


def is_asset_name(text: str) -> bool:
    """Say whether a model may be registered under `text`."""
    return re.fullmatch(_ASSET, text) is not None


def is_asset_version(text: str) -> bool:
    """Say whether a model may be registered with the version `text`."""
    return re.fullmatch(_VERSION, text) is not None


def is_injected(value: str) -> bool:
    """Say whether the platform fills the value in when the container starts."""
    return re.fullmatch(_INJECTED, value) is not None


def looks_secret(name: str, value: str) -> bool:
    """Say whether a variable looks like a secret, by its name or its value, that nothing injects at start."""
    if is_injected(value):
        return False
    return bool(re.search(_SECRET_NAME, name, re.IGNORECASE) or re.search(_SECRET_VALUE, value))
