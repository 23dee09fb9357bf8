"""Weights to figures: where a trained model looks.

    attention_maps.py  model, images -> the weights of every attention layer
    attention_plot.py  images, maps -> a figure
    panels.py          the figure's grid, titles and colour bars
    scaling.py         weights -> what a colour stands for
    captions.py        what is written under an image
    pictures.py        images, masks and boxes, checked and ready to draw
    architecture.py    a model -> a figure of its blocks and its attention
    architecture_parts.py  what that figure shows
    architecture_arrangement.py  where that stands in it
    walk.py            model, image -> features, scores, weights, context
    walk_plot.py       that walk as a figure
    worked_example.py  a query, a few keys -> every number of the walk
    alignment_plot.py  scores -> weights under several alignments
    pair_plot.py       all scores with all alignments, a tile a pair
    caption_plot.py    images, captions -> where every word looked
    animation.py       pictures -> a GIF
    scores_plot.py     a report of scores -> ROC and calibration curves
    canvas.py          the look of figures with axes
    titles.py          titles no wider than their panel
    styles.py          letters for a notebook or for a lecture

    maps = collect_attention(model, images)
    plot_attention(images, maps, outlines=masks, labels=labels)

The only part of the package that imports matplotlib, and never pyplot: a
figure is shown once, by whoever asked for it, and belongs to no global list.
"""

from keras_attention.explanation import grad_cam
from keras_attention.visualization.alignment_plot import TemperatureAnimation
from keras_attention.visualization.alignment_plot import compare_alignments
from keras_attention.visualization.alignment_plot import temperature_animation
from keras_attention.visualization.animation import Animation
from keras_attention.visualization.architecture import plot_architecture
from keras_attention.visualization.attention_maps import AttentionMap
from keras_attention.visualization.attention_maps import collect_attention
from keras_attention.visualization.attention_plot import plot_attention
from keras_attention.visualization.caption_plot import caption_animation
from keras_attention.visualization.caption_plot import plot_caption_attention
from keras_attention.visualization.pair_plot import plot_pairs
from keras_attention.visualization.scores_plot import plot_calibration
from keras_attention.visualization.scores_plot import plot_roc
from keras_attention.visualization.styles import drawing_style
from keras_attention.visualization.walk import Walk
from keras_attention.visualization.walk import follow
from keras_attention.visualization.walk_plot import plot_walk
from keras_attention.visualization.worked_example import WorkedExample
from keras_attention.visualization.worked_example import worked_example

__all__ = [
    "Animation",
    "AttentionMap",
    "TemperatureAnimation",
    "Walk",
    "WorkedExample",
    "caption_animation",
    "collect_attention",
    "compare_alignments",
    "drawing_style",
    "follow",
    "grad_cam",
    "plot_architecture",
    "plot_attention",
    "plot_calibration",
    "plot_caption_attention",
    "plot_pairs",
    "plot_roc",
    "plot_walk",
    "temperature_animation",
    "worked_example",
]
