"""The winner's search score beside what it does on fresh seeds."""

import dataclasses
import pathlib
import statistics

from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table


@dataclasses.dataclass(frozen=True, eq=False)
class Retraining:
    """The winner's search score beside what it does on fresh seeds.

    Attributes:
        rows: list of one dict a seed: `seed`, `seconds`, and the metrics of
            `model.evaluate`: those of the test set, and with `val_` those of
            the validation set if it was given.
        metric: str, the metric on the test set, by default what the search's
            objective names.
        searched: str, name of the same metric in the search.
        direction: str, `"max"` or `"min"`, `None` if it was not the objective.
        search_score: float, its value for the winner in the search, or `None`.
        path: `pathlib.Path`, where the model of the median seed is, of two in
            the middle that of the better one; or `None`.
        kept_seed: int, that seed, or `None`.
    """

    rows: list
    metric: str
    searched: str
    direction: str | None
    search_score: float | None
    path: pathlib.Path | None
    kept_seed: int | None

    @property
    def values(self):
        """The metric on the test set, one a seed."""
        return [row[self.metric] for row in self.rows]

    @property
    def mean(self):
        """The mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self):
        """The largest less the smallest; 0 for one seed."""
        return max(self.values) - min(self.values)

    @property
    def optimism(self):
        """By how much the search's score was better than the fresh mean.

        `None` for another metric than the objective. Against the validation
        set if it was given, which leaves the choice of the luckiest trial as
        the only cause; else against the test set, which is also other images.
        """
        if self.direction is None or self.search_score is None:
            return None
        fresh = f"val_{self.metric}"
        told = [row.get(fresh, row[self.metric]) for row in self.rows]
        gap = self.search_score - statistics.fmean(told)
        return gap if self.direction == "max" else -gap

    def __str__(self):
        return "\n".join([text_table(*self._table()), *self._notes()])

    def _repr_html_(self):
        notes = [[note] for note in self._notes()]
        return html_table(*self._table()) + html_table(["note"], notes)

    def _table(self):
        names = {self.metric: self._test()}
        if self._is_validated():
            names = {f"val_{self.metric}": self.searched, **names}
        rows = [
            [
                str(row["seed"]),
                *(f"{row[name]:.4g}" for name in names),
                f"{row['seconds']:.0f}",
            ]
            for row in self.rows
        ]
        means = [statistics.fmean(row[n] for row in self.rows) for n in names]
        rows.append(["mean", *(f"{mean:.4g}" for mean in means), "-"])
        return ["seed", *names.values(), "seconds"], rows

    def _notes(self):
        notes = [
            f"{len(self.rows)} fresh seeds, {self._test()}: mean "
            f"{self.mean:.4g}, largest less smallest {self.spread:.2g}"
        ]
        if self.search_score is not None:
            score = f"{self.search_score:.4g}"
            notes.append(f"the search had {self.searched} {score}")
        if self.optimism is not None:
            notes[-1] += f", {_compared(self.optimism)} the fresh mean, " + (
                "on the same validation images"
                if self._is_validated()
                else "but validation images are not test images: with "
                "validation= luck and change of images come apart"
            )
        numbers = [
            {name: row[name] for name in row if name not in ("seed", "seconds")}
            for row in self.rows
        ]
        if len(numbers) > 1 and all(n == numbers[0] for n in numbers):
            notes.append(
                "every seed gave exactly the same numbers: the hypermodel "
                "probably sets a seed of its own"
            )
        if self.path:
            middle = (
                "the median"
                if len(self.rows) % 2
                else "the better of the two in the middle"
            )
            notes.append(f"seed {self.kept_seed}, {middle}: {self.path}")
        return notes

    def _is_validated(self):
        return f"val_{self.metric}" in self.rows[0]

    def _test(self):
        return f"test {self.metric}"


def _compared(gap):
    if not gap:
        return "the same as"
    return f"{abs(gap):.2g} {'better' if gap > 0 else 'worse'} than"
