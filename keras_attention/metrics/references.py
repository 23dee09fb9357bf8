"""Captions beside their references, checked, as lists of words."""

from keras_attention.internals.caption_words import caption_words


def checked_captions(candidates, references):
    """Both as lists of words.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image.

    Raises:
        ValueError: For different numbers of captions and references, none of
            them, and images without references.
    """
    if len(candidates) != len(references) or not len(candidates):
        raise ValueError(
            "Arguments candidates and references must have one entry an image, "
            f"and at least one. Received: {len(candidates)} candidates and "
            f"{len(references)} references"
        )
    for image, own in enumerate(references):
        if isinstance(own, str) or not len(own):
            raise ValueError(
                "Invalid value for argument references: expected a list of "
                f"captions an image, not empty. Received: {own!r} for image "
                f"{image}"
            )
    return (
        [caption_words(caption) for caption in candidates],
        [[caption_words(caption) for caption in own] for own in references],
    )
