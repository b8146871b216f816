"""What a recipe becomes: frozen values, one class per section, every default filled in.

Plain JSON values go in (`Recipe.read`), checked strictly: no unknown key, no text taken for a number. Values stay as
written, paths included; `Recipe.resolve` makes a path absolute. The descriptions feed the schema and docs/recipe.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from packager.artifact import Precision
from packager.files import canonical_json
from packager.recipe.deploy import Deploy
from packager.recipe.fields import (
    TOLD,
    Count,
    Dotted,
    DottedByName,
    HeaderName,
    MetricName,
    Name,
    NotNegative,
    Opset,
    Positive,
    ProviderName,
    PythonVersion,
    RequestKey,
    SafeName,
    Section,
    Sha256,
    Share,
    Text,
    Threads,
    Unique,
    UniqueSome,
    Uri,
)
from packager.recipe.parity import Parity

RECIPE_VERSION = 1


class Source(Section):
    """The registered artifact."""

    uri: Uri = Field(description="where the artifact lies: a path, file:///PATH or registry://NAME/VERSION")
    sha256: Sha256 | None = Field(
        default=None,
        description="pin of the artifact's bytes; another digest stops the build before anything is read",
    )
    environment: Literal["auto", "current"] = Field(
        default="auto",
        description="library versions to load the artifact with: auto takes the artifact's own, "
        "current takes those installed and refuses an artifact written by others",
    )
    trust: Unique[Dotted] = Field(
        default=(),
        description="exact names, beyond the built-in list, that loading may import; your own modules are found where "
        "they are installed, on PYTHONPATH or beside the recipe",
    )


class Data(Section):
    """Rows that the model has not seen, to verify with."""

    verification: Text | None = Field(
        default=None, description="verification rows: a path or glob of parquet, csv, feather or npz files"
    )
    label: Text | None = Field(default=None, description="column that holds the true label; drift needs it")
    features: UniqueSome[Text] | None = Field(
        default=None,
        description="feature columns in training order; default: the model's own names, else all but the label",
    )


class Convert(Section):
    """From the native model to ONNX."""

    opset: Literal["auto"] | Opset = Field(default="auto", description="version of the ONNX operators")
    engine: Literal["own", "stock"] = Field(
        default="own",
        description="own: the exact converters; stock: skl2onnx and onnxmltools as they come, for comparison",
    )
    outputs: Literal["auto"] = Field(
        default="auto", description="label and probabilities for classifiers, the value for regressors, and so on"
    )
    converters: DottedByName = Field(
        default={},
        description="converters of your own, in skl2onnx's interface: class name to the module that holds it",
    )


class Optimize(Section):
    """The other forms to try: reduced precisions, and binned, which gives up nothing."""

    precisions: Unique[Precision] = Field(
        default=("fp64", "fp32", "fp16", "int8", "binned"),
        description="variants to make; the most faithful that the operators allow is the baseline and always made; "
        "binned: trees over ranks of thresholds, bit for bit the fp64 form's answers, scored by our own extension",
    )
    on_no_op: Literal["report", "fail"] = Field(
        default="report", description="what to do about a variant in which the precision changed nothing"
    )


class Drift(Section):
    """How much quality a variant may lose on the labelled rows; needs data.label."""

    metric: MetricName = Field(description="quality metric to compare")
    max_drop: NotNegative = Field(
        default=0.001,
        description="loss that is allowed, whichever way the metric points: the upper end of its 95% interval must not "
        "be more",
    )
    undecided: Literal["fail", "report"] = Field(
        default="fail",
        description="what to do where the interval spans the limit, because the rows are too few: of champion too",
    )


_BOTH_NUMBERS: dict[str, JsonValue] = {"min_gain": {"type": "number"}, "max_drop": {"type": "number"}}


class Champion(Section):
    """A bundle in use that the new one has to beat, or may lose little against; needs data.label."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"required": ["min_gain", "max_drop"], "properties": _BOTH_NUMBERS}}
    )

    uri: Uri = Field(description="where that bundle lies: a folder, or registry://NAME/VERSION")
    min_gain: NotNegative | None = Field(
        default=None,
        description="gain in the drift metric that is asked for: the lower end of its 95% interval must not be less; "
        "0 where neither it nor max_drop is given",
    )
    max_drop: NotNegative | None = Field(
        default=None, description="in place of min_gain: loss against the champion that is allowed"
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Champion:
        if self.min_gain is not None and self.max_drop is not None:
            raise PydanticCustomError(TOLD, "holds both min_gain and max_drop: leave one of them out")
        return self

    @property
    def key(self) -> str:
        """Return the key that sets the limit."""
        return "verify.champion.min_gain" if self.max_drop is None else "verify.champion.max_drop"

    @property
    def most_drop(self) -> float:
        """Return the limit as a loss against the champion; a gain is a negative loss."""
        return -(self.min_gain or 0.0) if self.max_drop is None else self.max_drop


class Verify(Section):
    """The gate."""

    parity: Parity = Field(default=Parity(), description="how far the ONNX answers may lie from the native ones")
    drift: Drift | None = Field(default=None, description="how much quality a variant may lose on the labelled rows")
    thresholds: Unique[float] = Field(
        default=(), description="business thresholds; decisions that flip there are counted"
    )
    segment: Text | None = Field(
        default=None,
        description="column, a feature or another one, per whose values drift is also measured: the 20 that most rows "
        "have, and all others together; one whose whole interval lies beyond drift.max_drop fails, one that has too "
        "few rows to decide is only reported",
    )
    champion: Champion | None = Field(default=None, description="a bundle in use that this one has to beat")
    probes: Literal["auto"] = Field(
        default="auto", description="rows made from the model's own structure: boundary, missing, unseen, extreme"
    )
    golden: Literal["made", "data"] = Field(
        default="made", description="rows of the bundle's golden set: made ones, or some of the verification rows"
    )


class Target(Section):
    """A place to run: an execution provider with a number of threads."""

    name: SafeName = Field(
        description="name of the target in tables and in select.target",
    )
    provider: ProviderName = Field(description="execution provider of ONNX Runtime")
    threads: Threads = Field(default=1, description="threads within an operator")
    fallback: Literal["allow", "refuse"] = Field(
        default="allow", description="whether nodes that the provider does not take may run on the CPU"
    )


class Slo(Section):
    """What the service promises."""

    p95_ms: Positive | None = Field(default=None, description="95th percentile of latency, in milliseconds")
    qps: Positive | None = Field(default=None, description="requests per second to plan for")
    utilization: Share = Field(default=0.7, description="share of an instance to plan with")


class Benchmark(Section):
    """What is measured, and where."""

    targets: tuple[Target, ...] = Field(
        default=(Target(name="cpu-1", provider="cpu", threads=1),), min_length=1, description="places to measure on"
    )
    batch_sizes: UniqueSome[Count] = Field(default=(1, 100, 1000), description="rows per call")
    slo: Slo | None = Field(default=None, description="what the service promises")
    tuning: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="whether settings of ONNX Runtime's session are tried, and the fastest that changes no bit of an "
        "answer is served with; of a binned form threads alone; auto: where select.objective is latency or throughput, "
        "for the clock decides there anyway",
    )
    process: Literal["measure", "skip"] = Field(
        default="measure",
        description="whether processes of score.py are started, to measure start, memory and disk; takes some seconds",
    )
    baseline: Uri | None = Field(
        default=None,
        description="a bundle or build that this one may not be slower than: a folder, registry://NAME/VERSION "
        "or a report.json; a bundle's model is timed again beside the new one, a report's figures count on the machine "
        "that they were taken on",
    )
    max_slowdown: NotNegative = Field(
        default=0.1,
        description="time that the selected variant may take beyond the baseline's, as a fraction; beyond it, and "
        "beyond the 95% interval, the build fails",
    )


class Select(Section):
    """Which of the variants that passed goes into the bundle."""

    objective: Literal["fidelity", "latency", "throughput", "size"] = Field(
        default="fidelity", description="fidelity takes the baseline; the others take the best measured variant"
    )
    target: Text | None = Field(
        default=None, description="the target to judge by; default: the first of benchmark.targets"
    )


class BundleSettings(Section):
    """What goes into the bundle beside the model."""

    python: PythonVersion | None = Field(
        default=None,
        description="Python of the serving environment; default: the one that builds",
    )
    request_key: RequestKey = Field(
        default="features",
        description="key of the rows in a request",
    )
    max_batch: Count = Field(default=1000, description="most rows that one request may hold")
    fast_path: Literal["prefer", "require"] = Field(
        default="prefer",
        description="what a bundle of the variant binned does on a machine where that can't serve: prefer serves "
        "model.onnx and says so, require makes the service fail to start",
    )
    log_id: HeaderName | None = Field(
        default=None,
        description="request header that says whose request it is; the log tells a keyed hash of its value, "
        "never the value: HMAC-SHA256 with the key in the service's environment variable SCORE_LOG_ID_KEY (at least 16 "
        "bytes)",
    )
    deploy: Deploy = Field(default=Deploy(), description="the deployment files for Azure ML")


class Publication(Section):
    """A registry to publish to."""

    to: Uri = Field(description="registry://NAME, or registry://NAME/VERSION; default: the recipe's version")


@dataclass(frozen=True)
class Written:
    """The recipe as its author wrote it: `shown` is the file's name as given, `lines` where each dotted key stands."""

    path: Path
    shown: str
    document: Mapping[str, JsonValue]
    digest: str
    lines: Mapping[str, int]


class Recipe(Section):
    """One build: which artifact, how it is verified, measured and bundled, and where the bundle goes."""

    recipe_version: Literal[1] = Field(description="version of this format")
    name: Name = Field(
        description="name of the bundle",
    )
    version: SafeName | None = Field(
        default=None,
        description="version of the bundle; default: the source's version, else the first 12 digits of its sha256",
    )
    source: Source = Field(description="the registered artifact")
    data: Data = Field(default=Data(), description="rows that the model has not seen, to verify with")
    convert: Convert = Field(default=Convert(), description="from the native model to ONNX")
    optimize: Optimize = Field(default=Optimize(), description="the other forms to try")
    verify: Verify = Field(default=Verify(), description="the gate")
    benchmark: Benchmark = Field(default=Benchmark(), description="what is measured, and where")
    select: Select = Field(default=Select(), description="which of the variants that passed goes into the bundle")
    bundle: BundleSettings = Field(default=BundleSettings(), description="what goes into the bundle beside the model")
    publish: tuple[Publication, ...] = Field(default=(), description="registries to publish to")

    _written: Written = PrivateAttr()

    @classmethod
    def read(cls, values: Mapping[str, JsonValue], written: Written) -> Recipe:
        """Return the recipe for plain JSON `values`; pydantic's ValidationError tells every problem at once."""
        recipe = cls.model_validate_json(canonical_json(values))
        recipe._written = written
        return recipe

    @property
    def path(self) -> Path:
        """Return the absolute path of the recipe's file."""
        return self._written.path

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the recipe as written, before variables: the same everywhere, without secrets."""
        return self._written.digest

    @property
    def document(self) -> Mapping[str, JsonValue]:
        """Return the recipe as written, before variables: the only form of it that may enter a report or bundle."""
        return self._written.document

    def where(self, key: str) -> str:
        """Return where `key` (as `benchmark.targets[0].threads`) is set: `FILE:LINE KEY`, or `FILE KEY (default)`."""
        line = self._written.lines.get(key)
        if line is None:
            return f"{self._written.shown} {key} (default)"
        return f"{self._written.shown}:{line} {key}"

    def resolve(self, path: str) -> Path:
        """Return `path`, a glob included, as an absolute path: relative ones start at the recipe's folder."""
        return self.path.parent / path
