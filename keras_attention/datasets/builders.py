"""Finding a TFDS builder and preparing it in the format a backend reads."""

import contextlib
import difflib
import io
import itertools
import pathlib
import re
import socket
import urllib.parse
import urllib.request

from absl import logging

from keras_attention.internals.requirements import explained

# Seconds to wait for a host, and how many to ask.
_PATIENCE, _MOST_HOSTS = 5, 3


def prepare(name, file_format, data_dir=None, **builder_kwargs):
    """Prepares a data set and returns its TFDS builder.

    TFDS keeps one file format in a folder, and `tf.data` and random access
    want different ones. TFRecord files live where TFDS itself puts them;
    `array_record` files in the sub-folder `array_record` of `data_dir`,
    unless the data set is in `data_dir` in that format already.
    """
    tfds = _tfds()
    from keras_attention.datasets.cluttered_digits import ClutteredDigits

    check_known(name, data_dir)
    check_reachable(name, data_dir)
    with quiet():
        builder = tfds.builder(name, data_dir=data_dir, **builder_kwargs)
        downloads = builder.data_dir_root / "downloads"
        if not _fits(builder, file_format):
            folder = builder.data_dir_root / file_format
            builder = tfds.builder(name, data_dir=folder, **builder_kwargs)
        if builder.is_prepared():
            return builder
    with quiet(output=isinstance(builder, ClutteredDigits)):
        try:
            builder.download_and_prepare(
                file_format=file_format, download_dir=downloads
            )
        except ModuleNotFoundError as error:
            # TFDS raises it anew, without its `name`.
            if "No module named 'tensorflow'" not in str(error):
                raise
            raise ImportError(
                f"TFDS prepares the images of {name!r} with TensorFlow. "
                "Prepare it once where TensorFlow is installed; reading the "
                "prepared files needs none."
            ) from error
    return builder


def _tfds():
    # Images of one's own are read where there is no TFDS.
    with explained("keras_attention.datasets"):
        import tensorflow_datasets

    return tensorflow_datasets


def _fits(builder, file_format):
    if not builder.is_prepared():
        return file_format == "tfrecord"
    formats = builder.info.available_file_formats()
    return file_format in {known.value for known in formats}


def check_known(name, data_dir=None):
    """Raises before TFDS goes looking for an unknown name on the network."""
    tfds = _tfds()
    base = re.split("[/:]", name)[0]
    names = tfds.list_builders(with_community_datasets=False)
    on_disk = data_dir is not None and (pathlib.Path(data_dir) / base).is_dir()
    if base and (base in names or on_disk):
        return
    if pathlib.Path(name).is_dir():
        raise ValueError(
            f"Unknown data set {name!r}, which is a folder: images in class "
            "folders are read by datasets.from_folder, images that a table "
            "names by datasets.from_table."
        )
    nearest = difflib.get_close_matches(base, names, n=5, cutoff=0.5)
    raise ValueError(
        f"Unknown data set {name!r}. Nearest names: "
        f"{', '.join(nearest) or 'none'}. "
        "`tfds.list_builders()` lists them all."
    )


def check_reachable(name, data_dir=None):
    """Raises in seconds where TFDS would try in silence for minutes."""
    tfds = _tfds()
    base = re.split("[/:]", name)[0]
    root = pathlib.Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    if _is_fetched(root, base) or urllib.request.getproxies():
        return
    try:
        urls = tfds.builder_cls(base).url_infos or {}
    except (ImportError, tfds.core.registered.DatasetNotFoundError):
        return  # TFDS says what is wrong.
    hosts = dict.fromkeys(
        (parts.hostname, parts.port or (80 if parts.scheme == "http" else 443))
        for parts in map(urllib.parse.urlsplit, urls)
        if parts.hostname
    )
    if 0 < len(hosts) <= _MOST_HOSTS and not any(map(_answers, hosts)):
        raise ConnectionError(
            f"The data set {name!r} is not in {root} and cannot be fetched: no "
            f"answer from {', '.join(host for host, _ in hosts)}. Prepare it "
            f"where there is a network, tfds.load({name!r}), and copy the "
            f"folder {base!r} here, or pass data_dir=."
        )


def _is_fetched(root, base):
    """Whether there are files of a data set, or files that may be its own."""
    downloads = root / "downloads"
    files = itertools.chain(
        (root / base).rglob("*"),
        (downloads / base).rglob("*"),
        (downloads / "manual").rglob("*"),
        downloads.glob("*"),  # of older TFDS
    )
    # A try that failed leaves folders, and ".tmp." in them.
    names = (str(f.relative_to(root)) for f in files if f.is_file())
    return any(".tmp." not in name for name in names)


def _answers(address):
    refused = contextlib.suppress(OSError)
    with refused, socket.create_connection(address, timeout=_PATIENCE):
        return True
    return False


@contextlib.contextmanager
def quiet(output=False):
    """Keeps TFDS's log lines, and if asked its progress, off the screen.

    Errors are exceptions and pass. The progress of a download is worth
    seeing; that of a second's work is not.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    with contextlib.ExitStack() as stack:
        stack.callback(logging.set_verbosity, verbosity)
        if output:
            tfds = _tfds()
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            tfds.disable_progress_bar()
            stack.callback(tfds.enable_progress_bar)
        yield
