"""What the layers that are put together from parts have in common."""

from keras_attention import scores
from keras_attention.internals.registry import takes_config


def get_score(layer, score, config, defaults=()):
    """A score as a sub-layer, with the arguments that the layer decides.

    Args:
        layer: `AttentionLayer2D`.
        score: str, class, dict or `Score`, what `scores.get` accepts.
        config: dict, the arguments, given to a score that is made here. One
            that comes as a layer has its own, which must be the same.
        defaults: dict or pairs, those arguments that leave the choice to such a
            score, at the value here. Defaults to `()`.
    """
    if takes_config(score):
        return layer.get_part(scores, score, "score", **config)
    score = layer.get_part(scores, score, "score")
    defaults = dict(defaults)
    for name, given in config.items():
        own = getattr(score, name)
        left_open = name in defaults and given == defaults[name]
        if given != own and not left_open:
            raise ValueError(
                f"A score given as a layer brings its own {name}. "
                f"Received: {name}={given} beside a score with {name}={own}"
            )
    return score


def refuse_negative_scores(score, alignment):
    """Raises `ValueError` if the alignment needs scores of another kind."""
    if alignment.positive_scores and not score.positive_scores:
        raise ValueError(
            f"{type(alignment).__name__} needs non-negative scores, which "
            f"{type(score).__name__} does not give."
        )


def refuse_per_channel(layer, alignment):
    """Raises `ValueError` if the alignment has a map a channel."""
    if alignment.per_channel:
        raise ValueError(
            f"{type(alignment).__name__} has a map of weights for every "
            f"channel, and {type(layer).__name__} has one for every head. "
            "AttentionPooling2D takes it."
        )


def count_positions(score, height, width):
    """`height * width`, `None` if unknown, as far as the score allows it."""
    if None not in (height, width):
        return height * width
    if score.needs_static_size:
        raise ValueError(
            f"{type(score).__name__} has parameters for every position, so "
            "the height and width of the map must be known. Received: "
            f"height={height} and width={width}"
        )
    return None
