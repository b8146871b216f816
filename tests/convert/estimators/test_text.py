"""Vectorizers find in the graph what they find in Python, on any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from packager.convert.text.strings import ROW_END
from packager.errors import ConvertError
from packager.runtime.session import RunFailed

from ..pairs import pair
from ..text.odd_texts import odd_texts, text_rows

TRAIN, TEST = odd_texts(300, seed=3), odd_texts(300, seed=4)
LABELS = np.array(["odd" if len(text) % 2 else "even" for text in TRAIN])
FEW: dict[str, Any] = {"max_features": 300}

MODELS: dict[str, Any] = {
    "words": CountVectorizer(),
    "weighted": TfidfVectorizer(sublinear_tf=True),
    "single letters": CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 3), **FEW),
    "pairs": TfidfVectorizer(ngram_range=(2, 2), norm="l1", **FEW),
    "tokens with blanks": CountVectorizer(token_pattern=r"[a-z ]{3}", ngram_range=(1, 2), **FEW),
    "pattern within words": CountVectorizer(token_pattern=r"\b[a-z]+\b", ngram_range=(1, 2), **FEW),
    "case": CountVectorizer(lowercase=False, binary=True),
    "accents, unicode": TfidfVectorizer(strip_accents="unicode", smooth_idf=False),
    "accents, ascii": TfidfVectorizer(strip_accents="ascii", use_idf=False, norm=None),
    "stop words": CountVectorizer(stop_words="english"),
    "stop words, pairs": CountVectorizer(stop_words=["good", "x", "école"], ngram_range=(1, 2), **FEW),
    "characters": CountVectorizer(analyzer="char", ngram_range=(1, 3), **FEW),
    "characters of words": CountVectorizer(analyzer="char_wb", ngram_range=(1, 4), **FEW),
    "characters of short words": CountVectorizer(analyzer="char_wb", ngram_range=(5, 6), **FEW),
    "vocabulary": TfidfVectorizer(vocabulary={"good": 1, "not good": 0, "x": 2}, ngram_range=(1, 2)),
    "float32": TfidfVectorizer(dtype=np.float32),
    "hashed": HashingVectorizer(n_features=100, ngram_range=(1, 2)),
    "hashed characters": HashingVectorizer(n_features=77, analyzer="char_wb", ngram_range=(2, 4), norm="l1"),
    "hashed, binary": HashingVectorizer(n_features=8, binary=True, alternate_sign=False, norm=None),
    "weighted later": make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    "scaled between": make_pipeline(CountVectorizer(), MaxAbsScaler(), TfidfTransformer(norm="l1")),
    "union": FeatureUnion([("words", TfidfVectorizer()), ("parts", CountVectorizer(analyzer="char_wb"))]),
}


@pytest.mark.parametrize("name", MODELS)
def test_texts_become_the_same_numbers(name: str, tmp_path: Path) -> None:
    model = MODELS[name].fit(TRAIN)
    expected = model.transform(TEST).toarray()
    assert (expected != 0).any(axis=1).sum() > 5
    made = pair(model, tmp_path)
    found = made.session.answers(text_rows(TEST))["variable"]
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer()], ids=["counted", "hashed"])
@pytest.mark.parametrize("classifier", [LogisticRegression(), SGDClassifier(random_state=0)], ids=["scores", "signs"])
def test_a_linear_model_reads_only_what_is_there(vectorizer: Any, classifier: Any, tmp_path: Path) -> None:
    made = pair(make_pipeline(vectorizer, classifier).fit(TRAIN, LABELS), tmp_path)
    assert not made.differences(text_rows(TEST), 1e-13)


def test_a_text_that_pretends_to_be_two_fails(tmp_path: Path) -> None:
    made = pair(make_pipeline(CountVectorizer(), LogisticRegression()).fit(TRAIN, LABELS), tmp_path)
    with pytest.raises(RunFailed):
        made.session.answers(text_rows([f"good {ROW_END} bad", "good"]))


def test_a_matrix_that_no_service_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match=r"more than 262,144 columns .*n_features=2\*\*16"):
        pair(HashingVectorizer().fit(TRAIN), tmp_path)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "tokenizer is a function of its own"),
        (CountVectorizer(preprocessor=str.strip), "preprocessor is a function of its own"),
        (CountVectorizer(analyzer=str.split), "analyzer is a function of its own"),
        (CountVectorizer(strip_accents=str.strip), "strip_accents is a function of its own"),
        (CountVectorizer(dtype=np.int8), "dtype=int8"),
        (CountVectorizer(token_pattern=r"\b\w[\w']+\b"), "token_pattern"),
    ],
)
def test_what_only_python_can_do_is_refused_by_name(model: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="no exact conversion: CountVectorizer: ") as refused:
        pair(model.fit(TRAIN), tmp_path)
    assert reason in refused.value.message


def test_made_rows_show_a_form_that_does_not_lower_case(tmp_path: Path) -> None:
    model = CountVectorizer().fit(TRAIN)
    made = pair(model, tmp_path)
    probes = made.probes().rows
    assert not made.differences(probes)
    model.lowercase = False
    assert made.differences(probes)
