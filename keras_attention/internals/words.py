"""The words of messages: lists that stay short, and what was meant."""

import difflib
import unicodedata


def few(names, most=6):
    """Names in quotes, the first and the last of them where there are many.

    >>> few(["a", "b"]), few(range(9), most=2)
    ("'a', 'b'", '0, ..., 8')
    """
    shown = [repr(name) for name in names]
    if len(shown) > most:
        shown = [*shown[: most // 2], "...", *shown[-(most // 2) :]]
    return ", ".join(shown)


def shortened(text, most):
    """A text of at most so many letters; a longer one loses its middle.

    >>> shortened("encoder/stage_4/attention", 15)
    'encoder ... ion'
    """
    if len(text) <= most:
        return text
    end = (most - 5) // 3
    return f"{text[: most - 5 - end]} ... {text[len(text) - end :]}"


def printable(text):
    """A text in which what no font can draw is a question mark in a diamond.

    >>> printable("a\\tb\\nc") == "a\\N{REPLACEMENT CHARACTER}b\\nc"
    True
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n"
        else letter
        for letter in text
    )


def did_you_mean(word, names):
    """A question with the nearest names, and a space behind it, or nothing.

    >>> did_you_mean("additve", ["additive", "dot"])
    "Did you mean 'additive'? "
    >>> did_you_mean("ME", ["MEL", "NV"])
    "Did you mean 'MEL'? "
    """
    names, word = list(dict.fromkeys(names)), str(word)
    nearest = difflib.get_close_matches(word.lower(), names, n=3)
    # Keys are lower case, names of columns and classes are what they are.
    nearest = nearest or difflib.get_close_matches(word, names, n=3)
    return f"Did you mean {' or '.join(map(repr, nearest))}? " * bool(nearest)
