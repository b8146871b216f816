"""The last mile: a converted model behind its own generated score.py, asked with JSON, against the session itself."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from packager.artifact import Variant
from packager.bundle.graph import read_graph
from packager.bundle.model_info import MODEL_FILE, ModelInfo, describe
from packager.bundle.plan import BundlePlan, Golden, ModelCard
from packager.bundle.render import render_score
from packager.bundle.samples import json_rows
from packager.dataset.rows import Rows
from packager.files import canonical_json
from packager.recipe.model import BundleSettings
from packager.recipe.parity import Tolerance
from packager.runtime.session import Session

_FIELDS = {"label": "prediction", "value": "prediction", "probability": "probability"}


def served_otherwise(session: Session, model: Path, kinds: Sequence[tuple[str, Rows]]) -> str | None:
    """Return in words where score.py answers otherwise than the session, None where it answers bit for bit."""
    kinds = [(kind, kept) for kind, rows in kinds if len(kept := _finite(session, rows))]
    if not kinds:
        return None
    info = _info(session, model, kinds[0][1].take(slice(0, 1)))
    script = _script(info, model)
    for kind, rows in kinds:
        expected = session.answers(rows)
        body = json.dumps({info.request_key: json_rows(rows, info.signature)})
        answer = script.run(body)
        if answer.status_code != 200:
            return f"score.py answers {answer.status_code} to {kind} rows: {answer.get_data().decode()[:160]}"
        found = json.loads(answer.get_data())
        if problem := _difference(session, expected, found):
            return f"score.py on {kind} rows: {problem}"
    return None


def _finite(session: Session, rows: Rows) -> Rows:
    """Return the rows whose answers JSON carries."""
    finite = np.ones(len(rows), dtype=bool)
    for values in session.answers(rows).values():
        if values.dtype.kind == "f":
            finite &= np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    return rows.take(finite)


def _difference(session: Session, expected: dict[str, Any], found: dict[str, Any]) -> str | None:
    fields: dict[str, list[Any]] = {}
    for output in session.signature.outputs:
        values = expected[output.name]
        numbers = values.astype(np.float64) if values.dtype == np.float32 else values
        fields.setdefault(_FIELDS[output.role], []).append(numbers.tolist())
    wanted = {name: lists[0] if len(lists) == 1 else lists for name, lists in fields.items()}
    if wanted.keys() != found.keys():
        return f"fields {sorted(found)}, expected {sorted(wanted)}"
    return next((f"{name} differs" for name in wanted if wanted[name] != found[name]), None)


def _info(session: Session, model: Path, first: Rows) -> ModelInfo:
    data = model.read_bytes()
    golden = Golden(first, session.answers(first))
    tolerance = Tolerance(atol=0, rtol=0, label_mismatch=0)
    variant = Variant("fp64", "fp64", "ok", path=model)
    plan = BundlePlan(
        "case", "1", variant, session.signature, tolerance, BundleSettings(), None, golden, {}, "", ModelCard("", ())
    )
    return describe(plan, read_graph(session), size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _script(info: ModelInfo, model: Path) -> ModuleType:
    """Return the model's score.py after its init(), in a folder as a bundle has it."""
    code, mount = model.parent / "code", model.parent / "model"
    code.mkdir()
    mount.mkdir()
    (mount / MODEL_FILE).hardlink_to(model)
    facts = canonical_json(info.document())
    (code / "model_info.json").write_bytes(facts)
    (code / "score.py").write_text(render_score(info, info_sha256=hashlib.sha256(facts).hexdigest()), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("entry_module", code / "score.py")
    if spec is None or spec.loader is None:
        raise ImportError("score.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    os.environ["AZUREML_MODEL_DIR"] = str(mount)
    script.init()
    return script
