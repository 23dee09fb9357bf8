"""Models and a test set, or labels and scores -> tables.

comparison.py        one row a model: answers, cost, where attention falls
comparison_table.py  the rows, to print, to show and to save
batches.py           one way through every kind of test set
augmented.py         answers and maps averaged over copies of an image

image_judge.py       generated images beside real ones, by a named network
judged_images.py     what it has seen, batch by batch, and the numbers
judge_networks.py    the networks, each with what it wants to be given

scores_report.py     labels and scores -> what a paper prints, with intervals
scores_table.py      these numbers, to print, to show, to save, to typeset
"""

from keras_attention.evaluation.augmented import predict_tta
from keras_attention.evaluation.comparison import compare
from keras_attention.evaluation.comparison_table import Comparison
from keras_attention.evaluation.image_judge import ImageJudge
from keras_attention.evaluation.judged_images import JudgedImages
from keras_attention.evaluation.scores_report import report
from keras_attention.evaluation.scores_table import ScoresReport

__all__ = [
    "Comparison",
    "ImageJudge",
    "JudgedImages",
    "ScoresReport",
    "compare",
    "predict_tta",
    "report",
]
