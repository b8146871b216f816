"""What a serving process costs is measured of the bundle's own score.py, and what cannot be measured says why."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from packager import serving_process as module
from packager.bundle.installed import environment_bytes
from packager.errors import BenchmarkError
from packager.serving_process import measure_process

from .workspace import Workspace, labelled_rows

MIB = 1 << 20


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = Workspace(tmp_path_factory.mktemp("process"))
    rows = labelled_rows()
    space.save(LogisticRegression().fit(rows.drop(columns="target"), rows.target), rows)
    space.recipe(optimize={"precisions": ["fp64"]}, benchmark={"batch_sizes": [1]}, bundle={"max_batch": 20_000})
    ran = space.package("build", "recipe.yml")
    assert ran.code == 0, ran.err
    return space


@pytest.fixture
def bundle(built: Workspace) -> Path:
    return built.folder / "dist" / "sample-1" / "bundle"


def test_start_memory_and_disk_are_measured(bundle: Path) -> None:
    before = sorted(str(path) for path in bundle.rglob("*"))
    found = measure_process(bundle, runs=2)
    start = found.cold_start_ms
    assert 20 < start.low <= start.median <= start.high
    assert start.runs == 2
    assert found.largest_rows == 20_000
    assert 20 * MIB < found.resident_bytes < found.resident_largest_bytes
    assert found.environment_bytes is not None
    assert found.environment_bytes > 50 * MIB
    assert sorted(str(path) for path in bundle.rglob("*")) == before


def test_a_request_is_never_so_large_that_it_is_what_is_measured(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CELLS", 500)
    assert measure_process(bundle, runs=1).largest_rows == 100


def test_the_build_s_report_shows_it(built: Workspace, bundle: Path) -> None:
    report = json.loads((bundle.parent / "report" / "report.json").read_text())
    assert report["process"]["cold_start_ms"]["runs"] == 6
    assert report["bundle_bytes"] > 1000
    page = (bundle.parent / "report" / "report.md").read_text()
    assert "Serving process" in page
    assert "start to first answer" in page
    assert "resident memory after requests of 20,000 rows" in page


def test_a_script_that_does_not_start_is_told_by_its_own_words(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    script = tmp_path / "bundle" / "code" / "score.py"
    script.write_text("raise RuntimeError('not today')\n")
    with pytest.raises(BenchmarkError, match="does not start: RuntimeError: not today"):
        measure_process(tmp_path / "bundle", runs=1)


def test_a_script_that_refuses_its_own_rows_is_told(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "samples" / "request.json").write_text("{}")
    with pytest.raises(BenchmarkError, match="refuses its own rows") as caught:
        measure_process(tmp_path / "bundle", runs=1)
    assert (caught.value.measured, caught.value.limit) == (400, 200)


def test_a_script_that_hangs_is_stopped(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "code" / "score.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(module, "_TIMEOUT_S", 1.0)
    with pytest.raises(BenchmarkError, match="code -9"):
        measure_process(tmp_path / "bundle", runs=1)


def conda(folder: Path, *pins: str) -> Path:
    listed = "".join(f"  - {pin}\n" for pin in pins)
    (folder / "conda.yml").write_text(f"dependencies:\n- python=3.12\n- pip\n- pip:\n{listed}")
    return folder / "conda.yml"


def test_an_environment_is_its_packages_and_what_they_need(tmp_path: Path) -> None:
    numpy, orjson = metadata.version("numpy"), metadata.version("orjson")
    one, _ = environment_bytes(conda(tmp_path, f"orjson=={orjson}"))
    two, _ = environment_bytes(conda(tmp_path, f"orjson=={orjson}", f"numpy=={numpy}"))
    whole, _ = environment_bytes(
        conda(tmp_path, f"onnxruntime=={metadata.version('onnxruntime')}", f"orjson=={orjson}")
    )
    assert one is not None
    assert two is not None
    assert whole is not None
    on_disk = sum(
        path.stat().st_size for file in metadata.files("orjson") or () if (path := Path(str(file.locate()))).is_file()
    )
    assert one == pytest.approx(on_disk, rel=0.02)
    assert one < two < whole


@pytest.mark.parametrize(
    ("pin", "reason"),
    [
        ("no-such-package==1.0", "no-such-package is not installed here"),
        ("orjson==0.0.1", "orjson==0.0.1 is wanted"),
    ],
)
def test_an_environment_that_is_not_installed_has_a_reason(pin: str, reason: str, tmp_path: Path) -> None:
    size, why = environment_bytes(conda(tmp_path, pin))
    assert size is None
    assert reason in str(why)
