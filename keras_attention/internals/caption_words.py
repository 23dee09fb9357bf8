"""The words of a caption: what is learned, and what is compared."""

import re

from keras_attention.internals.arguments import invalid

# Letters and digits of any script; "don't" and "black-and-white" are one.
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def caption_words(caption):
    """The words of a caption in lower case, without punctuation.

    Args:
        caption: str.

    Raises:
        ValueError: For anything but text.

    Example:

    >>> caption_words("A man's black-and-white dog, running...")
    ['a', "man's", 'black-and-white', 'dog', 'running']
    """
    if not isinstance(caption, str):
        hint = "; bytes are decoded first" * isinstance(caption, bytes)
        raise ValueError(invalid("caption", caption, f"a text{hint}"))
    return _WORD.findall(caption.lower())
