"""Pickles that hold dictionaries of tensors, read without Python's unpickler.

A pickle is a program, and Python's unpickler runs it: it imports what the file
names and calls it. `torch.load(weights_only=True)` has an interpreter of its
own for that reason, but needs PyTorch. This one knows the instructions that
dictionaries, lists, numbers and tensors take, and calls nothing but the
functions that it is given by name. Nothing is imported, nothing is built for
any other name.
"""

import pickletools
from typing import NamedTuple

#: Bytes of a pickle: a network of fifty thousand arrays has fewer.
LARGEST = 2**24
#: Of a function; a tensor takes seven.
MOST_ARGUMENTS = 8


class Name(NamedTuple):
    """What a file calls by its name, and what stands for it here."""

    name: str
    meaning: object


def read_pickle(stream, names, persistent):
    """The dictionary, list, number or tensor that a pickle describes.

    Args:
        stream: a binary file at the beginning of a pickle. It is read to the
            pickle's end and no further.
        names: dict, all that the file may name, `"module.name"` to a function
            of its arguments or to a value.
        persistent: callable, what stands for a value that the pickle leaves to
            others, of the tuple that describes it.

    Returns:
        The value.

    Raises:
        ValueError: For any other name or instruction, and for a damaged file.

    Example:

    >>> import io, os, pickle
    >>> file = io.BytesIO(pickle.dumps({"a": [1, 2.5]}, protocol=2))
    >>> read_pickle(file, {}, None)
    {'a': [1, 2.5]}
    >>> file = io.BytesIO(pickle.dumps(os.getcwd, protocol=2))
    >>> read_pickle(file, {}, None)
    Traceback (most recent call last):
    ...
    ValueError: It names 'posix.getcwd', which is no part of a tensor.
    """
    start = stream.tell()
    machine = _Machine(names, persistent)
    # pickletools reads what an instruction's argument is, and runs nothing.
    # What it cannot read it leaves to struct, codecs and int to complain of.
    try:
        for opcode, argument, position in pickletools.genops(stream):
            if position - start > LARGEST:
                raise _Refused(f"It is a pickle of more than {LARGEST} bytes.")
            if opcode.name == "STOP":
                break
            if opcode.name not in _STEPS:
                raise _Refused(
                    f"It has the instruction {opcode.name}, which no "
                    "dictionary of tensors needs."
                )
            _STEPS[opcode.name](machine, argument)
        return machine.stack.pop()
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError,
        OverflowError,
    ) as error:  # fmt: skip
        raise ValueError(
            f"It is no whole pickle of tensors: {error}"
        ) from error


class _Refused(Exception):
    """What a whole pickle holds and must not."""


class _Machine:
    """The values that wait for what is done with them."""

    def __init__(self, names, persistent):
        self.names = names
        self.persistent = persistent
        self.stack = []
        self.marks = []
        self.memo = {}

    def above_mark(self):
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def last(self, kind):
        value = self.stack[-1]
        if not isinstance(value, kind):
            raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")
        return value


def _push(machine, argument):
    machine.stack.append(argument)


def _pushes(make):
    return lambda machine, _: machine.stack.append(make())


def _mark(machine, _):
    machine.marks.append(len(machine.stack))


def _tuple(machine, _):
    machine.stack.append(tuple(machine.above_mark()))


def _tuple_of(count):
    def step(machine, _):
        values = tuple(machine.stack.pop() for _ in range(count))[::-1]
        machine.stack.append(values)

    return step


def _append(machine, _):
    value = machine.stack.pop()
    machine.last(list).append(value)


def _appends(machine, _):
    values = machine.above_mark()
    machine.last(list).extend(values)


def _set_item(machine, _):
    value, key = machine.stack.pop(), machine.stack.pop()
    _set(machine, [key, value])


def _set_items(machine, _):
    _set(machine, machine.above_mark())


def _set(machine, items):
    target = machine.last(dict)
    for key, value in zip(items[::2], items[1::2], strict=True):
        # The hash of tuples in tuples can take for ever.
        if not isinstance(key, str | int):
            raise TypeError(f"a {type(key).__name__} is a key")
        target[key] = value


def _get(machine, index):
    machine.stack.append(machine.memo[index])


def _put(machine, index):
    machine.memo[index] = machine.stack[-1]


def _memoize(machine, _):
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _global(machine, argument):
    _name(machine, argument.replace(" ", "."))


def _stack_global(machine, _):
    names = machine.stack.pop(), machine.stack.pop()
    # Tuples of tuples can be a text without end.
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a name is no text")
    name, module = names
    _name(machine, f"{module:.80}.{name:.80}")


def _name(machine, name):
    if name not in machine.names:
        raise _Refused(f"It names {name!r}, which is no part of a tensor.")
    machine.stack.append(Name(name, machine.names[name]))


def _reduce(machine, _):
    arguments = machine.stack.pop()
    called = machine.stack.pop()
    if not (isinstance(called, Name) and callable(called.meaning)):
        raise TypeError(f"a {type(called).__name__} is called")
    # A long tuple that is handed over again and again takes for ever.
    if not isinstance(arguments, tuple) or len(arguments) > MOST_ARGUMENTS:
        raise TypeError(f"{called.name} is called with no arguments of it")
    machine.stack.append(called.meaning(*arguments))


def _build(machine, _):
    # An OrderedDict's own attributes: the versions of torch's modules.
    machine.stack.pop()
    machine.last(dict)


def _persistent(machine, _):
    description = machine.stack.pop()
    if not isinstance(description, tuple) or len(description) > MOST_ARGUMENTS:
        raise TypeError("there is something that is no storage")
    machine.stack.append(machine.persistent(description))


def _nothing(machine, _):
    """Of the file's making, not of what it holds."""


_STEPS = {
    "PROTO": _nothing,
    "FRAME": _nothing,
    "MARK": _mark,
    "NONE": _pushes(lambda: None),
    "NEWTRUE": _pushes(lambda: True),
    "NEWFALSE": _pushes(lambda: False),
    "EMPTY_DICT": _pushes(dict),
    "EMPTY_LIST": _pushes(list),
    "EMPTY_TUPLE": _pushes(tuple),
    "TUPLE": _tuple,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _persistent,
    "MEMOIZE": _memoize,
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
    # Strings of Python 2 among them: some published files are that old.
    **dict.fromkeys(
        (
            "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING",
            "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
        ),
        _push,
    ),
}  # fmt: skip
