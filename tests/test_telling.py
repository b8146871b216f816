"""The lines of the stages: what a model is called."""

from __future__ import annotations

import pytest

from packager.telling import _kind


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (["LGBMClassifier"], "LGBMClassifier"),
        (["VotingClassifier", "  a: SVC", "  b: SVC"], "VotingClassifier"),
        (["Pipeline", "  t: ColumnTransformer", "    n: PCA", "  x: y: SVC"], "ColumnTransformer > SVC"),
        (["Pipeline", *[f"  {at}: PCA" for at in range(5)]], "PCA > PCA > PCA > PCA > …"),
    ],
)
def test_a_pipeline_is_called_by_its_steps(tree: list[str], told: str) -> None:
    assert _kind(tree) == told
