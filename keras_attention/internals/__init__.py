"""What the rooms share and nobody outside calls.

arguments.py      checks of constructor arguments, in one wording
registry.py       layers by key: `"additive"` is an `AdditiveScore`
projection.py     the linear maps inside scores and layers
recording.py      how a layer reports its weights
caption_words.py  the words of a caption
files.py          files that are written whole or not at all
npy.py            what a header of an array says
archive.py        arrays out of an `.npz` file that nobody vouches for
keras_private.py  the only file that touches a private name of Keras
renamed.py        configurations with former names of arguments
requirements.py   what must be installed, said at the door
keras_version.py  whether Keras is new enough
table.py          aligned text and HTML
words.py          the words of messages
"""

__all__ = []
