"""The container: its header, its graphs, and that it is the same for the same model."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from sklearn.linear_model import LogisticRegression

from packager.binned.model_file import NotApplicable, pack_model
from tests.binned.models import model_of
from tests.convert.cases import codes, numbers
from tests.convert.pairs import pair


def test_a_model_is_written_with_the_same_bytes_every_time(tmp_path: Path) -> None:
    model = model_of("voting")
    source = tmp_path / "fp64.onnx"
    onnx.save(model.view.model, str(source))
    written = []
    for name in ("first.binned", "second.binned"):
        pack_model(source, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written == [model.data] * 2


def test_the_header_tells_what_a_scorer_needs() -> None:
    header = model_of("forest, text labels").header
    ensemble = header["ensembles"][0]
    assert header == {
        "format": 1,
        "inputs": ["features"],
        "before": None,
        "ensembles": [
            {"offset": ensemble["offset"], "size": ensemble["size"], "reads": "features", "gives": "reducesum_7"}
        ],
        "after": None,
        "outputs": [
            {"name": "label", "from": "label", "shape": [], "classes": ["no", "yes"], "dtype": "string"},
            {"name": "probabilities", "from": "values", "shape": [2], "classes": None, "dtype": "float64"},
        ],
    }


@pytest.mark.parametrize("name", ["voting", "one-hot, forest", "lightgbm regression, reg_sqrt=True", "tree, one leaf"])
def test_parts_lie_at_multiples_of_eight_and_fill_the_file(name: str) -> None:
    model = model_of(name)
    header = model.header
    parts = [*header["ensembles"], *(header[place] for place in ("before", "after") if header[place])]
    assert all(part["offset"] % 8 == 0 for part in parts)
    ends = [part["offset"] + part["size"] for part in parts]
    starts = [part["offset"] for part in parts[1:]]
    assert all(0 <= start - end < 8 for start, end in zip(starts, ends, strict=False))
    assert ends[-1] == len(model.data)
    assert int.from_bytes(model.data[8:12], "little") + 16 == parts[0]["offset"]


def test_graphs_before_and_after_are_valid_and_say_what_they_read() -> None:
    for name in ("voting", "one-hot, forest", "calibrated", "embedded by trees", "stacked"):
        model = model_of(name)
        for place in ("before", "after"):
            if entry := model.header[place]:
                part = onnx.load_from_string(model.data[entry["offset"] : entry["offset"] + entry["size"]])
                onnx.checker.check_model(part, full_check=True)
                told = entry["gives"] if place == "before" else entry["reads"]
                values = part.graph.output if place == "before" else part.graph.input
                assert [value.name for value in values] == told


def test_a_model_without_trees_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    both = pair(LogisticRegression(max_iter=1000).fit(numbers(), codes(numbers(), 2)), tmp_path)
    with pytest.raises(NotApplicable, match="the model has no trees"):
        pack_model(both.path, tmp_path / "model.binned")
    assert not (tmp_path / "model.binned").exists()


def test_labels_of_any_language_are_told() -> None:
    header = model_of("lightgbm classes U, missing").header
    assert header["outputs"][0]["classes"] == ["b", "c", "ä"]
