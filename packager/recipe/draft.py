"""A first recipe for an artifact, as a commented text: what is known is filled in, what is not is commented out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import yaml

from packager.recipe.model import RECIPE_VERSION
from packager.wording import printable

# A label's usual names, where rows hold more than the features and the label.
_USUAL_LABELS = ("target", "label", "y", "class", "outcome")
# More are told as a number: a comment is read, not searched.
_SHOWN = 6
_WIDTH = 110
_ONE_LINE = float("inf")
# What YAML of any version reads as text without quotes, if it is none of its words.
_PLAIN = re.compile(r"(\.{0,2}/|[a-z]+://)?[A-Za-z_][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Rows:
    """A file of rows: `uri` as the recipe names it, its columns, and those that are no feature."""

    uri: str
    columns: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def label(self) -> str | None:
        """Return the column that must be the label, or the one that is usually called so; None where it may be any."""
        if len(self.others) == 1:
            return self.others[0]
        return next((name for name in self.others if name.lower() in _USUAL_LABELS), None)


@dataclass(frozen=True)
class Draft:
    """What is known of an artifact. `about` are sentences for the head; `metric` measures a model of its task."""

    name: str
    uri: str
    sha256: str | None
    about: tuple[str, ...]
    trust: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    rows: Rows | None = None
    rows_are_registered: bool = False
    metric: str | None = None
    thresholds: bool = False


def render_draft(draft: Draft) -> str:
    """Return the recipe's text; the same facts give the same text, and it loads as it stands."""
    parts = (_head(draft), _source(draft), _data(draft), _verify(draft), _rest(draft))
    return "\n".join(line for part in parts for line in part) + "\n"


def scalar(value: str) -> str:
    """Return a text as a YAML scalar on one line that reads back the same, between [ ] too; a `${` stays one."""
    if _PLAIN.fullmatch(value) and yaml.safe_dump(value, width=_ONE_LINE).splitlines()[0] == value:
        return value
    quoted = yaml.safe_dump(value.replace("${", "$${"), default_style='"', width=_ONE_LINE, allow_unicode=True)
    return quoted.removesuffix("\n")


def _head(draft: Draft) -> Iterator[str]:
    for sentence in draft.about:
        yield from wrap(printable(sentence), _WIDTH, initial_indent="# ", subsequent_indent="# ")
    yield "# Keys that are not here have defaults: docs/recipe.md tells all, `package schema` feeds an editor."
    yield f"recipe_version: {RECIPE_VERSION}"
    yield f"name: {scalar(draft.name)}"
    yield '# version: "1"                 # default: the source\'s own, else the first 12 digits of its sha256'


def _source(draft: Draft) -> Iterator[str]:
    yield "source:"
    yield f"  uri: {scalar(draft.uri)}"
    if draft.sha256 is not None:
        yield f'  sha256: "{draft.sha256}"  # other bytes stop the build'
    if draft.trust:
        yield f"  trust: {_listed(draft.trust)}"


def _data(draft: Draft) -> Iterator[str]:
    rows = draft.rows
    label = None if rows is None else rows.label
    settled = rows is not None and not draft.rows_are_registered
    if settled or label is not None:
        yield "data:"
    else:
        yield "# Rows that the model has not seen; without them it is verified on rows made from its structure alone."
        yield "# data:"
    if settled and rows is not None:
        yield f"  verification: {scalar(rows.uri)}  # rows that the model has not seen"
    elif not draft.rows_are_registered:
        yield "#   verification: held-out.parquet   # parquet, csv, feather or npz; a glob is allowed"
    if label is not None:
        rest = [name for name in rows.others if name != label] if rows is not None else []
        doubt = f"  # by its name; neither feature nor label: {_told(rest)}" if rest else ""
        yield f"  label: {scalar(label)}{doubt}"
    elif rows is not None and rows.others:
        yield f"  # label: which of these holds the true label: {_told(rows.others)}"
    else:
        yield "#   label: target                    # drift is measured against it"
    if draft.features is not None:
        yield f"  features: {_listed(draft.features)}"


def _verify(draft: Draft) -> Iterator[str]:
    labelled = draft.rows is not None and draft.rows.label is not None
    metric = draft.metric or "rmse"
    off = "" if labelled and draft.metric else "# "
    yield f"{off}verify:"
    yield f"{off}  drift: {{metric: {metric}, max_drop: 0.001}}   # loss that is allowed, in the metric's own unit"
    if draft.thresholds:
        yield "#   thresholds: [0.5, 0.9]           # scores at which your business decides: flips there are counted"


def _rest(draft: Draft) -> Iterator[str]:
    yield "# optimize:"
    yield "#   precisions: [fp64, fp32, fp16, int8, binned]   # the default; the most faithful is always made"
    yield "# benchmark:"
    yield "#   targets: [{name: cpu-1, provider: cpu, threads: 1}]"
    yield "#   slo: {p95_ms: 250, qps: 100}"
    yield "# select:"
    yield "#   objective: fidelity                # fidelity | latency | throughput | size"
    yield "# bundle:"
    yield "#   max_batch: 1000                    # most rows in one request"
    yield f"#   deploy: {{endpoint: {_endpoint(draft.name)}, instance_type: Standard_DS3_v2, instance_count: 1}}"
    yield "# publish:"
    yield f"#   - to: registry://{draft.name}-onnx"


def _told(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(map(scalar, names))}]"


def _endpoint(name: str) -> str:
    """Return an endpoint's name that the platform takes."""
    cut = f"{name if name[0].isalpha() else f'm-{name}'}-endpoint"
    return cut if len(cut) <= 32 else cut[:32].rstrip("-")
