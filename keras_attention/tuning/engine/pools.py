"""Where trials run: in this process, or on the workers of a Dask cluster."""

import collections
import contextlib
import functools
import pathlib
import uuid

from keras_attention.internals.requirements import explained
from keras_attention.tuning.engine.failures import Lost
from keras_attention.tuning.engine.job import read_job
from keras_attention.tuning.engine.job import write_job
from keras_attention.tuning.engine.local import local_cluster

_LOST = (
    "The scheduler of the Dask cluster was lost. Finished trials are kept: the "
    "same call goes on with the search."
)


@contextlib.contextmanager
def make_pool(job, folder, workers, client):
    """Where work runs, while the block runs: a `Here` or a `Cluster`.

    Every task gets `job` first, which is written to `folder` for other
    processes. `workers` of them run at a time.
    """
    with contextlib.ExitStack() as stack:
        if client is None and workers in (None, 1):
            yield Here(job)
            return
        path = pathlib.Path(folder).resolve() / f"{uuid.uuid4().hex}.job"
        stack.callback(_delete, path)
        write_job(job, path)
        if client is None:
            client = stack.enter_context(local_cluster(workers))
        pool = Cluster(client, path, workers)
        stack.callback(pool.close)
        yield pool


def map_over(function, items, *, job, folder, workers, client):
    """`[function(job, item) for item in items]`, wherever that runs.

    The function is one of a module, so that other processes find it.
    """
    with make_pool(job, folder, workers, client) as pool:
        results, waiting = {}, list(enumerate(items))
        while len(results) < len(items):
            while waiting and pool.running < pool.slots:
                key, item = waiting.pop(0)
                pool.submit(key, function, item)
            key, result = pool.next()
            if isinstance(result, Lost):
                raise RuntimeError(f"{items[key]}: {result.reason}")
            results[key] = result
    return [results[key] for key in range(len(items))]


class Here:
    """Runs tasks in this process, each when its result is asked for."""

    slots = 1

    def __init__(self, job):
        self._job = job
        self._tasks = collections.deque()

    @property
    def running(self):
        """How many tasks have no result yet."""
        return len(self._tasks)

    def submit(self, key, function, *arguments):
        """Puts `function(job, *arguments)` in the queue."""
        task = functools.partial(function, self._job, *arguments)
        self._tasks.append((key, task))

    def next(self):
        """`(key, result)` of the next task to end."""
        key, task = self._tasks.popleft()
        return key, task()


class Cluster:
    """Runs tasks on the workers of a Dask cluster.

    All of them see `path`, the job. Without `limit` as many run at a time as
    there are threads of workers, however many come and go.
    """

    def __init__(self, client, path, limit=None):
        with explained("keras_attention.tuning"):
            import distributed
        self._client, self._job, self._limit = client, str(path), limit
        self._keys = {}
        self._ended = distributed.as_completed([], loop=client.loop)
        self._errors = (
            distributed.scheduler.KilledWorker,
            # The scheduler is gone, and with it what it knew.
            (distributed.client.FutureCancelledError, OSError),
        )

    @property
    def slots(self):
        """How many tasks can run at a time."""
        if self._limit:
            return self._limit
        with self._scheduler():
            return max(1, sum(self._client.nthreads().values()))

    @property
    def running(self):
        """How many tasks have no result yet."""
        return len(self._keys)

    def submit(self, key, function, *arguments):
        """Sends `function(job, *arguments)` to a worker."""
        with self._scheduler():
            future = self._client.submit(
                _on_worker,
                self._job,
                function,
                arguments,
                key=f"{function.__name__}-{key}-{uuid.uuid4().hex}",
                pure=False,
                retries=0,
            )
        self._keys[future] = key
        self._ended.add(future)

    def next(self):
        """`(key, result)` of the next task to end, or a `Lost` as result."""
        future = next(self._ended)
        key = self._keys.pop(future)
        killed, gone = self._errors
        try:
            return key, future.result()
        except killed as error:
            return key, Lost(f"Its worker died: {error}")
        except gone as error:
            if future.status == "error":
                # The task's own, such as a file that is not there.
                raise
            raise RuntimeError(_LOST) from error

    @contextlib.contextmanager
    def _scheduler(self):
        """It may be gone whenever it is asked."""
        try:
            yield
        except self._errors[1] as error:
            raise RuntimeError(_LOST) from error

    def close(self):
        """Gives up the tasks that have no result; the workers forget the job.

        What holds the images would stay as long as the workers live.
        """
        if self._client.status != "running":
            return
        with contextlib.suppress(OSError):  # of a scheduler that is lost
            self._client.cancel(list(self._keys))
            self._client.run(_forget, wait=False, on_error="ignore")


def _delete(path):
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _on_worker(path, function, arguments):
    return function(_job_in(path), *arguments)


@functools.lru_cache(maxsize=1)
def _job_in(path):
    # Once a process: it may hold the images.
    return read_job(pathlib.Path(path))


async def _forget():
    # A coroutine, as Dask waits for whatever else it runs.
    _job_in.cache_clear()
