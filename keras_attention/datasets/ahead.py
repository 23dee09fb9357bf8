"""Batches that are prepared beside the training."""

import atexit
import queue
import threading

_END = 2**53
# Seconds that readers have to end when the program does.
_GRACE = 5


def read_ahead(read, start, threads, processes):
    """What `read` makes of the numbers from `start` on, a few prepared ahead.

    In so many processes, 0 being this one, with so many threads each.
    """
    # A second to import, which arrays in memory do without.
    import grain

    # Few, for readers that run far ahead take the cores from the training.
    ahead = max(2, threads)
    data = grain.MapDataset.range(start, _END).map(read)
    data = data.to_iter_dataset(grain.ReadOptions(max(1, threads), ahead))
    if processes:
        options = grain.MultiprocessingOptions(num_workers=processes)
        data = data.mp_prefetch(options)
    return iter(data)


def closing(iterators):
    """What has those in a list ended, soon, and empties it.

    Nobody waits, for Grain takes its time and what hangs takes longer; but at
    the end of a program, when Grain is half gone, none may be left.
    """
    asked = threading.Event()

    def work():
        asked.wait()
        while iterators:
            iterators.pop().close()
        atexit.unregister(at_exit)

    def at_exit():
        asked.set()
        thread.join(_GRACE)

    # Begun now: a program that ends begins no threads.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    atexit.register(at_exit)
    return asked.set


def within(seconds, iterator):
    """The next of an iterator, or a `RuntimeError` where it hangs."""
    answer = queue.SimpleQueue()

    def ask():
        try:
            answer.put((next(iterator), None))
        except BaseException as error:
            answer.put((None, error))

    # Of no use to a program that ends, so nothing waits for it.
    threading.Thread(target=ask, daemon=True).start()
    try:
        element, error = answer.get(timeout=seconds)
    except queue.Empty:
        raise RuntimeError(f"nothing came within {seconds:g} s") from None
    if error is not None:
        raise error
    return element
