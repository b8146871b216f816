"""What is timed: one variant on one target in a process of its own, or the native model in the source worker.

Each tells where its nodes run, times calls when it is asked to, and has a reason where it can't.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from packager.artifact import NATIVE, VERIFIED_SETTINGS, SessionSettings, Signature, Variant
from packager.benchmark.child import Child, ChildEnded
from packager.recipe.model import Target
from packager.recipe.providers import PROVIDERS
from packager.report.placement import placement_said

Ask = Callable[..., Any]
# A session of a large model is open within a minute; TensorRT compiles for several.
_OPEN_S = 600.0
# One block of calls takes a fraction of a second, or a few calls of a very slow model.
_TIME_S = 300.0


@dataclass(frozen=True)
class Bench:
    """What is measured with: made rows in a file, the batch sizes, and how sessions run on the CPU but for threads."""

    rows_file: Path
    signature: Signature
    batch_sizes: tuple[int, ...]
    session: SessionSettings = VERIFIED_SETTINGS


@dataclass
class Series:
    """Nanoseconds per call of one batch size, by round; `reason` where none could be taken.

    `unsettled` counts the rounds whose calls were still getting faster when they were counted.
    """

    rounds: list[list[int]] = field(default_factory=list)
    unsettled: int = 0
    reason: str | None = None

    @property
    def spent_s(self) -> float:
        return sum(map(sum, self.rounds)) / 1e9


@dataclass
class Subject:
    """One variant on one target. `reason` says why it can't be timed at all, `operators` where its nodes run.

    `instruction_set`: what binned trees are scored with.
    """

    target: Target
    variant: str
    reason: str | None = None
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    instruction_set: str | None = None
    series: dict[int, Series] = field(default_factory=dict)

    def time(self, batch_size: int, seconds: float) -> None:
        """Time one block of calls and keep it, or the reason why there is none."""
        series = self.series.setdefault(batch_size, Series())
        try:
            reply = self._block(batch_size, seconds)
        except ChildEnded as error:
            self.reason = series.reason = str(error)
            return
        if "reason" in reply:
            series.reason = reply["reason"]
        else:
            series.rounds.append(reply["samples_ns"])
            series.unsettled += not reply["settled"]

    def reopen(self) -> None:
        """Begin anew in another process, where memory lies otherwise; the native model stays in its own."""

    def end(self) -> None:
        """Let go of what the subject holds."""

    def _block(self, batch_size: int, seconds: float) -> dict[str, Any]:
        raise NotImplementedError


@dataclass
class OnnxSubject(Subject):
    """A variant in a benchmark worker: it may take the process with it, and no other variant."""

    python: Path = Path(sys.executable)
    request: dict[str, Any] = field(default_factory=dict)
    child: Child | None = None

    def reopen(self) -> None:
        if self.reason is None:
            self.end()
            self.open()

    def open(self) -> None:
        """Open the model in a process of its own; what fails is the subject's reason."""
        provider = PROVIDERS[self.target.provider]
        try:
            self.child = Child(self.python)
            reply = self.child.ask(self.request, seconds=_OPEN_S)
        except ChildEnded as error:
            reply = {"reason": str(error)}
        self.reason, self.operators = reply.get("reason"), reply.get("operators", self.operators)
        self.instruction_set = reply.get("instruction_set")
        if self.reason is None and not self.operators.get(provider.onnxruntime_name):
            self.reason = placement_said(provider.name, provider.onnxruntime_name, self.operators)
        if self.reason is not None:
            self.end()

    def end(self) -> None:
        if self.child is not None:
            self.child.end()

    def _block(self, batch_size: int, seconds: float) -> dict[str, Any]:
        if self.child is None:
            raise ChildEnded(self.reason or "nothing was opened")
        return self.child.ask({"batch_size": batch_size, "seconds": seconds}, seconds=_TIME_S)


@dataclass
class NativeSubject(Subject):
    """The registered model in its own library, in the source worker, on as many threads as the target has."""

    ask: Ask | None = None
    rows_file: Path | None = None

    def _block(self, batch_size: int, seconds: float) -> dict[str, Any]:
        if self.ask is None:
            raise ChildEnded("there is no native model")
        reply: dict[str, Any] = self.ask(
            "time", rows=str(self.rows_file), batch_size=batch_size, seconds=seconds, threads=self.target.threads
        )
        return reply


def native_subject(target: Target, bench: Bench, ask: Ask) -> Subject:
    """Return the native model as something to time."""
    return NativeSubject(target, NATIVE, ask=ask, rows_file=bench.rows_file)


def open_subject(target: Target, variant: Variant, bench: Bench, python: Path) -> Subject:
    """Open a variant on a target in a worker under `python`; what fails is the subject's reason."""
    provider = PROVIDERS[target.provider]
    request = {
        "model": str(variant.path),
        "signature": asdict(bench.signature),
        "rows": str(bench.rows_file),
        "provider": {
            "name": provider.onnxruntime_name,
            "options": provider.options_for(target.threads),
            "fallback": target.fallback == "allow",
        },
        "settings": asdict(
            replace(bench.session if target.provider == "cpu" else VERIFIED_SETTINGS, threads=target.threads)
        ),
    }
    subject = OnnxSubject(target, variant.name, python=python, request=request)
    subject.open()
    return subject
