"""Text columns, records, and tables whose columns are prepared in different ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it makes the imputer below importable
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from ..convert.text.odd_texts import odd_texts
from .case import PREPARATION, Case, Fitted
from .data import (
    ROWS,
    as_sparse,
    classes,
    counts,
    documents,
    fit,
    frame,
    plain,
    records,
    unlike,
    value,
)

SEED: dict[str, Any] = {"random_state": 5}


def _odd_texts(seed: int) -> Any:
    return np.array(odd_texts(ROWS, seed=seed), dtype=object)


def _text_and_numbers(seed: int) -> Any:
    table = frame()(seed)[["share", "amount"]]
    return table.assign(note=documents(seed))


def _mixed(*, numbers: Any, texts: Any, rest: str = "drop") -> ColumnTransformer:
    return ColumnTransformer(
        [("numbers", numbers, ["share", "amount"]), ("texts", texts, ["city", "kind"])], remainder=rest
    )


_TEXT: dict[str, Callable[[], Fitted]] = {
    "words, counted": fit(make_pipeline(CountVectorizer(), LogisticRegression()), documents, classes(2)),
    "words, binary": fit(CountVectorizer(binary=True), documents),
    "words, pairs": fit(CountVectorizer(ngram_range=(1, 2)), documents),
    "words, one letter": fit(CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2)), documents),
    "words, case kept": fit(CountVectorizer(lowercase=False), documents),
    "words, no accents": fit(CountVectorizer(strip_accents="unicode"), documents),
    "words, stop words": fit(CountVectorizer(stop_words="english", max_features=12), documents),
    "letters": fit(CountVectorizer(analyzer="char", ngram_range=(2, 3), max_features=40), documents),
    "letters in words": fit(CountVectorizer(analyzer="char_wb", ngram_range=(2, 3), max_features=40), documents),
    "tf-idf before Bayes": fit(make_pipeline(TfidfVectorizer(), MultinomialNB()), documents, classes(3)),
    "tf-idf, sublinear": fit(TfidfVectorizer(sublinear_tf=True), documents),
    "tf-idf, sum norm": fit(TfidfVectorizer(norm="l1", smooth_idf=False), documents),
    "tf-idf, no norm": fit(TfidfVectorizer(norm=None, use_idf=False), documents),
    "tf-idf of counts": fit(TfidfTransformer(sublinear_tf=True), as_sparse(counts())),
    "hashed words": fit(make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()), documents, classes(2)),
    "text column beside numbers": fit(
        make_pipeline(
            ColumnTransformer(
                [("text", TfidfVectorizer(), "note"), ("numbers", StandardScaler(), ["share", "amount"])]
            ),
            LogisticRegression(),
        ),
        _text_and_numbers,
        classes(2),
    ),
    "text column before a forest": fit(
        make_pipeline(
            ColumnTransformer([("text", CountVectorizer(), "note")], remainder="passthrough"),
            RandomForestClassifier(8, max_depth=5, **SEED),
        ),
        _text_and_numbers,
        classes(2),
    ),
    "odd words, pairs": fit(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=200), _odd_texts),
    "odd words, stop words": fit(CountVectorizer(stop_words="english", ngram_range=(1, 2)), _odd_texts),
    "odd words, plain letters": fit(TfidfVectorizer(strip_accents="ascii"), _odd_texts),
    "odd words, no accents, letters": fit(
        CountVectorizer(strip_accents="unicode", analyzer="char_wb", ngram_range=(1, 4), max_features=200), _odd_texts
    ),
    "odd words, hashed": fit(HashingVectorizer(n_features=128, ngram_range=(1, 2)), _odd_texts),
    "odd words and letters": fit(
        make_pipeline(
            make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3))), LogisticRegression()
        ),
        _odd_texts,
        classes(3),
    ),
    "odd words, searched": fit(
        GridSearchCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), {"tfidfvectorizer__min_df": [1, 2]}, cv=2),
        _odd_texts,
        classes(2),
    ),
    "odd words, a million columns": fit(
        make_pipeline(HashingVectorizer(), LogisticRegression()), _odd_texts, classes(2)
    ),
    "records before ridge": fit(make_pipeline(DictVectorizer(), Ridge()), records, lambda rows: np.arange(ROWS) % 7.0),
}

_MIXED: dict[str, Callable[[], Fitted]] = {
    "mixed table, texts left out": fit(
        make_pipeline(ColumnTransformer([("numbers", StandardScaler(), ["amount", "share"])]), LogisticRegression()),
        frame(),
        classes(2),
    ),
    "mixed table, left out within": fit(
        make_pipeline(
            "passthrough",
            ColumnTransformer(
                [("in", ColumnTransformer([("n", StandardScaler(), ["amount"])]), ["city", "amount"])],
                remainder="drop",
            ),
            LogisticRegression(),
        ),
        frame(),
        classes(2),
    ),
    "mixed table, some texts left out": fit(
        make_pipeline(
            ColumnTransformer([("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"])]), LogisticRegression()
        ),
        frame(missing=0.1),
        classes(2),
    ),
    "mixed table, logistic": fit(
        make_pipeline(
            _mixed(numbers=StandardScaler(), texts=OneHotEncoder(handle_unknown="ignore")), LogisticRegression()
        ),
        frame(),
        classes(names=["no", "yes"]),
    ),
    "mixed table, filled": fit(
        make_pipeline(
            _mixed(
                numbers=make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                texts=make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="?"),
                    OneHotEncoder(handle_unknown="ignore"),
                ),
            ),
            LogisticRegression(),
        ),
        frame(missing=True),
        classes(2),
    ),
    "mixed table, missing text before hist": fit(
        make_pipeline(
            _mixed(
                numbers=SimpleImputer(add_indicator=True),
                texts=make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                ),
            ),
            HistGradientBoostingClassifier(max_iter=10, **SEED),
        ),
        frame(missing=True),
        classes(2),
    ),
    "mixed table, the rest passed on": fit(
        make_pipeline(_mixed(numbers=RobustScaler(), texts=OrdinalEncoder(), rest="passthrough"), Ridge()),
        frame(),
        value(),
    ),
    "mixed table, by type": fit(
        make_pipeline(
            ColumnTransformer(
                [
                    ("numbers", StandardScaler(), make_column_selector(dtype_include="number")),
                    ("texts", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
                ]
            ),
            LogisticRegression(),
        ),
        frame(),
        classes(2),
    ),
    "mixed table, nested": fit(
        make_pipeline(
            ColumnTransformer(
                [
                    (
                        "inner",
                        _mixed(numbers=StandardScaler(), texts=OneHotEncoder()),
                        ["share", "amount", "city", "kind"],
                    )
                ],
                remainder="drop",
            ),
            LogisticRegression(),
        ),
        frame(),
        classes(2),
    ),
    "columns by position": fit(
        make_pipeline(
            ColumnTransformer([("a", StandardScaler(), [3, 0]), ("b", MinMaxScaler(), [1])], remainder="passthrough"),
            Ridge(),
        ),
        unlike(),
        value(),
    ),
    "columns by slice, dropped and passed": fit(
        ColumnTransformer([("a", PowerTransformer(), slice(0, 2)), ("b", "drop", [2]), ("c", "passthrough", [3])]),
        plain(),
    ),
    "pandas output": fit(make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas"), frame(text=False)),
    "target encoder in a table": fit(
        make_pipeline(_mixed(numbers=StandardScaler(), texts=TargetEncoder(**SEED)), LogisticRegression()),
        frame(),
        classes(2),
    ),
}

CASES = tuple(
    Case(name, "configuration", PREPARATION, make) for table in (_TEXT, _MIXED) for name, make in table.items()
)
