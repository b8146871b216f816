"""docs/recipe.md, made from the schema: what every key takes, its default, its meaning, and one complete recipe.

`python -m packager.recipe.reference` prints it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import cast

from pydantic import JsonValue

from packager.recipe.expected import expected
from packager.recipe.metrics import METRICS
from packager.recipe.providers import PROVIDERS
from packager.recipe.schema import Schema, resolved, schema
from packager.recipe.schemes import PATH, SCHEMES

INTRODUCTION = """\
# Recipe reference

<!-- Made by `python -m packager.recipe.reference`; edit packager/recipe/, not this file. -->

A recipe is a YAML file that says which registered artifact to package, how close the result has to be, where it is
measured and where it goes. `package check RECIPE` tells every mistake in it at once; `package schema` prints its JSON
Schema, which editors understand when the first line says so, as below.

- Only `recipe_version`, `name` and `source.uri` are required. An unknown key is a mistake.
- Paths are relative to the recipe.
- `${NAME}` inside text is replaced by the environment variable `NAME`; an unset one is a mistake. `$${` stays `${`.
  The recipe's digest, and whatever is written into bundles and reports, use the text before the replacement.
- Scalars follow YAML 1.2: `1e-6` is a number, `no` is text. Text that looks like a number needs quotes: `"3"`.
"""

EXAMPLE = """\
# yaml-language-server: $schema=recipe.schema.json
recipe_version: 1
name: fraud
version: "3"
source:
  uri: registry://fraud/3
data:
  verification: data/fraud.parquet
  label: is_fraud
optimize:
  precisions: [fp64, fp32, fp16, int8, binned]
verify:
  parity:
    atol: 1.0e-6
    rtol: 1.0e-5
    label_mismatch: 0
    int8: {atol: 5.0e-2, rtol: 1.0e-1, label_mismatch: 0.01}
  drift: {metric: roc_auc, max_drop: 0.001}
benchmark:
  targets:
    - {name: cpu-1, provider: cpu, threads: 1}
    - {name: cpu-2, provider: cpu, threads: 2}
  batch_sizes: [1, 100, 1000]
select:
  objective: latency
  target: cpu-1
bundle:
  python: "3.12"
  max_batch: 1000
  deploy: {endpoint: fraud-endpoint, deployment: blue, instance_type: Standard_DS3_v2, instance_count: 2}
publish:
  - to: registry://fraud-onnx
"""


def reference() -> str:
    """Return the whole page as Markdown."""
    root = schema()
    sections = cast(dict[str, Schema], root["properties"])
    plain = {name: part for name, part in sections.items() if not _is_section(part, root)}
    page = [INTRODUCTION, f"## A complete recipe\n\n```yaml\n{EXAMPLE}```\n", "## Top level\n"]
    page.append(_table({"properties": dict(plain), "required": root["required"]}, root))
    for name, part in sections.items():
        if name not in plain:
            page += [f"## `{name}`\n\n{_sentence(str(part['description']))}\n", _table(resolved(part, root), root)]
    return "\n".join([*page, _metrics(), _providers(), _schemes()])


def _is_section(part: Schema, root: Schema) -> bool:
    return "properties" in resolved(part, root)


def _table(section: Schema, root: Schema) -> str:
    lines = ["| key | takes | default | meaning |", "|---|---|---|---|", *_rows(section, "", root)]
    return "\n".join(lines) + "\n"


def _rows(section: Schema, prefix: str, root: Schema) -> Iterator[str]:
    required = cast(list[str], section.get("required", []))
    for name, written in cast(dict[str, Schema], section["properties"]).items():
        part = resolved(written, root)
        if "properties" in part:
            yield from _rows(part, f"{prefix}{name}.", root)
            continue
        default = "required" if name in required else _default(part.get("default"))
        cells = (f"`{prefix}{name}`", expected(part, root), default, str(part["description"]))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        items = resolved(cast(Schema, part.get("items", {})), root)
        if "properties" in items:
            yield from _rows(items, f"{prefix}{name}[].", root)


def _default(value: JsonValue) -> str:
    return "–" if value in (None, [], {}) else f"`{json.dumps(value, ensure_ascii=False)}`"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


QUALITY = """\
Values are those of the function of `sklearn.metrics`: of two classes for the second one, of several the plain mean of
each class against the rest (`brier`: the squared distance, summed over classes). A regressor's value is the score of
label 1 where labels are 0 and 1: so is a raw LightGBM Booster's. `ndcg` takes the whole file as one list.

A drop is a loss of quality, whichever way the metric points. It comes with a 95% interval over the rows, of which both
models answer the same: for metrics of labels and of losses the percentiles of 2,000 bootstrap resamples (of rows; of
losses of more than 5,000 rows, of 5,000 random groups of them); for `roc_auc` and `average_precision` of over 2,000
rows, and `ndcg`, DeLong's variance or the infinitesimal jackknife. Identical answers have the interval [0, 0].

The interval decides. Its upper end within the limit passes; its lower end beyond the limit fails; else the rows are not
enough to decide at this limit, which fails too unless `verify.drift.undecided` is `report`. A champion is judged by the
same rule. Intervals of the values of `verify.segment` are wider, so that all of a variant hold together with 95%; a
value whose rows do not decide is reported, and does not fail.
"""


def _metrics() -> str:
    lines = ["## Metrics\n", "| metric | better | reads | for | as sklearn.metrics |", "|---|---|---|---|---|"]
    for metric in METRICS.values():
        better = "higher" if metric.greater_is_better else "lower"
        tasks = ", ".join(metric.tasks)
        lines.append(f"| `{metric.name}` | {better} | {metric.needs} | {tasks} | `{metric.definition}` |")
    return "\n".join([*lines, "", QUALITY])


def _providers() -> str:
    lines = ["## Providers\n", "| provider | in ONNX Runtime | package |", "|---|---|---|"]
    for provider in PROVIDERS.values():
        package = provider.requirement or provider.package
        package = f"`{package}`" if package else "a build of your own"
        lines.append(f"| `{provider.name}` | `{provider.onnxruntime_name}` | {package} |")
    return "\n".join(lines) + "\n"


def _schemes() -> str:
    lines = ["## URIs\n", "| written as | in this version |", "|---|---|"]
    for scheme in SCHEMES.values():
        form = scheme.form if scheme.name == PATH else f"`{scheme.form}`"
        lines.append(f"| {form} | {'yes' if scheme.available else 'known, not available yet'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
