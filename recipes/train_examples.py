"""Train the five example models, keep rows that they have not seen, and register both.

Four are trained on real data that scikit-learn brings along. No free card-fraud data can be bundled, so the fifth is
trained on made transactions: a generator with a fixed seed.

usage: python recipes/train_examples.py        (registers into $PACKAGE_REGISTRY, else ./registry)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn import datasets
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

SEED = 7
FRAUD_ROWS = 60_000


def cancer_logreg() -> tuple[object, pd.DataFrame]:
    """Breast cancer Wisconsin: 569 rows, 30 measurements, malignant or benign."""
    seen, held_out = _split("load_breast_cancer", stratify=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(seen.drop(columns="target"), seen["target"]), held_out


def digits_forest() -> tuple[object, pd.DataFrame]:
    """Handwritten digits: 1,797 images of 8 x 8 grey values, ten classes."""
    seen, held_out = _split("load_digits", stratify=True)
    model = RandomForestClassifier(n_estimators=200, random_state=SEED, n_jobs=-1)
    return model.fit(seen.drop(columns="target"), seen["target"]), held_out


def diabetes_boosting() -> tuple[object, pd.DataFrame]:
    """Diabetes progression: 442 patients, ten measurements, a score one year later."""
    seen, held_out = _split("load_diabetes", stratify=False)
    model = GradientBoostingRegressor(n_estimators=150, max_depth=3, random_state=SEED)
    return model.fit(seen.drop(columns="target"), seen["target"]), held_out


def digits_mlp() -> tuple[object, pd.DataFrame]:
    """The same digits, read by a wide network: three layers of 512."""
    seen, held_out = _split("load_digits", stratify=True)
    network = MLPClassifier((512, 512, 512), tol=1e-3, n_iter_no_change=5, random_state=SEED)
    return make_pipeline(MinMaxScaler(), network).fit(seen.drop(columns="target"), seen["target"]), held_out


def fraud_lightgbm() -> tuple[object, pd.DataFrame]:
    """Made card transactions: six features, one of them a category, cells missing, about one fraud in fifty."""
    seen, held_out = train_test_split(make_transactions(FRAUD_ROWS), test_size=0.3, random_state=SEED, stratify=None)
    model = LGBMClassifier(
        n_estimators=500, num_leaves=31, learning_rate=0.03, min_child_samples=40, random_state=SEED, verbose=-1
    )
    features = seen.drop(columns="is_fraud")
    model.fit(features, seen["is_fraud"], categorical_feature=["merchant_category"])
    return model, held_out


def make_transactions(rows: int) -> pd.DataFrame:
    """Draw transactions whose risk depends on all six features; the seed is fixed."""
    random = np.random.default_rng(SEED)
    amount = np.round(random.lognormal(3.4, 1.2, rows), 2)
    hour = random.integers(0, 24, rows).astype(float)
    merchant_category = random.integers(0, 40, rows)
    distance_km = np.round(random.exponential(18, rows), 1)
    days_since_last = np.round(random.exponential(4, rows), 2)
    account_age_days = random.integers(1, 4000, rows).astype(float)
    risky = np.isin(merchant_category, (3, 11, 17, 29, 36))
    logit = (
        -7.4
        + 0.9 * np.log1p(amount) * (amount > 150)
        + 1.6 * risky
        + 1.2 * ((hour < 5) | (hour > 22))
        + 0.03 * distance_km
        + 0.8 * (account_age_days < 90)
        - 0.08 * days_since_last
    )
    is_fraud = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    distance_km[random.random(rows) < 0.12] = np.nan
    days_since_last[random.random(rows) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "amount": amount,
            "hour": hour,
            "merchant_category": merchant_category,
            "distance_km": distance_km,
            "days_since_last": days_since_last,
            "account_age_days": account_age_days,
            "is_fraud": is_fraud,
        }
    )


EXAMPLES: dict[str, Callable[[], tuple[object, pd.DataFrame]]] = {
    "cancer-logreg": cancer_logreg,
    "digits-forest": digits_forest,
    "diabetes-boosting": diabetes_boosting,
    "fraud-lightgbm": fraud_lightgbm,
    "digits-mlp": digits_mlp,
}


def _split(loader: str, *, stratify: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows and held-out rows of one of scikit-learn's bundled sets, label in `target`."""
    frame = getattr(datasets, loader)(as_frame=True).frame
    labels = frame["target"] if stratify else None
    seen, held_out = train_test_split(frame, test_size=0.4, random_state=SEED, stratify=labels)
    return seen, held_out


def main() -> None:
    """Train and register every example."""
    with tempfile.TemporaryDirectory() as folder:
        for name, train in EXAMPLES.items():
            print(f"   {name}: {' '.join((train.__doc__ or '').split())}", flush=True)
            model, held_out = train()
            artifact, rows = Path(folder) / f"{name}.joblib", Path(folder) / f"{name}.parquet"
            joblib.dump(model, artifact, compress=3)
            held_out.to_parquet(rows, index=False)
            command = [sys.executable, "-m", "packager", "register", str(artifact), "--data", str(rows)]
            subprocess.run([*command, "--name", name, "--version", "1"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
