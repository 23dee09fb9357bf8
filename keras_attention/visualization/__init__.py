"""Weights to figures: where a trained model looks.

    attention_maps.py  model, images -> the weights of every attention layer
    attention_plot.py  images, maps -> a figure
    panels.py          the figure's grid, titles and colour bars
    scaling.py         weights -> what a colour stands for
    captions.py        what is written under an image
    pictures.py        images, masks and boxes, checked and ready to draw
    architecture.py    a model -> a figure of its blocks and its attention
    architecture_parts.py  what that figure shows

    maps = collect_attention(model, images)
    plot_attention(images, maps, outlines=masks, labels=labels)

The only part of the package that imports matplotlib, and never pyplot: a
figure is shown once, by whoever asked for it, and belongs to no global list.
"""

from keras_attention.visualization.architecture import plot_architecture
from keras_attention.visualization.attention_maps import AttentionMap
from keras_attention.visualization.attention_maps import collect_attention
from keras_attention.visualization.attention_plot import plot_attention

__all__ = [
    "AttentionMap",
    "collect_attention",
    "plot_architecture",
    "plot_attention",
]
