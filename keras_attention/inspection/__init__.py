"""Looking into a model without changing what it computes.

extractor.py          a model -> its outputs and the weights of every layer
whole_batches.py      answers of a compiled model to batches of one size
weights_kind.py       whether weights are a map, channels or pairs
position_grids.py     how the positions of pairs lie in the image
gains.py              how much of what attention makes of a map goes on
trace.py              a model run on shapes alone: every call in it
costs.py              a trace -> parameters, operations and memory
attention_summary.py  a model -> what its attention costs
symbolic_inputs.py    what a model takes, as tensors without values
device_memory.py      how much memory there is
"""

from keras_attention.inspection.attention_summary import AttentionSummary
from keras_attention.inspection.attention_summary import attention_summary
from keras_attention.inspection.costs import Costs
from keras_attention.inspection.costs import ModelCosts
from keras_attention.inspection.costs import count_costs
from keras_attention.inspection.extractor import AttentionExtractor

__all__ = [
    "AttentionExtractor",
    "AttentionSummary",
    "Costs",
    "ModelCosts",
    "attention_summary",
    "count_costs",
]
