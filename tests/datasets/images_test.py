"""Every form of the same picture is read as the same pixels."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL import ImageFile
from PIL import TiffImagePlugin

from keras_attention.datasets.images import read_image
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.levels import binarise
from keras_attention.datasets.opening import size_of


def picture(height=6, width=9):
    """Smooth, so that lossy formats keep it; no symmetry."""
    rows, columns = np.mgrid[:height, :width]
    planes = (20 * rows + 60, 25 * columns + 20, 200 - 10 * rows - columns)
    return np.stack(planes, axis=-1).astype("uint8")


def encode(image, file_format, **options):
    buffer = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "file_format, options, tolerance",
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 100}, 16),
        ("JPEG", {"quality": 100, "subsampling": 0}, 3),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a", "a.txt"])
def test_formats_are_told_by_content(
    tmp_path, file_format, options, tolerance, name
):
    path = tmp_path / name
    path.write_bytes(encode(picture(), file_format, **options))
    for source in (path, str(path), path.read_bytes()):
        pixels = read_image(source)
        assert pixels.dtype == np.uint8 and pixels.flags.writeable
        np.testing.assert_allclose(
            pixels.astype(int), picture().astype(int), atol=tolerance
        )


def test_grey_and_colour():
    grey = picture()[..., 0]
    data = encode(grey, "PNG")
    assert read_image(data, channels=1).shape == (6, 9, 1)
    np.testing.assert_array_equal(read_image(data, channels=1)[..., 0], grey)
    np.testing.assert_array_equal(read_image(data), np.stack([grey] * 3, -1))
    luma = picture() @ np.array([0.299, 0.587, 0.114])
    ours = read_image(encode(picture(), "PNG"), channels=1)[..., 0]
    np.testing.assert_allclose(ours, luma, atol=0.51)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(file_format):
    deep = np.linspace(0, 65535, 300).astype("uint16").reshape(20, 15)
    expected = np.rint(deep / 257)
    for channels in (1, 3):
        pixels = read_image(encode(deep, file_format), channels)
        for channel in range(channels):
            np.testing.assert_array_equal(pixels[..., channel], expected)
    assert expected.min() == 0 and expected.max() == 255


def test_sixteen_bit_tiff_where_zero_is_white():
    deep = np.array([[0, 257 * 100, 65535]], "uint16")
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    data = bytearray(encode(deep, "TIFF", tiffinfo=tags))
    # PhotometricInterpretation is tag 262, a short; 1 becomes 0.
    entry = data.index(struct.pack("<HHIH", 262, 3, 1, 1))
    data[entry : entry + 10] = struct.pack("<HHIH", 262, 3, 1, 0)
    assert read_image(bytes(data), 1)[0, :, 0].tolist() == [255, 155, 0]


def png_chunk(kind, data):
    body = kind + data
    return (
        struct.pack(">I", len(data))
        + body
        + struct.pack(">I", zlib.crc32(body))
    )


def png(width, height, bits, colour_type, rows, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def test_sixteen_bit_colour_is_within_one_level():
    deep = np.random.default_rng(0).integers(0, 65536, (4, 5, 3))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    pixels = read_image(png(5, 4, 16, 2, rows)).astype(int)
    assert np.abs(pixels - deep / 257).max() <= 1


def test_one_bit_and_transparent_grey():
    bits = np.array([[True, False, True]])
    data = encode(Image.fromarray(bits), "PNG")
    assert read_image(data, 1)[0, :, 0].tolist() == [255, 0, 255]
    # A 16-bit level that the file declares transparent.
    rows = b"\0" + np.array([0, 1000, 65535], ">u2").tobytes()
    key = png_chunk(b"tRNS", struct.pack(">H", 0))
    assert read_image(png(3, 1, 16, 0, rows, key), 1)[0, :, 0].tolist() == [
        255,
        4,
        255,
    ]
    # Of a mask it is the ground, whatever its level.
    rows = b"\0" + np.array([0, 40000, 65535], ">u2").tobytes()
    for level, mask in ((0, [0, 1, 1]), (65535, [0, 1, 0])):
        key = png_chunk(b"tRNS", struct.pack(">H", level))
        found = read_mask(png(3, 1, 16, 0, rows, key))
        assert found[0, :, 0].tolist() == mask


def test_cmyk_is_the_picture_and_not_its_negative():
    cmyk = Image.fromarray(picture()).convert("CMYK")
    pixels = read_image(encode(cmyk, "JPEG", quality=100)).astype(int)
    np.testing.assert_allclose(pixels, picture().astype(int), atol=4)
    pixels = read_image(encode(cmyk, "TIFF")).astype(int)
    np.testing.assert_allclose(pixels, picture().astype(int), atol=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_transparency_is_white_and_half_is_half(mode):
    rgba = np.zeros((1, 3, 4), "uint8")
    rgba[0, :, :3] = 100
    rgba[0, :, 3] = (0, 128, 255)
    image = Image.fromarray(rgba)
    expected = [255, 177, 100]
    if mode == "P":
        image = Image.fromarray(np.array([[0, 1, 2]], "uint8"))
        image.putpalette([100] * 9)
        data = encode(image, "PNG", transparency=bytes([0, 128, 255]))
    elif mode in ("RGB", "L"):
        # One level or colour that the file declares transparent.
        grey = Image.fromarray(np.array([[7, 100, 100]], "uint8"))
        key = (7, 7, 7) if mode == "RGB" else 7
        data = encode(grey.convert(mode), "PNG", transparency=key)
        expected = [255, 100, 100]
    else:
        data = encode(image.convert(mode), "PNG")
    for channels in (1, 3):
        pixels = read_image(data, channels)
        assert pixels[0, :, 0].tolist() == expected
        assert pixels[0, :, -1].tolist() == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_what_is_upright_in_a_viewer_is_upright(orientation, file_format):
    upright = picture()
    turns = {  # what a camera stores of it
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}}
    options["WEBP"] = {"lossless": True}
    stored = np.ascontiguousarray(turns[orientation])
    data = encode(
        stored, file_format, exif=exif, **options.get(file_format, {})
    )
    pixels = read_image(data)
    assert pixels.shape == upright.shape
    np.testing.assert_allclose(pixels.astype(int), upright.astype(int), atol=3)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_several_images_the_first_is_taken(file_format):
    first = Image.fromarray(np.full((4, 5, 3), 200, "uint8"))
    second = Image.fromarray(np.zeros((4, 5, 3), "uint8"))
    data = encode(first, file_format, save_all=True, append_images=[second])
    np.testing.assert_allclose(read_image(data), 200, atol=2)


def test_files_that_are_no_images(tmp_path):
    jpeg = encode(
        np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8"),
        "JPEG",
    )
    bad = {
        "empty.jpg": (b"", "it is empty"),
        "page.jpg": (b"<html>404</html>", "its content is none of PNG, JPEG"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "head.jpg": (jpeg[:20], ""),
        "half.png": (encode(picture(40, 40), "PNG")[:70], ""),
        "half.webp": (encode(picture(), "WEBP")[:40], ""),
        "half.tif": (encode(picture(), "TIFF")[:60], ""),
        "half.gif": (encode(picture(), "GIF")[:-20], ""),
        "script.eps": (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "none of",
        ),
        "float.tif": (encode(np.ones((2, 2), "float32"), "TIFF"), "no known"),
        "half.npy": (npy(picture())[:200], ""),
        "head.npy": (npy(picture())[:20], "header is damaged"),
        "words.npy": (npy(np.array([["a"]])), ""),
        "object.npy": (npy(np.array([[None]])), "Python objects"),
        "line.npy": (npy(np.zeros(3, "uint8")), "its shape is (3,)"),
        "none.npy": (npy(np.zeros((0, 3), "uint8")), "its shape is (0, 3)"),
        "float.npy": (npy(np.ones((2, 2))), ""),
    }
    for name, (data, reason) in bad.items():
        path = tmp_path / name
        path.write_bytes(data)
        for read in (read_image, read_mask):
            with pytest.raises(ValueError, match=name) as raised:
                read(path)
            assert "cannot be read" in str(raised.value)
            assert reason in str(raised.value)
    with pytest.raises(ValueError, match=r"absent\.png.*no such file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(ValueError, match="it is no file"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ValueError, match="it is no file"):
        read_image(tmp_path / "pipe.jpg")
    with pytest.raises(ValueError, match="given as bytes.*it is empty"):
        read_image(b"")


def test_any_cut_of_any_format_is_a_value_error():
    for file_format in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"):
        data = encode(picture(40, 40), file_format)
        whole = read_image(data)
        for stop in range(0, len(data), max(1, len(data) // 60)):
            try:
                pixels = read_image(data[:stop])
            except ValueError as error:
                assert "cannot be read" in str(error)
            else:
                # All pixels were before the cut.
                np.testing.assert_array_equal(pixels, whole)


def test_damaged_bytes_never_escape_as_another_error():
    rng = np.random.default_rng(0)
    for file_format in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"):
        data = encode(picture(12, 12), file_format)
        for _ in range(60):
            damaged = np.frombuffer(data, "uint8").copy()
            where = rng.integers(len(data), size=4)
            damaged[where] = rng.integers(0, 256, 4)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    read_image(damaged.tobytes())
                except ValueError as error:
                    assert "cannot be read" in str(error)


def test_a_bomb_is_refused_by_its_header():
    rows = b"\0" * 10
    for width, height in [(12000, 12000), (1_000_000, 1_000_000)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match="pixels"):
                read_image(png(width, height, 8, 0, rows))
    small = encode(picture(), "PNG")
    assert read_image(small, max_pixels=54).shape == (6, 9, 3)
    with pytest.raises(ValueError, match="9 x 6 pixels, more than max_pixels"):
        read_image(small, max_pixels=53)
    with pytest.raises(ValueError, match="argument max_pixels"):
        read_image(small, max_pixels=0)
    with pytest.raises(ValueError, match="argument channels"):
        read_image(small, channels=0)


def test_pillow_is_left_as_it_was():
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    read_image(encode(picture(), "PNG"))
    with pytest.raises(ValueError, match="cannot be read"):
        read_image(encode(picture(), "PNG")[:60])
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_soft_masks_are_cut_at_half():
    soft = np.array([[0, 1, 127, 128, 255]], "uint8")
    mask = read_mask(encode(soft, "PNG"))
    assert mask.dtype == np.uint8 and mask.shape == (1, 5, 1)
    assert mask[0, :, 0].tolist() == [0, 0, 0, 1, 1]
    deep = soft.astype("uint16") * 257
    assert read_mask(encode(deep, "PNG"))[0, :, 0].tolist() == [0, 0, 0, 1, 1]


def test_masks_of_one_bit_and_of_zero_and_one():
    truth = np.array([[1, 0, 1]], "uint8")
    for form in (truth, truth == 1, truth * 255, truth.astype("uint16")):
        assert read_mask(encode(form, "PNG"))[0, :, 0].tolist() == [1, 0, 1]
    assert read_mask(encode(0 * truth, "PNG")).sum() == 0


def test_coloured_masks():
    indices = Image.fromarray(np.array([[0, 1, 2, 255]], "uint8"))
    indices.putpalette([0, 0, 0, 64, 0, 0, 0, 128, 0] + [224, 224, 192] * 253)
    for file_format in ("PNG", "GIF"):
        mask = read_mask(encode(indices, file_format))
        assert mask[0, :, 0].tolist() == [0, 1, 1, 1]
    # A palette of greys, as an optimiser writes it, white first.
    greys = Image.fromarray(np.array([[0, 1, 2]], "uint8"))
    greys.putpalette([255, 255, 255, 0, 0, 0, 60, 60, 60])
    assert read_mask(encode(greys, "PNG"))[0, :, 0].tolist() == [1, 0, 0]
    red = np.zeros((1, 2, 4), "uint8")
    red[0, :, 0] = 255
    red[0, :, 3] = (255, 0)
    assert read_mask(encode(red[..., :3], "PNG"))[0, :, 0].tolist() == [1, 1]
    assert read_mask(encode(red, "PNG"))[0, :, 0].tolist() == [1, 0]


def test_class_numbers_are_no_mask():
    classes = np.array([[0, 3, 20]], "uint8")
    with pytest.raises(ValueError, match="mask .*largest value is 20"):
        read_mask(encode(classes, "PNG"))
    with pytest.raises(ValueError, match="largest value is 3"):
        binarise(np.array([3, 0], "uint8"))


def test_arrays_that_were_saved_have_any_channels():
    many = np.random.default_rng(0).integers(0, 256, (4, 5, 7)).astype("uint8")
    for form in (many, np.asfortranarray(many)):
        np.testing.assert_array_equal(read_image(npy(form), 7), many)
    np.testing.assert_array_equal(read_image(npy(picture())), picture())
    grey = picture()[..., 0]
    np.testing.assert_array_equal(read_image(npy(grey), 1)[..., 0], grey)
    np.testing.assert_array_equal(read_image(npy(grey))[..., 2], grey)
    expected = read_image(encode(picture(), "PNG"), 1)
    np.testing.assert_array_equal(read_image(npy(picture()), 1), expected)
    with pytest.raises(ValueError, match="it has 7 channels, not 3"):
        read_image(npy(many))
    with pytest.raises(ValueError, match="no .npy file, which may have 7"):
        read_image(encode(picture(), "PNG"), 7)


def test_a_saved_array_is_refused_by_its_header():
    buffer = io.BytesIO()
    header = dict(descr="|u1", fortran_order=False, shape=(10**6, 10**6, 3))
    np.lib.format.write_array_header_1_0(buffer, header)
    with pytest.raises(ValueError, match="header says 3000000000000 bytes"):
        read_image(buffer.getvalue())
    with pytest.raises(ValueError, match="5 x 4 pixels, more than max_pix"):
        read_image(npy(np.zeros((4, 5), "uint8")), max_pixels=19)
    assert size_of(npy(np.zeros((4, 5, 9), "float32"))) == (4, 5)


def test_white_may_be_said():
    values = np.array([[-5, 0, 60, 100, 1000]])
    for data in (
        encode(values.astype("int32"), "TIFF"),
        encode(values.astype("float32"), "TIFF"),
        npy(values.astype("float64")),
        npy(values.astype("int16")),
    ):
        for channels in (1, 3):
            pixels = read_image(data, channels, white=100)[0, :, 0]
            assert pixels.tolist() == [0, 0, 153, 255, 255]
        window = read_image(data, 1, white=(-155, 100))[0, :, 0]
        assert window.tolist() == [150, 155, 215, 255, 255]
        with pytest.raises(ValueError, match="no known white; pass white="):
            read_image(data)
    deep = encode(np.array([[0, 4095]], "uint16"), "PNG")
    assert read_image(deep, 1, white=4095)[0, :, 0].tolist() == [0, 255]
    # Of 8 bits it is known.
    assert read_image(encode(picture(), "PNG"), white=9).max() > 200
    with pytest.raises(ValueError, match="a pixel is NaN"):
        read_image(npy(np.full((2, 2), np.nan)), white=1)


@pytest.mark.parametrize("white", [0, "1", (1, 1), (1, 2, 3), np.nan, np.inf])
def test_white_is_checked(white):
    with pytest.raises(ValueError, match="argument white"):
        read_image(encode(picture(), "PNG"), white=white)


def test_masks_that_were_saved():
    truth = np.array([[1, 0, 1]], "uint8")
    for form in (truth, truth == 1, truth[..., None] * 255):
        assert read_mask(npy(form))[0, :, 0].tolist() == [1, 0, 1]
    for form in (np.ones((2, 2, 3), "uint8"), truth * 0.5):
        with pytest.raises(ValueError, match="it is not .height, width. of"):
            read_mask(npy(form))
