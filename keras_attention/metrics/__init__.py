"""Numbers about attention: does it fall on the object, and what did it cost?

    localisation.py    maps and masks -> share of the attention on the object
    attention_kind.py  whether weights are a map, channels or pairs
    comparison.py      models and a test set -> one row a model
    batches.py         one way through every kind of test set
    report.py          the rows, to print, to show and to save
    table.py           aligned text and HTML

Nothing here draws; figures are in `keras_attention.visualization`.
"""

from keras_attention.metrics.comparison import compare
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.report import Comparison

__all__ = ["Comparison", "area_share", "attention_energy", "compare"]
