"""Models and a test set -> tables.

comparison.py  one row a model: answers, cost, and where attention falls
report.py      the rows, to print, to show and to save
batches.py     one way through every kind of test set
"""

from keras_attention.evaluation.comparison import compare
from keras_attention.evaluation.report import Comparison

__all__ = ["Comparison", "compare"]
