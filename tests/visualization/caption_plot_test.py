"""A panel a word, and a frame a word."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_attention.tasks.captioning import Captions
from keras_attention.visualization import caption_animation
from keras_attention.visualization import plot_caption_attention

IMAGES = np.random.default_rng(0).random((3, 8, 12, 3))
TEXTS = ["a dog", "a $cat$ runs", ""]
ENDED = np.array([True, False, True])


def said(count=3):
    attention = np.random.default_rng(1).random((count, 2, 4, 2, 3))
    attention /= attention.sum((3, 4), keepdims=True)
    tokens = np.zeros((count, 4), int)
    return Captions(
        TEXTS[:count], tokens, np.zeros(count), ENDED[:count], attention
    )


def test_a_panel_a_word_with_its_map_and_the_sum():
    figure = plot_caption_attention(
        IMAGES, said(), outlines=[[0.1, 0.1, 0.5, 0.5]] * 3
    )
    figure.canvas.draw()
    panels = [axes for axes in figure.axes if axes.images]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == [
        *("image", "a", "dog", "<end>", "all words"),
        *("image", "a", "$cat$", "runs", "all words"),
        *("image", "<end>", "all words"),
    ]
    maps = said().attention.mean(1)
    np.testing.assert_allclose(panels[2].images[1].get_array(), 6 * maps[0, 1])
    total = panels[4].images[1]
    np.testing.assert_allclose(total.get_array(), maps[0, :3].sum(0))
    assert total.norm.vmax == pytest.approx(maps[0, :3].sum(0).max())


def test_a_frame_a_word(tmp_path):
    animation = caption_animation(IMAGES, said(), index=1, milliseconds=500)
    assert len(animation.frames) == 3
    animation.save(tmp_path / "caption.gif")
    with Image.open(tmp_path / "caption.gif") as file:
        assert file.n_frames == 3 and file.info["duration"] == 500
    buffer = io.BytesIO()
    animation.save(buffer)
    assert buffer.getvalue() == (tmp_path / "caption.gif").read_bytes()
    assert "data:image/gif" in animation._repr_html_()


def test_what_is_refused():
    with pytest.raises(ValueError, match="expected 2, one a caption.*3 images"):
        plot_caption_attention(IMAGES, said(2))
    with pytest.raises(ValueError, match="index"):
        caption_animation(IMAGES, said(), index=3)
