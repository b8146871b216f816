"""A report is written in four forms, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packager.report.model import BuildReport
from packager.report.write import write_report

from .samples import HOSTILE, all_samples, ok_build

SAMPLES = all_samples()


@pytest.mark.parametrize("name", SAMPLES)
def test_four_files_and_nothing_else(tmp_path: Path, name: str) -> None:
    write_report(SAMPLES[name], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "report.json", "report.md"]
    assert all(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_json_is_the_report_s_document(tmp_path: Path, name: str) -> None:
    write_report(SAMPLES[name], tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read == json.loads(json.dumps(SAMPLES[name].document()))


def test_an_undecodable_file_name_survives_in_the_json(tmp_path: Path) -> None:
    write_report(BuildReport(name=HOSTILE), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["name"] == HOSTILE


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(ok_build(), tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_a_report_that_cannot_be_told_leaves_no_file(tmp_path: Path) -> None:
    report = ok_build()
    report.timings_s = {"source": None}  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        write_report(report, tmp_path)
    assert list(tmp_path.iterdir()) == []
