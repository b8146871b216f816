"""Every error a user can meet, each with its exit code. Only `cli.py` turns one into text and a status.

PackagerError                  1   a bug of ours, unless a kind below says otherwise
├── RecipeError                2   the recipe or the command line
├── SourceError                3   the artifact: missing, other digest, hostile, written by other versions
├── ConvertError               4   no exact conversion
├── OptimizeError              5   a reduced precision that the recipe insists on
├── VerifyError                6   the gate: parity, drift, verification rows
├── BenchmarkError             7   a target that the recipe needs, a regression
├── BundleError                8   a bundle that cannot be written, or does not hold what it says
└── PublishError               9   a registry
"""

from __future__ import annotations


class PackagerError(Exception):
    """One failure: what is wrong with which subject, measured against limit, the recipe key, one hint that works.

    `key` is what `Recipe.where` returns: the recipe key with its file and line.
    """

    exit_code = 1
    stage = "internal"

    def __init__(
        self,
        message: str,
        *,
        measured: object = None,
        limit: object = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.measured = measured
        self.limit = limit
        self.key = key
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message]
        if self.measured is not None:
            against = "" if self.limit is None else f", limit {self.limit}"
            lines.append(f"  measured {self.measured}{against}")
        if self.key:
            lines.append(f"  at {self.key}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class RecipeError(PackagerError):
    exit_code, stage = 2, "recipe"


class SourceError(PackagerError):
    exit_code, stage = 3, "source"


class ConvertError(PackagerError):
    exit_code, stage = 4, "convert"


class OptimizeError(PackagerError):
    exit_code, stage = 5, "optimize"


class VerifyError(PackagerError):
    exit_code, stage = 6, "verify"


class BenchmarkError(PackagerError):
    exit_code, stage = 7, "benchmark"


class BundleError(PackagerError):
    exit_code, stage = 8, "bundle"


class PublishError(PackagerError):
    exit_code, stage = 9, "publish"


ERROR_OF_STAGE: dict[str, type[PackagerError]] = {
    kind.stage: kind
    for kind in (
        RecipeError,
        SourceError,
        ConvertError,
        OptimizeError,
        VerifyError,
        BenchmarkError,
        BundleError,
        PublishError,
    )
}
