"""How the networks of glimpses.py are trained, and from what they begin."""

from typing import NamedTuple


class Stage(NamedTuple):
    """A training on one canvas."""

    images: int
    epochs: int
    rate: float
    batch: int = 32
    learns: str = "all"  # or "sight", "search", "weights"; the rest stays


# All images of a stage are whole batches: JAX compiles for every other one.
ALL_PIXELS = {
    64: [Stage(8192, 5, 3e-3, 64)],
    128: [Stage(3072, 2, 1e-3, 64)],
    256: [Stage(3072, 3, 1e-3)],
    512: [Stage(1536, 2, 1e-3, 16)],
    1024: [Stage(512, 2, 1e-3, 8)],
}
# A locator that learns at once, or fast, leads to a corner and stays there.
ONE_BY_ONE = {
    64: [Stage(8192, 8, 3e-3, 64, learns="sight")],
    128: [Stage(4096, 4, 1e-3, 64)],
    256: [Stage(3072, 3, 1e-3, 64)],
    512: [Stage(1536, 2, 1e-3, 64)],
    1024: [Stage(512, 2, 1e-3, 64)],
}
BY_GRADIENT = {
    canvas: [stage._replace(rate=1e-4) for stage in own]
    for canvas, own in ONE_BY_ONE.items()
    if canvas > 64
}
SEARCH = {
    256: [Stage(4096, 4, 5e-3, learns="search"), Stage(3072, 2, 5e-4)],
    512: [Stage(2048, 2, 5e-3, 16, learns="search"), Stage(2048, 1, 5e-4, 16)],
    1024: [Stage(1024, 2, 5e-3, 16, learns="search"), Stage(1024, 1, 5e-4, 16)],
}
WEIGHTS = {
    256: [Stage(3072, 8, 5e-3, 16, learns="weights")],
    512: [Stage(2048, 8, 5e-3, 16, learns="weights")],
    1024: [Stage(1024, 8, 5e-3, 16, learns="weights")],
}
STAGES = {
    "dense": ALL_PIXELS,
    # From 32x32 pixels on, the least that VGG16_bn takes.
    "dense, quarter size": {
        **{c: s for c, s in ALL_PIXELS.items() if c > 64},
        128: [Stage(8192, 10, 3e-3, 64)],
    },
    "dense, more images": {64: [Stage(16384, 5, 3e-3, 64)]},
    "dense attention": {c: s for c, s in ALL_PIXELS.items() if c > 64},
    "sampling": SEARCH,
    "sampling, finer": SEARCH,
    "sampling, weighed again": WEIGHTS,
    "glimpses": ONE_BY_ONE,
    "glimpses, by gradient": BY_GRADIENT,
}
# Where a network that has no smaller canvas goes on from.
START = {
    **dict.fromkeys(
        ("dense attention", "sampling", "sampling, finer"), (("dense", 64),)
    ),
    "sampling, weighed again": (("dense, more images", 64),),
    "glimpses, by gradient": (("glimpses", 64),),
}
# Whose places a network has, on every canvas.
LOOKS_AS = {"sampling, weighed again": "sampling, finer"}


def canvases():
    """All sizes, in order."""
    return sorted({canvas for own in STAGES.values() for canvas in own})


def stages(name, fast=False, apart=False):
    """`{canvas: [Stage]}`."""
    found = STAGES[name]
    if apart and name.startswith("sampling"):
        found = {
            canvas: [stage for stage in own if stage.learns != "all"]
            for canvas, own in found.items()
        }
    if fast:
        found = {
            canvas: [stage._replace(images=64, epochs=1) for stage in own]
            for canvas, own in found.items()
            if canvas <= 256
        }
    return found


def before(name, canvas):
    """The networks and canvases whose weights are gone on with.

    The first says where to look.
    """
    smaller = [size for size in STAGES[name] if size < canvas]
    sources = ((name, smaller[-1]),) if smaller else START.get(name, ())
    if name in LOOKS_AS:
        return (LOOKS_AS[name], canvas), *sources
    return sources
