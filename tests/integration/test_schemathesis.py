"""The running server does what openapi.json says: schemathesis, which knows nothing of us, finds nothing to say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packager.bundle.serve import Served, served
from tests.bundle import binned, models

KINDS = ("classifier", "text", "strict", "truths", pytest.param("binned", marks=binned.needs_library))
# A refusal of too many rows is 413, which schemathesis does not count among the refusals by itself.
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 413, 431]
"""
OPTIONS = (
    *("--checks", "all", "--max-examples", "20", "--seed", "1"),
    *("--generation-database", "none", "--continue-on-failure", "--no-color", "--request-timeout", "20"),
    # The platform's front asks for a key, the server alone does not; its 405 of methods that it has no route for names
    # no others.
    *("--exclude-checks", "ignored_auth,unsupported_method"),
)
Document = dict[str, Any]


def bundle_of(kind: str, folder: Path) -> Path:
    if kind == "binned":
        return models.bundled(binned.plan(folder, max_batch=8), folder / "bundle")
    return models.bundled(models.with_settings(models.KINDS[kind](folder), max_batch=8), folder / "bundle")


def tried(server: Served, document: Document, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Return what schemathesis says of a server that is to do what `document` says."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(CONFIG)
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "run", "openapi.json", "--url", server.url, *OPTIONS, *options]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.integration.schemathesis_hooks"}
    environment = {**os.environ, **hooks, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found(kind: str, tmp_path: Path) -> None:
    bundle = bundle_of(kind, tmp_path)
    with served(bundle) as server:
        document = json.loads((bundle / "openapi.json").read_bytes())
        found = tried(server, document, tmp_path, "--phases", "examples,coverage,fuzzing")
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-1000:]
    for phase in ("Examples", "Coverage", "Fuzzing"):
        assert f"✅ {phase}" in found.stdout


@pytest.fixture(scope="module")
def text_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_of("text", tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def text_server(text_bundle: Path) -> Iterator[Served]:
    with served(text_bundle) as server:
        yield server


def widen_a_limit(document: Document) -> None:
    schemas = document["components"]["schemas"]
    for cell in (*schemas["RowArray"]["prefixItems"], *schemas["RowObject"]["properties"].values()):
        if cell.get("maximum") == 1e6:
            cell["maximum"] = 2e6


def let_answers_be_text(document: Document) -> None:
    document["components"]["schemas"]["Response"]["properties"]["prediction"]["items"] = {"type": "string"}


def forget_refusals(document: Document) -> None:
    del document["paths"]["/score"]["post"]["responses"]["400"]


FAULTS: tuple[tuple[Callable[[Document], None], str], ...] = (
    (widen_a_limit, "Schema-valid request rejected"),
    (let_answers_be_text, "Response violates schema"),
    (forget_refusals, "Undocumented status code"),
)


@pytest.mark.parametrize(("plant", "told"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
def test_a_fault_in_the_description_is_found(
    plant: Callable[[Document], None], told: str, text_bundle: Path, text_server: Served, tmp_path: Path
) -> None:
    document = json.loads((text_bundle / "openapi.json").read_bytes())
    plant(document)
    found = tried(text_server, document, tmp_path, "--phases", "coverage", "--no-shrink")
    assert found.returncode == 1
    assert told.lower() in found.stdout.lower(), found.stdout[-3000:]
