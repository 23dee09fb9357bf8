"""Collects what a machine without a network needs: `make gpu-kit`.

    python benchmarks/gpu/kit.py [--data ../shared/data] [--output gpu-kit]

Under a minute, and under 35 MB: wheels for Python 3.12 on x86-64 Linux, in the
versions of the environment that runs this, of Keras, KerasTuner and what they
import; this package; and CIFAR-10, JPEG copy: 10,000 of its training and 2,000
of its test images, as many of every class, their files as they are.

The machine brings PyTorch, JAX, timm, NumPy, h5py, scikit-learn and matplotlib
with what these need.
"""

import argparse
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
SOURCE = "cifar10_jpeg.npz"
IMAGES = {0: 10_000, 2: 2_000}  # of the splits: 0 train, 2 test
# What is imported without being there for PyTorch or matplotlib. Keras and
# KerasTuner declare more (namex, requests, kt-legacy), which they do without;
# `six` KerasTuner does not declare.
WHEELS = (
    *("keras", "absl-py", "ml-dtypes", "optree", "packaging", "rich"),
    *("keras-tuner", "grpcio", "protobuf", "six"),
    "cloudpickle",  # of this package
)
LIMIT = 35e6


def download(folder):
    """Wheels of the versions that this environment tests with."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in WHEELS]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", "3.12"]
    command += ["--implementation", "cp", "--dest", str(folder)]
    for tag in ("_2_28", "_2_27", "_2_24", "_2_17", "2014", "_2_5", "1"):
        command += ["--platform", f"manylinux{tag}_x86_64"]
    subprocess.run([*command, *wanted], check=True)


def build(folder):
    """This package, from a copy: an older build beside it would join in."""
    source = folder.parent / "source"
    shutil.copytree(
        ROOT / "keras_attention",
        source / "keras_attention",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)


def choose(source, target, seed=0):
    """Copies as many images of every class, in random order."""
    with np.load(source) as archive:
        arrays = {name: archive[name] for name in archive.files}
    labels, splits = arrays["label"], arrays["split"]
    classes = np.unique(labels)
    rng = np.random.default_rng(seed)
    chosen = []
    for split, count in IMAGES.items():
        of_split = [
            rng.choice(
                np.flatnonzero((splits == split) & (labels == label)),
                count // len(classes),
                replace=False,
            )
            for label in classes
        ]
        chosen.append(rng.permutation(np.concatenate(of_split)))
    chosen = np.concatenate(chosen)
    jpeg, offsets = arrays["jpeg"], arrays["offsets"]
    files = [jpeg[offsets[i] : offsets[i + 1]] for i in chosen]
    np.savez_compressed(
        target,
        jpeg=np.concatenate(files),
        offsets=np.cumsum([0, *map(len, files)]),
        label=labels[chosen],
        split=splits[chosen],
        class_names=arrays["class_names"],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", default=ROOT.parent / "shared" / "data", help="its folder")
    add("--output", default=ROOT / "gpu-kit", help="folder, made anew")
    arguments = parser.parse_args()
    source = pathlib.Path(arguments.data, SOURCE)
    output = pathlib.Path(arguments.output)
    if not source.is_file():
        print(f"kit.py: there is no {source}; see --data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        kit = pathlib.Path(folder, "kit")
        kit.mkdir()
        download(kit)
        build(kit)
        choose(source, kit / "cifar10.npz")
        shutil.rmtree(output, ignore_errors=True)
        shutil.move(kit, output)
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {len(list(output.iterdir()))} files, {size / 1e6:.1f} MB")
    if size > LIMIT:
        print(f"kit.py: more than {LIMIT / 1e6:.0f} MB", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
