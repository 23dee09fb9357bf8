"""What a network has seen of a set of images, and numbers of two sets."""

import dataclasses

import numpy as np

from keras_attention.metrics import FeatureStatistics


class SeenImages:
    """Features and answers that come batch by batch, in float64.

    Args:
        kept: int, of how many images the features are kept; of more, drawn at
            random, each as likely.
        seed: int, of the draw.

    Attributes:
        count: int, images so far.
        statistics: `metrics.FeatureStatistics` of all of them.
        features: float32 `(kept, channels)`.

    Example:

    >>> seen = SeenImages(kept=3)
    >>> for start in range(0, 10, 5):
    ...     seen.add(np.arange(start, start + 5.0)[:, None], np.eye(5))
    >>> seen.count, seen.features.shape, round(seen.inception_score, 6)
    (10, (3, 1), 5.0)
    """

    def __init__(self, kept, seed=0):
        self.kept = kept
        self.statistics = FeatureStatistics()
        self._rng = np.random.default_rng(seed)
        self._rows = []
        self._sums = self._own = None
        self._right, self._labelled = 0, 0

    def add(self, features, answers=None, labels=None):
        """Takes in a batch.

        Args:
            features: array `(batch, channels)`.
            answers: array `(batch, classes)` of probabilities, or `None`.
                Defaults to `None`.
            labels: int array `(batch,)` or `None`. Defaults to `None`.

        Raises:
            ValueError: For features that are no finite numbers, answers that
                are no probabilities, and labels without answers.
        """
        before = self.count
        self.statistics.add(features)
        for index, row in enumerate(np.asarray(features, "float32"), before):
            if index < self.kept:
                self._rows.append(row.copy())
            elif (place := self._rng.integers(index + 1)) < self.kept:
                self._rows[place] = row.copy()
        if answers is None:
            if labels is not None:
                raise ValueError(
                    "Labels need a network that answers with probabilities"
                )
            return
        p = np.asarray(answers, "float64")
        if not (p >= 0).all() or abs(p.sum(1) - 1).max() > 1e-3:
            raise ValueError(
                "The network's answers must be probabilities; of one without a "
                "classifier, name its last layer. Received: sums of "
                f"{p.sum(1).min():.3g} to {p.sum(1).max():.3g}"
            )
        if before == 0:
            self._sums, self._own = np.zeros(p.shape[1]), 0.0
        self._sums += p.sum(0)
        # 0 log 0 is 0.
        self._own += (p * np.log(np.where(p > 0, p, 1))).sum()
        if labels is not None:
            self._right += int((p.argmax(1) == np.asarray(labels)).sum())
            self._labelled += len(p)

    @property
    def count(self):
        """How many images there were."""
        return self.statistics.count

    @property
    def features(self):
        """Those that are kept."""
        return np.stack(self._rows)

    @property
    def inception_score(self):
        """`metrics.inception_score` of all as one split; `None` unanswered."""
        if self._sums is None:
            return None
        mean = self._sums / self.count
        whole = (mean * np.log(np.where(mean > 0, mean, 1))).sum()
        return float(np.exp(self._own / self.count - whole))

    @property
    def right(self):
        """The share of labelled images whose label is the answer, or `None`."""
        return self._right / self._labelled if self._labelled else None


@dataclasses.dataclass(frozen=True)
class JudgedImages:
    """Numbers of generated images beside real ones; prints as a table.

    Attributes:
        extractor: str, the network.
        channels: int, of its features.
        real_images: int, how many.
        images: int, how many were generated.
        frechet_distance: float, at least 0.
        kernel_distance: float, around 0 for sets of one distribution.
        kernel_deviation: float, over subsets.
        inception_score: float, of all images at once, or `None` of a network
            without answers.
        right: float, share of images in which the network finds the class
            asked for, or `None`.

    Example:

    >>> print(JudgedImages("small", 64, 1000, 1000, 1.03, 0.028, 0.003, 9.17))
    1,000 images beside 1,000 real ones, by the 64 features of small
      Frechet distance  1.03
      kernel distance   0.028 (deviation 0.003)
      inception score   9.17
    Of few images a Frechet distance is too large and an inception score too
    low: compare only with as many. A kernel distance has no such bias.
    """

    extractor: str
    channels: int
    real_images: int
    images: int
    frechet_distance: float
    kernel_distance: float
    kernel_deviation: float
    inception_score: float | None = None
    right: float | None = None

    def __str__(self):
        lines = [
            f"{self.images:,} images beside {self.real_images:,} real ones, by "
            f"the {self.channels:,} features of {self.extractor}",
            f"  Frechet distance  {self.frechet_distance:.4g}",
            f"  kernel distance   {self.kernel_distance:.4g} (deviation "
            f"{self.kernel_deviation:.2g})",
        ]
        if self.inception_score is not None:
            lines.append(f"  inception score   {self.inception_score:.4g}")
        if self.right is not None:
            lines.append(f"  right             {self.right:.1%}")
        lines.append(
            "Of few images a Frechet distance is too large and an inception "
            "score too\nlow: compare only with as many. A kernel distance has "
            "no such bias."
        )
        return "\n".join(lines)
