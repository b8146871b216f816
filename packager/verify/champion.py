"""The champion: a bundle in use, scored on the same labelled rows, which a new variant has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packager.artifact import Signature
from packager.dataset.read import Dataset
from packager.errors import VerifyError
from packager.quality.compare import compare, undefined
from packager.recipe.model import Champion as AskedChampion
from packager.report.model import Gain
from packager.runtime.session import RunFailed, Session
from packager.verify.drift import measured
from packager.verify.spool import Spool

CHAMPION = "champion"


@dataclass(frozen=True)
class Champion:
    """An open champion; `uri` as the recipe names it, `digest` that of its bundle."""

    uri: str
    digest: str
    session: Session

    def check_answers(self, signature: Signature, needs: str) -> None:
        """Raise VerifyError unless it answers about the same classes what the metric `needs`."""
        own = self.session.signature
        if own.task != signature.task:
            raise VerifyError(f"the champion {self.uri} is a {own.task}, the new model a {signature.task}")
        if own.classes is not None and set(own.classes) != set(signature.classes or ()):
            raise VerifyError(f"the champion {self.uri} knows other classes than the new model")
        roles = {output.role for output in own.outputs}
        if needs == "score" and signature.task == "classifier" and "probability" not in roles:
            raise VerifyError(f"the champion {self.uri} answers no probabilities, which the metric reads")

    def score(self, dataset: Dataset, spool: Spool, *, batch_rows: int) -> None:
        """Add its answers to all rows to the spool; VerifyError where the rows lack its columns."""
        try:
            for batch in dataset.batches(self.session.signature.columns, batch_rows=batch_rows):
                spool.add_answers(CHAMPION, self.session.signature, self.session.answers(batch.rows))
        except VerifyError as error:
            error.message = f"the champion {self.uri} cannot be scored: {error.message}"
            raise
        except RunFailed as error:
            raise VerifyError(f"the champion {self.uri} fails on the verification rows: {error}") from None


def gains(spool: Spool, variants: Sequence[str], asked: AskedChampion) -> list[Gain]:
    """Return how much better than the champion every variant is; VerifyError where the champion has no metric."""
    reading = spool.reading
    if reason := undefined(reading.metric, spool.read("truth"), spool.read(CHAMPION), reading.class_count):
        raise VerifyError(f"the champion {asked.uri} has no {reading.metric} on the verification rows: {reason}")
    found = []
    for variant in variants:
        comparison = compare(reading.metric, spool.sample(CHAMPION, variant))
        interval = comparison.interval
        found.append(
            Gain(
                variant=variant,
                metric=reading.metric,
                champion=comparison.native,
                value=comparison.variant,
                gain=0.0 - comparison.drop,  # never -0.0
                rows=spool.rows,
                interval=None if interval is None else (0.0 - interval[1], 0.0 - interval[0]),
                method=comparison.method,
                decision=measured(comparison, spool.rows).against(asked.most_drop),
            )
        )
    return found
