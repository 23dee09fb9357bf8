"""Whether a map matters for the answers, in words."""

# Gains below are near 0: of a change of the features, at most so much is left.
NEGLIGIBLE = 0.01


def has_influence(gain):
    """Whether a gain, or that there is none, lets the weights matter."""
    return gain is None or abs(gain) >= NEGLIGIBLE


def described_influence(one, before=""):
    """What a map does for the answers, as far as it is known, in a few words.

    Args:
        one: `AttentionMap`, or an array, of which nothing is known.
        before: str, in front, if there is anything. Defaults to `""`.

    >>> import numpy as np
    >>> from keras_attention.visualization import AttentionMap
    >>> values = np.ones((1, 1, 2, 2))
    >>> described_influence(AttentionMap(values, "gate", gain=0.0))
    'gain 0: no influence'
    >>> described_influence(AttentionMap(values, "gate", gain=-0.004))
    'gain -0.004: hardly any influence'
    >>> described_influence(AttentionMap(values, "", gain=0.2, removal=0.1))
    'gain 0.2, without it 0.10'
    """
    gain, removal = (getattr(one, n, None) for n in ("gain", "removal"))
    told = []
    if gain is not None:
        hardly = "" if has_influence(gain) else ": hardly any influence"
        told.append(f"gain {gain:.2g}{hardly if gain else ': no influence'}")
    if removal is not None:
        told.append(f"without it {removal:.2f}")
    return before * bool(told) + ", ".join(told)
