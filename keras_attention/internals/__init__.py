"""What the rooms share and nobody outside calls.

arguments.py      checks of constructor arguments, in one wording
registry.py       layers by key: `"additive"` is an `AdditiveScore`
projection.py     the linear maps inside scores and layers
recording.py      how a layer reports its weights
keras_private.py  the only file that touches a private name of Keras
table.py          aligned text and HTML
"""

__all__ = []
