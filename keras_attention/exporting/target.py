"""Where an export goes."""

import os
import pathlib

from keras_attention.internals import arguments


def checked_target(path, format, overwrite):
    """The path as `pathlib.Path`, if the format can be written there.

    Args:
        path: as given to `export`.
        format: `Format`.
        overwrite: bool, whether something of the same format may stand there.

    Raises:
        ValueError: For a name that says another format, a folder that does
            not exist, and a path that is taken.
    """
    if not isinstance(path, (str, os.PathLike)):
        expected = "a path: export(model, path)"
        raise ValueError(arguments.invalid("path", path, expected))
    path = pathlib.Path(path)
    if path.suffix in (".onnx", ".tflite", ".keras", ".h5") or format.suffix:
        expected = f"a name in {format.suffix!r}"
        if not format.suffix:
            expected = "a folder without a suffix"
        if path.suffix != format.suffix:
            expected = f"{expected} for format {format.name!r}"
            other = {".onnx": "onnx", ".tflite": "litert"}.get(path.suffix)
            if other:
                expected += f", or format={other!r} for this name"
            raise ValueError(arguments.invalid("path", str(path), expected))
    if not path.parent.is_dir():
        expected = f"a path in a folder that exists, not {str(path.parent)!r}"
        raise ValueError(arguments.invalid("path", str(path), expected))
    if os.path.lexists(path):
        if not overwrite:
            expected = "a path that is free, or overwrite=True"
            raise ValueError(arguments.invalid("path", str(path), expected))
        if not _is_of(path, format):
            expected = (
                f"something of format {format.name!r} to overwrite, and "
                "nothing else"
            )
            raise ValueError(arguments.invalid("path", str(path), expected))
    return path


def size_of(path):
    """The bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def _is_of(path, format):
    if format.suffix:
        return path.is_file()
    return (path / "saved_model.pb").is_file()
