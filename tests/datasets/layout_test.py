"""What is placed in a layout is found again where it was."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.images import read_image
from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.layout import lay_out_boxes
from keras_attention.datasets.layout import read_laid_out
from keras_attention.datasets.layout import to_original
from keras_attention.datasets.opening import size_of
from keras_attention.datasets.placement import LAYOUTS
from keras_attention.datasets.placement import check_size
from keras_attention.datasets.placement import placement

SIZES = [
    ((37, 53), (24, 24)),
    ((53, 37), (24, 40)),
    ((16, 16), (16, 16)),
    ((100, 20), (32, 32)),
    ((20, 100), (64, 32)),
    ((9, 11), (48, 40)),
    ((31, 30), (30, 31)),
]


@pytest.mark.parametrize("original, size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_ramp_comes_back_to_every_pixel(original, size, layout):
    """Linear images survive linear interpolation: coordinates round-trip.

    But for a twentieth of a pixel, by which a hat sampled at whole pixels
    is not symmetric.
    """
    rows, columns = np.mgrid[: original[0], : original[1]]
    ramp = np.stack([rows, columns], axis=-1).astype("float32")
    laid_out = lay_out(ramp, size, layout)
    assert laid_out.shape == (*size, 2) and laid_out.dtype == np.float32
    back = to_original(np.moveaxis(laid_out, -1, 0), original, layout)
    assert back.shape == (2, *original)
    # Interpolation holds the border's value half a (coarser) pixel inwards.
    seen, placed = placement(original, size, layout)
    margins = [
        1 + int(np.ceil(s.length / p.length + 1))
        for s, p in zip(seen, placed, strict=True)
    ]
    inner = tuple(
        slice(s.start + m, s.start + s.length - m)
        for s, m in zip(seen, margins, strict=True)
    )
    for axis, truth in enumerate((rows, columns)):
        found = back[axis][inner]
        if found.size:
            np.testing.assert_allclose(found, truth[inner], atol=0.1)


@pytest.mark.parametrize("original, size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_marked_block_comes_back_to_its_place(original, size, layout):
    seen, _ = placement(original, size, layout)
    rng = np.random.default_rng(0)
    for _ in range(20):
        side = [max(2, span.length // 4) for span in seen]
        start = [
            int(rng.integers(span.start, span.start + span.length - length + 1))
            for span, length in zip(seen, side, strict=True)
        ]
        image = np.zeros((*original, 1), "uint8")
        image[start[0] :, start[1] :][: side[0], : side[1]] = 255
        laid_out = lay_out(image, size, layout)[..., 0].astype("float32")
        back = np.nan_to_num(to_original(laid_out, original, layout))
        for axis in range(2):
            profile = back.sum(axis=1 - axis)
            centre = (profile * np.arange(original[axis])).sum() / profile.sum()
            truth = start[axis] + (side[axis] - 1) / 2
            assert abs(centre - truth) < 0.06 * original[axis] / 4 + 0.5


@pytest.mark.parametrize("original, size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_move_with_their_pixels(original, size, layout):
    rng = np.random.default_rng(1)
    for _ in range(20):
        corners = np.sort(rng.random((2, 2)), axis=0)
        pixels = np.rint(corners * original).astype(int)
        pixels[1] = np.maximum(pixels[1], pixels[0] + 1)
        (top, left), (bottom, right) = pixels
        if bottom > original[0] or right > original[1]:
            continue
        box = (pixels / original).reshape(1, 4)
        # Painted on an image of ones, magnified so that edges are sharp.
        image = np.zeros((*original, 1), "float32")
        image[top:bottom, left:right] = 1
        expected = lay_out(image, size, layout, "nearest")[..., 0]
        moved = lay_out_boxes(box, original, size, layout)
        if not len(moved):
            assert expected.sum() == 0
            continue
        assert moved.dtype == np.float32 and moved.shape == (1, 4)
        # A pixel belongs to the box if its centre does.
        rows, columns = (
            (np.arange(size[axis]) + 0.5) / size[axis] for axis in range(2)
        )
        inside = ((rows >= moved[0, 0] - 1e-6) & (rows < moved[0, 2] + 1e-6))[
            :, None
        ] & ((columns >= moved[0, 1] - 1e-6) & (columns < moved[0, 3] + 1e-6))
        differing = np.argwhere(inside != (expected == 1))
        # Ties of a centre on an edge alone.
        for row, column in differing:
            tie = [
                abs(rows[row] - moved[0, [0, 2]]).min(),
                abs(columns[column] - moved[0, [1, 3]]).min(),
            ]
            assert min(tie) < 1e-5


def test_layouts_of_a_wide_image():
    image = np.full((10, 30, 3), 200, "uint8")
    image[:, :10] = 100
    stretched = lay_out(image, (6, 6))
    assert stretched[:, 0].min() == 100 and stretched[:, -1].min() == 200
    padded = lay_out(image, (6, 6), "pad")
    assert padded.dtype == np.uint8
    assert (padded[[0, 1, 4, 5]] == 0).all() and (padded[2:4] >= 100).all()
    cropped = lay_out(image, (10, 10), "crop")
    np.testing.assert_array_equal(cropped, image[:, 10:20])


def test_equal_size_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype("uint8")
    for layout in LAYOUTS:
        for method in ("bilinear", "nearest"):
            same = lay_out(image, (7, 9), layout, method)
            np.testing.assert_array_equal(same, image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(5, 9), (30, 7), (13, 11), (26, 40)])
def test_images_are_resized_as_the_backend_does(size, channels, dtype):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (13, 11, channels)).astype(dtype)
    ours = lay_out(image, size)
    assert ours.dtype == dtype and ours.shape == (*size, channels)
    theirs = keras.ops.image.resize(
        image.astype("float32"), size, antialias=True
    )
    # Pillow rounds bytes along each axis.
    np.testing.assert_allclose(
        ours.astype("float32"),
        keras.ops.convert_to_numpy(theirs),
        atol={"uint8": 1.0, "uint16": 0.51, "float32": 1e-3}[dtype],
    )


def test_masks_stay_zero_and_one():
    mask = (np.random.default_rng(0).random((19, 31, 1)) > 0.5).astype("uint8")
    for layout in LAYOUTS:
        laid_out = lay_out(mask, (12, 13), layout, "nearest")
        assert set(np.unique(laid_out)) == {0, 1}
        assert laid_out.dtype == np.uint8


def test_a_magnified_mask_comes_back_exactly():
    mask = (np.random.default_rng(0).random((9, 12, 1)) > 0.5).astype("uint8")
    for layout in LAYOUTS:
        laid_out = lay_out(mask, (48, 48), layout, "nearest")
        back = to_original(laid_out[..., 0], (9, 12), layout, method="nearest")
        known = ~np.isnan(back)
        np.testing.assert_array_equal(back[known], mask[..., 0][known])
        assert known.all() == (layout != "crop")


def test_extreme_proportions_keep_a_pixel():
    for original in ((1, 5000), (5000, 1), (1, 1)):
        image = np.full((*original, 1), 9, "uint8")
        for layout in LAYOUTS:
            laid_out = lay_out(image, (8, 8), layout)
            assert laid_out.shape == (8, 8, 1) and laid_out.max() == 9
            back = to_original(laid_out[..., 0], original, layout)
            assert back.shape == original
            np.testing.assert_allclose(np.nanmax(back), 9, rtol=1e-6)


def test_boxes_that_are_cut_off_are_dropped():
    boxes = np.array([[0, 0, 1, 0.2], [0, 0.2, 0.5, 0.5], [0, 0, 1, 0.25]])
    left = lay_out_boxes(boxes, (10, 20), (10, 10), "crop")
    np.testing.assert_allclose(left, [[0, 0, 0.5, 0.5]], atol=1e-6)
    assert lay_out_boxes(np.zeros((0, 4)), (3, 4), (5, 5), "pad").shape == (
        0,
        4,
    )
    padded = lay_out_boxes([[0, 0, 1, 1]], (10, 20), (10, 10), "pad")
    span = placement((10, 20), (10, 10), "pad").placed[0]
    np.testing.assert_allclose(
        padded, [[span.start / 10, 0, (span.start + span.length) / 10, 1]]
    )


def test_whole_maps_are_interpolated_as_images_are():
    maps = np.random.default_rng(0).random((2, 7, 5)).astype("float32")
    ours = to_original(maps, (21, 33), size=(224, 160))
    expected = lay_out(np.moveaxis(maps, 0, -1), (21, 33))
    np.testing.assert_allclose(ours, np.moveaxis(expected, -1, 0), atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_coarse_map_covers_the_image_padding_included(layout):
    """The hot cell of a 7 x 7 map is hot at its place in the original."""
    original, size = (60, 120), (56, 56)
    seen, placed = placement(original, size, layout)
    for row in range(2, 5):
        for column in range(2, 5):
            coarse = np.zeros((7, 7), "float32")
            coarse[row, column] = 1
            back = to_original(coarse, original, layout, size)
            peak = np.unravel_index(np.nanargmax(back), original)
            for axis, cell in enumerate((row, column)):
                centre = (cell + 0.5) * 8 - placed[axis].start
                scale = seen[axis].length / placed[axis].length
                truth = centre * scale + seen[axis].start
                assert abs(peak[axis] + 0.5 - truth) <= scale + 0.51


def test_what_crop_cuts_off_is_not_known():
    back = to_original(np.ones((4, 4)), (10, 20), "crop", 40)
    assert np.isnan(back[:, :5]).all() and np.isnan(back[:, 15:]).all()
    np.testing.assert_allclose(back[:, 5:15], 1)


def test_examples_know_the_way_back():
    images = [np.zeros((10, 20), "uint8"), np.zeros((20, 10), "uint8")]
    examples = from_arrays(images, [0, 1], size=8, layout="crop")
    maps = np.ones((2, 3, 4, 4))
    assert examples.to_original(maps, 1).shape == (2, 3, 20, 10)
    back = examples.to_original(maps, 0)
    assert back.shape == (2, 3, 10, 20)
    assert np.isnan(back).mean() == 0.5


def test_bad_arguments_are_named():
    image = np.zeros((4, 4, 1))
    with pytest.raises(ValueError, match="argument layout.*'stretch', 'pad'"):
        lay_out(image, (2, 2), "squash")
    with pytest.raises(ValueError, match="argument method"):
        lay_out(image, (2, 2), "pad", "bicubic")
    with pytest.raises(ValueError, match="argument maps"):
        to_original(np.ones(3), (2, 2))
    for size in (0, (1, 2, 3), "8", (4, 2.5), 2.0):
        with pytest.raises(ValueError, match="argument size"):
            check_size(size)
    assert check_size(np.int64(3)) == (3, 3) and check_size([2, 3]) == (2, 3)


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width] / (height + width)
    planes = (200 * rows + 60 * columns, 250 * columns, 180 - 90 * rows)
    return np.stack(planes, axis=-1).astype("uint8")


def stored(image, mode="RGB", file_format="JPEG", **options):
    buffer = io.BytesIO()
    Image.fromarray(image).convert(mode).save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_is_read_into_its_layout_as_if_read_whole(layout, channels):
    """Reduced by the decoder of JPEG, turned by EXIF, in every mode."""
    image = smooth(240, 500)
    deep = image[..., 0].astype("uint16") * 257
    transparent = np.dstack([image, image[..., :1]])
    files = [
        stored(image, "CMYK", quality=95),
        stored(image, "L"),
        stored(image, "P", "PNG"),
        stored(transparent, "RGBA", "PNG"),
        stored(transparent, "RGBA", "TIFF"),
        stored(deep, "I;16", "PNG"),
        stored(deep, "I;16", "TIFF"),
    ]
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        files.append(stored(image, exif=exif, quality=95))
        files.append(stored(image, file_format="TIFF", exif=exif))
    for data in files:
        whole = read_image(data, channels)
        for size in ((32, 32), (24, 50), (300, 301)):
            pixels, original = read_laid_out(data, size, layout, channels)
            expected = lay_out(whole, size, layout)
            assert pixels.shape == (*size, channels)
            assert pixels.dtype == np.uint8
            assert original == whole.shape[:2] == size_of(data)
            difference = np.abs(pixels.astype(int) - expected)
            assert difference.mean() < 0.6 and difference.max() <= 6


def test_only_what_is_left_out_of_a_file_is_reduced():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    for data in (stored(image), stored(image, file_format="PNG")):
        pixels, _ = read_laid_out(data, (64, 64))
        np.testing.assert_array_equal(pixels, read_image(data))


def test_a_reduced_file_has_no_border():
    """Whatever its side: a rounded one once let a black row in."""
    for height in range(190, 240):
        data = stored(np.full((height, 301, 3), 200, "uint8"))
        pixels, _ = read_laid_out(data, (33, 40))
        assert np.ptp(pixels) == 0
