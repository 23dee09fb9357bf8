"""An existing network, changed: attention put in and taken out.

attach.py         {where: what} -> a new model with attention
detach.py         the way back
places.py         the language that names places in a network
landmarks.py      places that every network of a kind has
graph.py          reading the graph of a functional model
insertion.py      the layer to insert at a place
pooling.py        attention where a map was pooled evenly
rebuild.py        a copy of a model in which some calls are others
copying.py        copying one layer with all of its state
weight_report.py  which weights two models share
"""

from keras_attention.surgery.attach import attach
from keras_attention.surgery.detach import detach
from keras_attention.surgery.weight_report import WeightReport
from keras_attention.surgery.weight_report import compare_weights

__all__ = ["WeightReport", "attach", "compare_weights", "detach"]
