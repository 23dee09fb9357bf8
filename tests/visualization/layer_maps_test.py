import numpy as np
import pytest

from keras_attention import visualization
from keras_attention.datasets import Originals
from keras_attention.datasets import from_arrays
from keras_attention.visualization import AttentionMap

# One photograph lies, one stands; both are padded to 24 x 24.
WIDE, TALL = (12, 24), (40, 20)
PADDED = Originals([WIDE, TALL], (24, 24), "pad")
PHOTOGRAPHS = [np.zeros(WIDE), np.zeros((*TALL, 3))]


def attention():
    """Of the wide photograph its left half, of the tall one its lower half."""
    values = np.zeros((2, 1, 4, 4))
    values[0, :, 1:3, :2] = 1 / 4
    values[1, :, 2:, 1:3] = 1 / 4
    return AttentionMap(values, "gate", originals=PADDED)


def drawn(figure, panel):
    """What lies over the picture of a panel, and where it ends."""
    picture, over = panel.images
    assert over.get_extent() == picture.get_extent()
    assert panel.get_xlim()[1] + 0.5 == picture.get_array().shape[1]
    return np.ma.filled(over.get_array(), np.nan)


def panels(figure):
    return [axes for axes in figure.axes if len(axes.images) == 2]


@pytest.mark.parametrize("plot", ["plot_attention", "compare_maps"])
def test_padded_maps_are_brought_back_to_photographs(plot):
    figure = getattr(visualization, plot)(PHOTOGRAPHS, {"gate": attention()})
    wide, tall = (drawn(figure, panel) for panel in panels(figure))
    assert wide.shape == WIDE and tall.shape == TALL
    # Times a uniform map of the 16 positions that the layer has.
    np.testing.assert_allclose(wide[3:9, :9], 4, atol=1e-5)
    np.testing.assert_allclose(wide[:, 15:], 0, atol=1e-5)
    np.testing.assert_allclose(tall[25:, 5:15], 4, atol=1e-5)
    np.testing.assert_allclose(tall[:15], 0, atol=1e-5)
    texts = [t.get_text() for t in figure.texts]
    texts += [axes.get_title(loc="left") for axes in figure.axes]
    assert any("4x4" in text for text in texts)


def test_laid_out_images_have_their_maps_as_they_are():
    maps = {"gate": attention()}
    figure = visualization.plot_attention(np.zeros((2, 24, 24)), maps)
    assert drawn(figure, panels(figure)[0]).shape == (4, 4)


def test_a_padded_map_is_not_stretched_over_a_photograph():
    unknown = {"gate": attention().values}
    with pytest.raises(ValueError, match="maps, 'gate': .*12 x 24.*4 x 4"):
        visualization.plot_attention(PHOTOGRAPHS, unknown)
    with pytest.raises(ValueError, match="originals=examples.originals"):
        visualization.compare_maps(PHOTOGRAPHS, unknown)
    # Of the other photographs.
    known = attention()[[1, 0]]
    with pytest.raises(ValueError, match="maps, 'gate': .*12 x 24"):
        visualization.plot_attention(PHOTOGRAPHS, {"gate": known})
    # Proportions that convolutions change a little, and strides round.
    for rows, columns in ((10, 22), (6, 12), (1, 1), (1, 2)):
        visualization.plot_attention(
            np.zeros((1, 12, 24)), {"a": np.ones((1, rows, columns))}
        )


def test_every_figure_takes_photographs(tmp_path):
    maps = {"gate": attention()}
    gallery = visualization.AttentionGallery(tmp_path)
    gallery.add(PHOTOGRAPHS, maps, masks=[np.ones(WIDE), np.ones(TALL)])
    seen = (tmp_path / "gallery_files", gallery.write())[0]
    assert len([*seen.glob("*-0.jpg")]) == 2
    [lift] = {tuple(e.values["lift"]) for e in gallery._entries}
    np.testing.assert_allclose(lift, 1)
    for index, size in enumerate((WIDE, TALL)):
        figure = visualization.plot_heads(maps["gate"], PHOTOGRAPHS, index)
        assert drawn(figure, panels(figure)[0]).shape == size
    worst = visualization.plot_top_losses(
        PHOTOGRAPHS, [0, 0], np.array([[0.9, 0.1], [0.2, 0.8]]), maps
    )
    assert drawn(worst, panels(worst)[0]).shape == TALL
    boxes = visualization.boxes_from_maps(maps["gate"])
    np.testing.assert_allclose(
        boxes, [[0, 0, 1, 0.5], [0.5, 0, 1, 1]], atol=0.05
    )


def test_energy_is_of_the_photograph():
    """Attention fills the photograph, so its middle half has half of it."""
    middle = np.zeros((2, 24, 24))
    middle[:, 6:18] = 1
    middle[1] = middle[1].T
    figure = visualization.compare_maps(
        PHOTOGRAPHS, {"gate": attention()}, middle
    )
    texts = [t.get_text() for t in figure.texts if "energy" in t.get_text()]
    assert len(texts) == 2
    for text in texts:  # and a little more: less is at the edges
        assert 0.5 < float(text.split()[1].rstrip(",")) < 0.7


def test_maps_keep_their_photographs():
    images = [np.zeros(WIDE, "uint8"), np.zeros(TALL, "uint8")]
    examples = from_arrays(images, [0, 1], size=24, layout="pad")
    known = AttentionMap(
        attention().values, "gate", originals=examples.originals
    )
    assert [x.shape for x in known.to_originals()] == [WIDE, TALL]
    assert [x.shape for x in known[1].to_originals()] == [TALL]
    with pytest.raises(ValueError, match="originals=examples.originals"):
        AttentionMap(known.values, "gate").to_originals()
    with pytest.raises(ValueError, match="argument originals: expected 2"):
        AttentionMap(known.values, "gate", originals=PADDED[:1])
    with pytest.raises(ValueError, match="argument maps: expected 2 maps"):
        PADDED.bring_back(np.ones((3, 4, 4)))
    with pytest.raises(ValueError, match="proportions.*24 x 24.*4 x 8"):
        PADDED.bring_back(np.ones((2, 4, 8)))
    with pytest.raises(ValueError, match="argument layout"):
        Originals([WIDE], (24, 24), "squash")
    with pytest.raises(ValueError, match="argument sizes"):
        Originals([12, 24], (24, 24))
