"""Collects what honest models import and how: the data in `packager/source/allowlist.py` is made from what it prints.

    python tests/source/collect_allowlist.py dump FOLDER     in any environment with scikit-learn: fit and dump models
    python tests/source/collect_allowlist.py names FOLDER    in the project's environment: what the dumps ask for

Run `dump` in one environment per version whose artifacts are to be taken (1.2.2, 1.5.2 and the current one so far,
into one folder), then `names`: it prints every (use, module, name) that the allow-list lacks. Each is looked at by
hand before it goes in: what can REDUCE, NEWOBJ or BUILD do with it when the arguments are hostile?
"""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path


def dump(folder: Path) -> None:
    """Fit every honest model and write it with pickle and joblib in several protocols."""
    import honest
    import joblib
    import sklearn

    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for number, (name, make) in enumerate(honest.models().items()):
        stem = folder / f"{sklearn.__version__}-{number:03}"
        try:
            model = make()
            for protocol in (0, 2, 4, 5):
                stem.with_name(f"{stem.name}-p{protocol}.pkl").write_bytes(pickle.dumps(model, protocol))
            for protocol in (2, 4, 5):
                joblib.dump(model, stem.with_name(f"{stem.name}-p{protocol}.joblib"), protocol=protocol)
        except Exception as error:  # a version that lacks an option or an estimator is no failure of this script
            print(f"left out {name}: {type(error).__name__} {str(error)[:80]!r}")
            continue
        made += 1
    print(f"{made} models in {folder}")


def names(folder: Path) -> None:
    """Print every use of a name in the dumps that the allow-list does not know."""
    from recording import record

    lacking: dict[tuple[str, str, str], str] = {}
    for path in sorted(folder.iterdir()):
        for use, module, name in record(path):
            lacking.setdefault((use, module, name), path.name)
    for (use, module, name), example in sorted(lacking.items()):
        print(use, module, name, example)


if __name__ == "__main__":
    {"dump": dump, "names": names}[sys.argv[1]](Path(sys.argv[2]))
