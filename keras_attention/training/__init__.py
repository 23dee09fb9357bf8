"""What makes training short: what does not change is computed once.

feature_cache.py  the maps of a frozen network, on disk
fingerprint.py    what a network computes and of what, in one word
"""

from keras_attention.training.feature_cache import cached_features

__all__ = ["cached_features"]
