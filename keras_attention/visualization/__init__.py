"""Weights to figures: where a trained model looks.

    collecting.py      model, images -> the weights of every attention layer
    attention_map.py   those of one layer, and what can be read from them
    influence.py       whether they matter for the answers, in words
    grids.py           pairs of positions -> rows and columns
    attention_plot.py  images, maps -> a figure
    top_losses_plot.py the same, the most wrong answers first
    comparison_plot.py maps of several kinds side by side
    heads_plot.py      every head of a layer; what one position looks at
    channels_plot.py   weights of channels, class by class
    timeline.py        rows of maps over the same images, epoch by epoch
    gallery.py         many images -> a page to filter and sort
    gallery_page.py    that page's HTML, with gallery.css and gallery.js
    boxes.py           maps -> boxes around where they are high
    agreement.py       how alike two maps are
    entropy.py         how evenly attention is spread
    layer_maps.py      what a figure is given: maps, and what is none
    objects.py         where objects are, and how much of a map is on them
    drawing.py         a map over its image, in axes
    overlays.py        the same in pixels
    panels.py          grids of panels, titles and colour bars
    scaling.py         weights -> what a colour stands for
    captions.py        what is written under an image
    pictures.py        images, masks and boxes, checked and ready to draw
    architecture.py    a model -> a figure of its blocks and its attention
    architecture_units.py  the calls of the model that it shows
    architecture_parts.py  the parts that they make up
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
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.attention_plot import plot_attention
from keras_attention.visualization.boxes import boxes_from_maps
from keras_attention.visualization.caption_plot import caption_animation
from keras_attention.visualization.caption_plot import plot_caption_attention
from keras_attention.visualization.channels_plot import plot_channel_attention
from keras_attention.visualization.collecting import collect_attention
from keras_attention.visualization.comparison_plot import compare_maps
from keras_attention.visualization.gallery import AttentionGallery
from keras_attention.visualization.heads_plot import plot_heads
from keras_attention.visualization.heads_plot import plot_seen_from
from keras_attention.visualization.pair_plot import plot_pairs
from keras_attention.visualization.scores_plot import plot_calibration
from keras_attention.visualization.scores_plot import plot_roc
from keras_attention.visualization.styles import drawing_style
from keras_attention.visualization.top_losses_plot import plot_top_losses
from keras_attention.visualization.walk import Walk
from keras_attention.visualization.walk import follow
from keras_attention.visualization.walk_plot import plot_walk
from keras_attention.visualization.worked_example import WorkedExample
from keras_attention.visualization.worked_example import worked_example

__all__ = [
    "Animation",
    "AttentionGallery",
    "AttentionMap",
    "TemperatureAnimation",
    "Walk",
    "WorkedExample",
    "boxes_from_maps",
    "caption_animation",
    "collect_attention",
    "compare_alignments",
    "compare_maps",
    "drawing_style",
    "follow",
    "grad_cam",
    "plot_architecture",
    "plot_attention",
    "plot_calibration",
    "plot_caption_attention",
    "plot_channel_attention",
    "plot_heads",
    "plot_pairs",
    "plot_roc",
    "plot_seen_from",
    "plot_top_losses",
    "plot_walk",
    "temperature_animation",
    "worked_example",
]
