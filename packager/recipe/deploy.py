"""`bundle.deploy`: what stands in the deployment files for Azure ML.

Kinds of values are checked here. Whether Azure takes a name, a size or a setting is found when the files are made, by
the same lint that reads finished bundles.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from packager.recipe.fields import TOLD, Count, Section, Share, Text, Unique

NAME_RULE = "3 to 32 letters, digits and -, beginning with a letter"
Access = Literal["enabled", "disabled"]
TimeoutMs = Annotated[int, Field(ge=1, le=180_000)]


class Liveness(Section):
    """When the platform takes the container for dead, and starts it anew."""

    initial_delay: Count = Field(default=10, description="seconds until the first probe")
    period: Count = Field(default=10, description="seconds between probes")
    timeout: Count = Field(default=2, description="seconds that an answer to a probe may take")
    failure_threshold: Count = Field(default=30, description="failures in a row until the platform gives up")


class Readiness(Liveness):
    """When the container gets requests."""

    success_threshold: Count = Field(default=1, description="successes in a row that end a failure")


class DataCollector(Section):
    """Bodies that the platform keeps: requests hold the rows of the service's clients."""

    collections: Unique[Literal["request", "response"]] = Field(default=(), description="bodies to keep")
    sampling_rate: Share = Field(default=1.0, description="share of the requests")
    rolling_rate: Literal["minute", "hour", "day"] = Field(default="hour", description="how often a new file is begun")


_SIZES = ("instance_type", "instance_count", "workers")
_SIZED_TWICE: dict[str, JsonValue] = {
    "not": {
        "required": ["sized_by"],
        "properties": {"sized_by": {"type": "string"}},
        "anyOf": [{"required": [name]} for name in _SIZES],
    }
}


class Deploy(Section):
    """The deployment files for Azure ML."""

    model_config = ConfigDict(json_schema_extra=_SIZED_TWICE)

    endpoint: Text | None = Field(
        default=None,
        description=f"name of the endpoint, {NAME_RULE}; default: made from the recipe's name",
    )
    deployment: Text = Field(default="blue", description=f"name of the deployment, {NAME_RULE}")
    instance_type: Text = Field(
        default="Standard_DS3_v2", description="size of the machine, one that managed endpoints take"
    )
    instance_count: Count = Field(default=1, description="number of machines")
    workers: Count = Field(
        default=2,
        description="processes on each machine that answer one request at a time; as many are let in at once; a "
        "slow client holds up the health probe of a single one",
    )
    sized_by: Text | None = Field(
        default=None,
        description="report.json of `package report`, whose recommendation is taken in place of instance_type, "
        "instance_count and workers; recipe.lock.yml keeps it",
    )
    request_timeout_ms: TimeoutMs = Field(default=20_000, description="time that an answer may take")
    auth_mode: Literal["key", "aad_token"] = Field(
        default="key", description="what clients show: a key of the endpoint, or a token of Microsoft Entra"
    )
    identity: Text = Field(
        default="system_assigned",
        description="who the endpoint is to other resources: system_assigned, or the resource id of an identity",
    )
    public_network_access: Access = Field(
        default="enabled", description="whether the endpoint is reached from outside the workspace's network"
    )
    egress_public_network_access: Access | None = Field(
        default=None, description="disabled: model, code and image come through private endpoints alone"
    )
    cors_origins: Unique[Text] = Field(
        default=(), description="origins such as https://HOST whose pages may read answers in a browser; * for all"
    )
    model: Text | None = Field(
        default=None, description="registered model, azureml:NAME:VERSION; default: the bundle's own folder"
    )
    environment: Text | None = Field(
        default=None, description="registered environment, azureml:NAME:VERSION; default: the bundle's conda.yml"
    )
    liveness_probe: Liveness = Field(default=Liveness(), description="when the container is started anew")
    readiness_probe: Readiness = Field(default=Readiness(), description="when the container gets requests")
    data_collector: DataCollector = Field(default=DataCollector(), description="bodies that the platform keeps")
    environment_variables: dict[str, str] = Field(
        default={},
        description="variables of the container; secrets only as ${{keyvault:...}}, written $${{keyvault:...}}",
    )
    tags: dict[str, str] = Field(default={}, description="tags of the endpoint and the deployment")

    @model_validator(mode="after")
    def _one_size(self) -> Deploy:
        if self.sized_by is not None and (twice := self.model_fields_set & {*_SIZES}):
            text = f"holds both sized_by and {sorted(twice)[0]}: leave one of them out"
            raise PydanticCustomError(TOLD, "{text}", {"text": text})
        return self
