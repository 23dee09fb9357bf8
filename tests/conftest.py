import gc
import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")
# A worker has one core: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
)
# What is computed once need not be compiled well. XLA then gives NaN for the
# gradient of a maximum behind a normalization, of plain JAX too.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# JAX compiles once for all workers, into a folder that goes with them.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR",
    os.path.join(tempfile.gettempdir(), f"jax-cache-{os.getpid()}"),
)

import pytest

# Graphs are made of very many small objects that all stay: to look through
# them less often saves a thirtieth of the time of all tests.
gc.set_threshold(100_000, 20, 100)

# Keras comes with the first test: the process that hands out tests to workers
# would import TensorFlow before it starts one.

# Scripts that make fixtures from other packages, which tests do not need.
collect_ignore = ["oracles", "golden/make.py"]


def pytest_collection_finish():
    """Keras collects garbage often: it need not look through the packages."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure():
    folder = os.environ["JAX_COMPILATION_CACHE_DIR"]
    if folder.endswith(f"jax-cache-{os.getpid()}"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def seed():
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def eagerly():
    """TensorFlow runs op by op: making a graph takes longer than a few steps.

    For tests of what is around the training, not of what is trained.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module", autouse=True)
def forget():
    """Lets go of the graphs and models that a file has made."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        if keras.backend.backend() == "tensorflow":
            from tensorflow.python.eager import context

            # TensorFlow's prepared operations stay until here. Every seed and
            # every session, and so every trial of KerasTuner, throws them
            # away: a fifth of the time of all tests.
            patch.setattr(
                context.pywrap_tfe, "TFE_ContextClearCaches", lambda _: None
            )
        yield
    keras.backend.clear_session(free_memory=False)
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()
    gc.collect()
    # What is still there is there to stay.
    gc.freeze()


@pytest.fixture
def equals(record_property):
    """Compares with another implementation, and notes by how much it differs.

    `benchmarks/parity.py` makes the README's table of these notes.
    """
    import keras
    import numpy as np

    def compare(what, reference, seen, expected, tolerance=1e-5):
        seen = keras.ops.convert_to_numpy(seen)
        difference = float(np.abs(seen - expected).max())
        record_property("parity", f"{what}|{reference}|{difference:.1e}")
        np.testing.assert_allclose(
            seen, expected, rtol=tolerance, atol=tolerance
        )

    return compare
