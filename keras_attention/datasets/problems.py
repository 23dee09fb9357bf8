"""Every fault of a data set in one message, before any training."""

SHOWN = 5


class Problems:
    """Collects what is wrong, to raise one error that counts it all.

    A data set is mended in one go when all its faults are known at once; a
    loader that stops at the first one is run once a fault.

    Args:
        source: str, what is being read, for the message.

    Example:

    >>> problems = Problems("pets.csv")
    >>> problems.add("line 2: the label is missing")
    >>> len(problems)
    1
    >>> problems.raise_any()
    Traceback (most recent call last):
    ...
    ValueError: pets.csv: 1 problem
      line 2: the label is missing
    """

    def __init__(self, source):
        self.source = source
        self._found = []

    def __len__(self):
        return len(self._found)

    def add(self, text):
        """Notes one problem, said in one line."""
        self._found.append(str(text))

    def raise_any(self):
        """Raises a `ValueError` if anything was noted.

        It names the first five and counts the rest.
        """
        if not self._found:
            return
        count = len(self._found)
        head = f"{self.source}: {count} problem{'s' * (count > 1)}"
        head += f". The first {SHOWN}:" if count > SHOWN else ""
        lines = [head, *(f"  {text}" for text in self._found[:SHOWN])]
        if count > SHOWN:
            lines.append(f"  ... and {count - SHOWN} more")
        raise ValueError("\n".join(lines))
