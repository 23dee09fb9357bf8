"""BLEU of captions: how many of their phrases somebody else used."""

import numpy as np

from keras_attention.internals.arguments import boolean
from keras_attention.internals.requirements import explained
from keras_attention.metrics.references import checked_captions


def bleu(candidates, references, brevity_penalty=True):
    """BLEU-1 to BLEU-4 of a set of captions.

    `BLEU-n = b exp(mean_(m<=n) log p_m)`, with `p_m` the share of all phrases
    of `m` words that one of the image's references has, as often as it has
    them, and `b = min(1, exp(1 - r / c))` for `c` words said and `r` words in
    the references that are nearest in length.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image.
        brevity_penalty: bool, whether there is a `b`. Defaults to `True`.

    Returns:
        A tuple of four floats in `[0, 1]`; 0 where no phrase of that length
        is right, without smoothing.

    Raises:
        ValueError: For different numbers of captions and references, none of
            them, and images without references.

    Example:

    >>> said, references = ["the the cat"], [["the cat sat down"]]
    >>> [round(score, 3) for score in bleu(said, references)]
    [0.478, 0.414, 0.0, 0.0]

    Reference:
        Papineni et al.: BLEU: a Method for Automatic Evaluation of Machine
        Translation. ACL 2002. Counted by sacrebleu.

    Differs from the paper:
        Words are those of `Vocabulary`, lower case and without punctuation, as
        COCO's evaluation has them. Show, Attend and Tell reports BLEU without
        the penalty, most others with it.

    See also:
        `caption_scores`.
    """
    boolean("brevity_penalty", brevity_penalty)
    candidates, references = checked_captions(candidates, references)
    with explained("keras_attention.metrics.bleu"):
        from sacrebleu.metrics import BLEU

    most = max(map(len, references))
    streams = [
        [" ".join(own[i]) if i < len(own) else None for own in references]
        for i in range(most)
    ]
    said = [" ".join(words) for words in candidates]
    counter = BLEU(tokenize="none", smooth_method="none", force=True)
    found = counter.corpus_score(said, streams)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.nan_to_num(np.divide(found.counts, found.totals))
        means = np.cumsum(np.log(shares)) / np.arange(1, 5)
    factor = found.bp if brevity_penalty else 1.0
    return tuple(float(factor * score) for score in np.exp(means))
