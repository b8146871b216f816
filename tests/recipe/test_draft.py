"""The first recipe for an artifact: whatever names it is made of, it loads, and holds those very names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.recipe.draft import Draft, Rows, render_draft
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe

# What a recipe refuses in any text is no name that it could hold.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), min_size=1, max_size=20)
BASE = Draft("fraud", "model.joblib", "0" * 64, ("A model.",))


def loaded(draft: Draft, folder: Path) -> Recipe:
    path = folder / "recipe.yml"
    path.write_text(render_draft(draft), encoding="utf-8")
    return load_recipe(path, environ={})


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_names_come_back_as_they_are(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    names = data.draw(st.lists(TEXT, min_size=2, max_size=5, unique=True))
    rows = Rows(data.draw(TEXT), tuple(names), (names[0],))
    draft = Draft("fraud", "model.joblib", None, (data.draw(TEXT),), (), tuple(names[1:]), rows, False, "roc_auc", True)
    recipe = loaded(draft, tmp_path_factory.mktemp("draft"))
    assert recipe.data.label == names[0]
    assert recipe.data.features == tuple(names[1:])
    assert recipe.data.verification == rows.uri
    assert recipe.verify.drift is not None


@pytest.mark.parametrize(
    "name",
    [
        "no",
        "1.0",
        "1e5",
        "0o17",
        "1_0",
        ".5",
        "2026-01-01",
        "a:",
        "../../m.joblib",
        "null",
        "a: b",
        "- x",
        "#",
        "x #y",
        "${HOME}",
        "$${",
        '"',
        "'",
        "[",
        "é,",
    ],
)
def test_names_that_yaml_reads_otherwise(name: str, tmp_path: Path) -> None:
    rows = Rows("rows.csv", (name, "target"), ("target",))
    recipe = loaded(Draft("fraud", name, None, (), (), (name,), rows), tmp_path)
    assert recipe.data.features == (name,)
    assert recipe.source.uri == name


@pytest.mark.parametrize(
    ("others", "label"),
    [
        (("outcome_30d",), "outcome_30d"),
        (("id", "Target", "when"), "Target"),
        (("id", "when"), None),
        ((), None),
    ],
)
def test_the_label_is_the_one_that_is_left_or_usual(others: tuple[str, ...], label: str | None) -> None:
    assert Rows("rows.csv", ("a", *others), others).label == label


def test_columns_that_may_be_the_label_are_told(tmp_path: Path) -> None:
    draft = Draft("fraud", "m", None, (), rows=Rows("rows.csv", ("a", "id", "when"), ("id", "when")))
    assert "# label: which of these holds the true label: id, when" in render_draft(draft)
    assert loaded(draft, tmp_path).data.label is None


def test_what_is_commented_out_loads_when_the_signs_are_taken_away(tmp_path: Path) -> None:
    text = render_draft(BASE)
    keys = ("# data:", "# verify:", "# optimize:", "# benchmark:", "# select:", "# bundle:", "# publish:", "#   ")
    lines = [line[2:] if line.startswith(keys) else line for line in text.splitlines()]
    path = tmp_path / "recipe.yml"
    path.write_text("\n".join(lines), encoding="utf-8")
    recipe = load_recipe(path, environ={})
    assert recipe.data.label == "target"
    assert recipe.bundle.deploy.endpoint == "fraud-endpoint"
    assert len(recipe.publish) == 1


def test_long_names_make_no_endpoint_that_is_refused(tmp_path: Path) -> None:
    for name in ("9" * 64, "a-" * 32, "x" * 22 + "-y"):
        text = render_draft(Draft(name, "m", None, ()))
        endpoint = text.partition("endpoint: ")[2].partition(",")[0]
        assert 3 <= len(endpoint) <= 32
        assert endpoint[0].isalpha()
        assert endpoint[-1] != "-"


def test_a_label_chosen_by_its_name_says_what_else_there_is() -> None:
    rows = Rows("rows.csv", ("a", "y 1", "target", "id"), ("y 1", "target", "id"))
    text = render_draft(Draft("fraud", "m", None, (), rows=rows))
    assert "label: target  # by its name; neither feature nor label: y 1, id" in text
