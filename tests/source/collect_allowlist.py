"""Collects what honest models import, and how: the data in `packager/source/allowlist.py` was made from what it prints.

    python tests/source/collect_allowlist.py dump FOLDER     in any environment with scikit-learn: fit and dump models
    python tests/source/collect_allowlist.py names FOLDER    in the project's environment: what the audit would refuse

Run `dump` in one environment per version whose artifacts are to be taken (scikit-learn 1.2.2, 1.3.2, 1.4.2, 1.5.2,
1.6.1, 1.7.2, 1.8.0 and 1.9.1 so far, all into one folder), then `names`. Each use that it prints is looked at by hand
before it goes into the list: what can a call of it, or a state given to it, do when the arguments are hostile?
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
        except Exception as error:  # noqa: BLE001 - a version that lacks an option or an estimator is no failure here
            print(f"left out {name}: {type(error).__name__} {str(error)[:80]!r}")
            continue
        made += 1
    print(f"{made} models in {folder}")


def names(folder: Path) -> None:
    """Print every use of a name in the dumps that the audit would refuse, with one file that has it."""
    from packager.source.compression import opened
    from packager.source.joblib_file import JoblibFile
    from packager.source.rules import Rules
    from packager.source.stream import Source
    from packager.source.symbols import Forbidden, Global, Made

    refused: dict[str, str] = {}

    class Lenient(Rules):
        """Notes what the rules refuse, and goes on."""

        def _note(self, use: str, subject: object, error: Forbidden) -> None:
            name = subject.dotted if isinstance(subject, Global) else type(subject).__name__
            refused.setdefault(f"{use} {name}: {error.message}", path.name)

        def new(self, cls: object, args: object) -> object:
            try:
                return super().new(cls, args)
            except Forbidden as error:
                self._note("new", cls, error)
                return Made(cls, args)  # type: ignore[arg-type]

        def call(self, function: object, args: object) -> object:
            try:
                return super().call(function, args)
            except Forbidden as error:
                self._note("call", function, error)
                return Made(function, args)  # type: ignore[arg-type]

        def build(self, target: object, state: object) -> None:
            try:
                super().build(target, state)
            except Forbidden as error:
                self._note("state", target.of if isinstance(target, Made) else target, error)

    for path in sorted(folder.iterdir()):
        rules = Lenient()
        with opened(path, inflated_limit_bytes=1 << 30) as (blocks, _, _):
            try:
                JoblibFile(Source(blocks), rules).walk()
            except Forbidden as error:
                refused.setdefault(error.message, path.name)
        for name in rules.unknown:
            refused.setdefault(f"import {name.dotted}", path.name)
    print("\n".join(f"{use}    ({example})" for use, example in sorted(refused.items())) or "nothing is refused")


if __name__ == "__main__":
    {"dump": dump, "names": names}[sys.argv[1]](Path(sys.argv[2]))
