"""Every fault of a data set in one message, before any training."""

SHOWN = 5


class DataError(ValueError):
    """What is wrong with a data set: five faults in words, all as a tuple.

    Args:
        message: str.
        problems: iterable of str, every fault in a line of its own; the
            attribute `problems` holds them as a tuple. Defaults to `()`.

    Example:

    >>> problems = Problems("pets.csv")
    >>> for row in range(9):
    ...     problems.add(f"row {row}: the label is missing")
    >>> try:
    ...     problems.raise_any()
    ... except DataError as error:
    ...     print(error.problems[8])
    row 8: the label is missing
    """

    def __init__(self, message, problems=()):
        super().__init__(message)
        self.problems = tuple(problems)


class Problems:
    """Collects what is wrong, to raise one error that counts it all.

    A data set is mended in one go when all its faults are known at once; a
    loader that stops at the first one is run once a fault. `places` are what
    messages call each row of the source.
    """

    def __init__(self, source, places=()):
        self.source = source
        self.places = places
        self._found = []
        self._hints = {}

    def __len__(self):
        return len(self._found)

    def add(self, text):
        """Notes a problem of no one row, said in one line."""
        self._found.append((-1, text))

    def at(self, row, text):
        """Notes a problem of a row."""
        self._found.append((row, f"{self.places[row]}: {text}"))

    def hint(self, text):
        """Notes a way out for several problems, which is said once."""
        self._hints[text] = None

    def raise_any(self):
        """Raises a `DataError` of all that was noted, in the rows' order."""
        if not self._found:
            return
        found = [text for _, text in sorted(self._found, key=lambda x: x[0])]
        count = len(found)
        head = f"{self.source}: {count} problem{'s' * (count > 1)}"
        head += f". The first {SHOWN}:" if count > SHOWN else ""
        lines = [head, *(f"  {text}" for text in found[:SHOWN])]
        if count > SHOWN:
            lines.append(f"  ... and {count - SHOWN} more")
        lines += [f"  {text}" for text in self._hints]
        raise DataError("\n".join(lines), found)
