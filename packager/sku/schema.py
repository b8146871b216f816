"""The JSON Schemas (draft 2020-12) of what `package benchmark` and `package report` write, made from their models.

`python -m packager.sku.schema benchmark` prints what docs/benchmark.schema.json holds, `... sku` docs/sku.schema.json.
"""

from __future__ import annotations

import sys
from typing import cast

from pydantic import BaseModel

from packager.benchmark_result import BenchmarkResult
from packager.files import pretty_json
from packager.recipe.schema import DIALECT, Schema, without_titles
from packager.sku.model import SkuReport

_PUBLISHED: dict[str, tuple[type[BaseModel], str]] = {
    "benchmark": (BenchmarkResult, "result of package benchmark, version 1"),
    "sku": (SkuReport, "report of package report, version 1"),
}


def schema_text(name: str) -> str:
    """Return one of the schemas as its file in docs/ holds it."""
    model, title = _PUBLISHED[name]
    made = cast(Schema, model.model_json_schema(mode="serialization"))
    made.pop("title")
    body = {key: without_titles(value) for key, value in made.items()}
    return pretty_json({"$schema": DIALECT, "title": title, **body})


if __name__ == "__main__":
    sys.stdout.write(schema_text(sys.argv[1]))
