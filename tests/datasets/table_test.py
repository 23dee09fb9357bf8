"""Tables with one row an image."""

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.problems import DataError
from keras_attention.datasets.scan import scan
from keras_attention.datasets.table import from_table

IDS = [f"ISIC_000000{index}" for index in range(4)]
LABELS = ["benign", "malignant", "benign", "malignant"]


def draw(index, height=8, width=12):
    image = np.full((height, width, 3), 40 * index, "uint8")
    image[:, :3] = 200
    mask = np.zeros((height, width), "uint8")
    mask[1:4, 2 : 4 + index] = 255
    return image, mask


@pytest.fixture
def folder(tmp_path):
    """Images and masks as ISIC has them."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for index, name in enumerate(IDS):
        image, mask = draw(index)
        path = tmp_path / "images" / f"{name}.jpg"
        Image.fromarray(image).save(path, "PNG")  # lossless, called .jpg
        path = tmp_path / "masks" / f"{name}_segmentation.png"
        Image.fromarray(mask).save(path)
    Image.new("RGB", (3, 3)).save(tmp_path / "images" / "extra.jpg")
    (tmp_path / "images" / "ISIC_0000000_superpixels.txt").write_text("")
    return tmp_path


def write(folder, text, name="truth.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def csv_text(header="image_id,target", rows=None, newline="\n"):
    if rows is None:
        rows = [f"{i},{label}" for i, label in zip(IDS, LABELS, strict=True)]
    return newline.join([header, *rows, ""])


def read(folder, table, **options):
    options = dict(image="image_id", label="target") | options
    return from_table(table, images=folder / "images", **options)


def test_the_isic_form(folder):
    examples = read(
        folder,
        write(folder, csv_text()),
        mask="{id}_segmentation.png",
        masks=folder / "masks",
    )
    assert examples.class_names == ("benign", "malignant")
    assert examples.labels.tolist() == [0, 1, 0, 1]
    assert examples.names == tuple(f"{name}.jpg" for name in IDS)
    assert examples.has_mask is None
    for index in range(4):
        image, mask = draw(index)
        np.testing.assert_array_equal(examples.images[index], image)
        np.testing.assert_array_equal(
            examples.masks[index, ..., 0], mask // 255
        )


@pytest.mark.parametrize("layout", ["stretch", "pad", "crop"])
def test_layouts_are_those_of_place(folder, layout):
    examples = read(
        folder,
        str(write(folder, csv_text())),
        mask="{id}_segmentation",
        masks=folder / "masks",
        size=(5, 6),
        layout=layout,
        channels=3,
    )
    image, mask = draw(2)
    np.testing.assert_array_equal(
        examples.images[2], lay_out(image, (5, 6), layout)
    )
    expected = lay_out(mask[..., None] // 255, (5, 6), layout, "nearest")
    np.testing.assert_array_equal(examples.masks[2], expected)
    assert examples.original_sizes.tolist() == [[8, 12]] * 4


@pytest.mark.parametrize(
    "text, encoding",
    [
        (csv_text(newline="\r\n"), "utf-8"),
        (csv_text(), "utf-8-sig"),
        (csv_text() + "\n\n", "utf-8"),
        (
            csv_text(rows=[f'"{i}","x"' for i in IDS[:3]] + [f"{IDS[3]},y"]),
            "utf-8",
        ),
    ],
)
def test_files_as_spreadsheets_write_them(folder, text, encoding):
    examples = read(folder, write(folder, text, encoding=encoding))
    assert len(examples) == 4 and examples.classes == 2


def test_quoted_commas_line_breaks_and_other_delimiters(folder):
    rows = [f'{IDS[0]},"naevus, flat"', f'{IDS[1]},"two\nlines"']
    examples = read(folder, write(folder, csv_text(rows=rows)))
    assert examples.class_names == ("naevus, flat", "two\nlines")
    text = csv_text().replace(",", ";")
    path = write(folder, text)
    assert len(read(folder, path, delimiter=";")) == 4
    with pytest.raises(ValueError, match="Is the delimiter another one"):
        read(folder, path)


def test_dicts_and_the_forms_of_labels(folder):
    rows = [
        {"image_id": IDS[0], "target": 1, "a": 1.0, "b": 0, "tags": "x;y"},
        {"image_id": IDS[1], "target": 0.0, "a": 0.0, "b": 1, "tags": "y"},
    ]
    names = ("benign", "malignant")
    examples = read(folder, iter(rows), class_names=names)
    assert examples.labels.tolist() == [1, 0]
    assert read(folder, rows).class_names == ("0", "1")
    many = read(folder, rows, label=("a", "b"))
    assert many.labels.dtype == np.float32 and many.class_names == ("a", "b")
    one = read(folder, rows, label=("a", "b"), one_hot=True, class_names=names)
    assert one.labels.tolist() == [0, 1] and one.class_names == names
    tags = read(folder, rows, label="tags", separator=";")
    assert tags.labels.tolist() == [[1, 1], [0, 1]]


def test_a_folder_of_the_name_of_an_image_is_not_meant(folder):
    rows = [{"image_id": IDS[i], "target": i} for i in range(2)]
    (folder / "images" / IDS[0]).mkdir()
    assert read(folder, rows).names == (f"{IDS[0]}.jpg", f"{IDS[1]}.jpg")
    (folder / "images" / "alone").mkdir()
    with pytest.raises(ValueError, match="no file 'alone.jpg'"):
        read(folder, [*rows, {"image_id": "alone", "target": 0}])


def test_names_with_extension_and_in_folders(folder):
    (folder / "images" / "b").mkdir()
    (folder / "images" / "b" / "x.JPEG").write_bytes(
        (folder / "images" / f"{IDS[0]}.jpg").read_bytes()
    )
    rows = [
        {"image_id": f"{IDS[1]}.jpg", "target": 0},
        {"image_id": "b/x", "target": 1},
        {"image_id": IDS[2], "target": 1},
    ]
    examples = read(folder, rows)
    assert examples.names == (f"{IDS[1]}.jpg", "b/x.JPEG", f"{IDS[2]}.jpg")
    with pytest.raises(ValueError, match="no file 'b/x.jpg'"):
        read(folder, rows[1:], extension=".jpg")
    Image.new("RGB", (3, 3)).save(folder / "images" / f"{IDS[2]}.png")
    with pytest.raises(ValueError, match="may be any of 'ISIC_0000002.jpg', "):
        read(folder, rows)
    assert (
        len(
            read(
                folder,
                rows[2:] + [{"image_id": IDS[3], "target": 0}],
                extension=".jpg",
            )
        )
        == 2
    )


def test_masks_from_a_column_may_be_unknown(folder):
    rows = [
        {"image_id": i, "target": t, "mask": f"{i}_segmentation.png"}
        for i, t in zip(IDS, LABELS, strict=True)
    ]
    rows[2]["mask"] = None
    options = dict(mask="mask", masks=folder / "masks")
    examples = read(folder, rows, **options)
    assert examples.has_mask.tolist() == [True, True, False, True]
    assert examples.masks[2].sum() == 0
    # An empty mask is known to be empty.
    Image.new("L", (12, 8)).save(
        folder / "masks" / f"{IDS[1]}_segmentation.png"
    )
    examples = read(folder, rows, **options)
    assert examples.has_mask[1] and examples.masks[1].sum() == 0


def test_groups(folder):
    rows = [
        {"image_id": i, "target": t, "patient": p}
        for i, t, p in zip(IDS, LABELS, [7, 7, 8.0, "IP_1"], strict=True)
    ]
    examples = read(folder, rows, group="patient")
    assert examples.groups.tolist() == ["7", "7", "8", "IP_1"]
    rows[1]["patient"] = float("nan")
    with pytest.raises(ValueError, match="row 1: the group 'patient' is miss"):
        read(folder, rows, group="patient")


def test_everything_wrong_is_in_one_message(folder):
    images, masks = folder / "images", folder / "masks"
    (images / f"{IDS[2]}.jpg").write_bytes(b"")
    Image.new("L", (9, 9)).save(masks / f"{IDS[3]}_segmentation.png")
    rows = [
        f"{IDS[0]},benign",
        f"{IDS[1]},",
        f"{IDS[2]},malignant",
        "ISIC_9,benign",
        f"{IDS[0]},benign",
        ",malignant",
        "../secret,malignant",
        f"{IDS[3]},NaN",
    ]
    with pytest.raises(ValueError) as raised:
        read(
            folder,
            write(folder, csv_text(rows=rows)),
            mask="{id}_segmentation.png",
            masks=masks,
        )
    lines = str(raised.value).splitlines()
    assert lines[0] == "truth.csv: 8 problems. The first 5:"
    assert lines[1] == "  line 3: the label is missing ('')"
    assert lines[2].startswith("  line 4: The image ")
    assert lines[3].startswith("  line 5: there is no file 'ISIC_9.jpg'")
    assert lines[4] == f"  line 6: '{IDS[0]}' is in line 2 already"
    assert lines[5] == "  line 7: the image's name is missing"
    leading = raised.value.problems[5]
    assert leading.startswith("line 8: '../secret' leads out of the folder")
    assert lines[6] == "  ... and 3 more"


@pytest.mark.parametrize(
    "change, message",
    [
        ("text", "line 2: The image '.*ISIC_0000000.jpg' cannot be read: its"),
        ("size", "line 3: the image is 3 x 3, the first one 8 x 12; pass size"),
        ("mask size", "line 4: the mask is 9 x 9, the image 8 x 12"),
        (
            "mask gone",
            "line 5: there is no file 'ISIC_0000003_segmentation.png",
        ),
        ("classes", "line 2: .*largest value is 7"),
    ],
)
def test_files_that_are_wrong_are_named(folder, change, message):
    images, masks = folder / "images", folder / "masks"
    if change == "text":
        (images / f"{IDS[0]}.jpg").write_text("<html>")
    elif change == "size":
        Image.new("RGB", (3, 3)).save(images / f"{IDS[1]}.jpg")
        Image.new("L", (3, 3)).save(masks / f"{IDS[1]}_segmentation.png")
    elif change == "mask size":
        Image.new("L", (9, 9)).save(masks / f"{IDS[2]}_segmentation.png")
    elif change == "mask gone":
        (masks / f"{IDS[3]}_segmentation.png").unlink()
    else:
        path = masks / f"{IDS[0]}_segmentation.png"
        Image.new("L", (12, 8), 7).save(path)
    with pytest.raises(ValueError, match=message) as raised:
        read(
            folder,
            write(folder, csv_text()),
            mask="{id}_segmentation.png",
            masks=masks,
        )
    assert str(raised.value).startswith("truth.csv: 1 problem\n")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "truth.csv is empty: it has no rows"),
        ("image_id,target\n", "truth.csv is empty: it has no rows"),
        (
            csv_text("image_ID,target"),
            "no column 'image_id'. Did you mean 'imag",
        ),
        (csv_text("image_id,label"), "no column 'target'"),
        (csv_text("image_id,image_id"), "two columns 'image_id'"),
        (csv_text(rows=["a,b,c"]), "header has 2 cells, this line 3"),
        (csv_text(rows=["a"]), "header has 2 cells, this line 1"),
        (csv_text(rows=['a,"b']), "truth.csv, line 2: "),
    ],
)
def test_tables_that_are_refused(folder, text, message):
    with pytest.raises(ValueError, match=message):
        read(folder, write(folder, text))


def test_tables_that_are_no_tables(folder):
    with pytest.raises(ValueError, match="argument table.*a CSV file"):
        read(folder, folder / "absent.csv")
    with pytest.raises(ValueError, match="is not in UTF-8.*to_dict"):
        read(
            folder, write(folder, csv_text(rows=["Größe,1"]), encoding="latin1")
        )
    with pytest.raises(ValueError, match="A row of the table is a dict"):
        read(folder, [("a", 1)])
    with pytest.raises(ValueError, match="The table is empty"):
        read(folder, [])


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(masks="."), "argument mask"),
        (dict(masks="absent", mask="{id}"), "argument masks.*a folder"),
        (dict(mask="msk"), "no column 'msk'"),
        (dict(group="patient"), "no column 'patient'"),
        (dict(one_hot=True), "argument one_hot"),
        (dict(label=("target",), separator=";"), "argument separator"),
        (dict(label=("target",), class_names=("a", "b")), "argument class_na"),
        (dict(regression=1), "argument regression"),
        (dict(regression=True, separator=";"), "argument separator"),
        (dict(regression=True, one_hot=True), "argument one_hot"),
        (dict(regression=True, class_names=("a", "b")), "argument class_na"),
        (dict(weight="w"), "no column 'w'"),
        (dict(delimiter=", "), "argument delimiter"),
        (dict(white=0), "argument white"),
        (dict(size=0), "argument size"),
        (dict(layout="squash"), "argument layout"),
        (dict(channels=0), "argument channels"),
    ],
)
def test_arguments_are_checked(folder, options, message):
    with pytest.raises(ValueError, match=message):
        read(folder, write(folder, csv_text()), **options)
    with pytest.raises(ValueError, match="argument images.*a folder"):
        from_table([], images=folder / "no", image="a", label="b")


def test_lists_of_classes_in_a_cell(folder):
    cells = ["\"['x', 'y']\"", "['x']", '"[""y""]"', "[]"]
    rows = [f"{i},{cell}" for i, cell in zip(IDS, cells, strict=True)]
    examples = read(folder, write(folder, csv_text(rows=rows)))
    assert examples.class_names == ("x", "y") and examples.multi_label
    assert examples.labels.tolist() == [[1, 1], [1, 0], [0, 1], [0, 0]]
    rows = [
        {"image_id": IDS[0], "target": ["x", "y"]},
        {"image_id": IDS[1], "target": "y"},
        {"image_id": IDS[2], "target": ["y"]},
        {"image_id": IDS[3], "target": "x"},
    ]
    with pytest.raises(ValueError, match="2 problems\n  row 1: .*'y' is no li"):
        read(folder, rows)
    # What is named as a class is one.
    names = ("[1]", "[2]")
    rows = [{"image_id": i, "target": names[0]} for i in IDS]
    assert read(folder, rows, class_names=names).labels.tolist() == [0] * 4


def test_absolute_paths(folder):
    images = folder / "images"
    for name in ("ISIC_0000000.jpg", "ISIC_0000000"):
        rows = [
            {"image_id": str(images / name), "target": 0},
            {"image_id": IDS[1], "target": 1},
        ]
        examples = read(
            folder, rows, mask="{id}_segmentation.png", masks=folder / "masks"
        )
        assert examples.names == (f"{IDS[0]}.jpg", f"{IDS[1]}.jpg")
        assert examples.masks[0].sum() == 6
    rows[1]["image_id"] = str(images / "ISIC_0000000.jpg")
    with pytest.raises(ValueError, match="row 1: .* is in row 0 already"):
        read(folder, rows)
    rows[1]["image_id"] = str(folder / "masks" / f"{IDS[0]}_segmentation.png")
    with pytest.raises(ValueError, match="row 1: .*leads out of the folder"):
        read(folder, rows)


def test_paths_without_a_folder(folder, tmp_path, monkeypatch):
    (folder / "more").mkdir()
    Image.new("RGB", (12, 8)).save(folder / "more" / "x.png")
    paths = [
        f"images/{IDS[0]}",
        "more/x.png",
        str(folder / "images" / f"{IDS[1]}.jpg"),
    ]
    text = "image,label\n" + "".join(f"{p},{p[0]}\n" for p in paths)
    options = dict(image="image", label="label", mask=None)
    examples = from_table(write(folder, text), **options)
    assert examples.names == (
        f"images/{IDS[0]}.jpg",
        "more/x.png",
        f"images/{IDS[1]}.jpg",
    )
    # Rows know no folder; what lies elsewhere is called by its whole path.
    monkeypatch.chdir(folder / "more")
    rows = [{"image": p, "label": p} for p in ("x.png", paths[2])]
    assert from_table(rows, **options).names == ("x.png", paths[2])
    rows = [{"image": "../images/" + i, "label": i} for i in IDS[:2]]
    options["mask"] = "../masks/{id}_segmentation.png"
    with pytest.raises(ValueError, match="there is no file '../masks/../imag"):
        from_table(rows, **options)
    rows = [{"image": str(folder / "images" / i), "label": i} for i in IDS[:2]]
    options |= dict(mask="{id}_segmentation", masks=folder / "masks")
    assert from_table(rows, **options).masks.sum() == 6 + 9


def test_links_out_of_the_folder(folder):
    images = folder / "images"
    (images / "link.jpg").symlink_to(images / f"{IDS[0]}.jpg")
    (images / "out.png").symlink_to(
        folder / "masks" / f"{IDS[0]}_segmentation.png"
    )
    (images / "masks").symlink_to(folder / "masks")
    (images / "gone.png").symlink_to(images / "nothing.png")
    names = ["link", "out", f"masks/{IDS[1]}_segmentation.png", "gone"]
    rows = [{"image_id": name, "target": name} for name in names]
    with pytest.raises(ValueError) as raised:
        read(folder, rows)
    assert raised.value.problems == (
        "row 1: 'out' is a link out of the folder",
        f"row 2: 'masks/{IDS[1]}_segmentation.png' is a link out of the folder",
        "row 3: 'gone' is a link to nowhere",
    )
    # A path without a folder may lead anywhere.
    paths = [{**row, "image_id": images / row["image_id"]} for row in rows[:3]]
    assert len(from_table(paths, image="image_id", label="target")) == 3


@pytest.mark.parametrize(
    "name, hint",
    [
        ("isic_0000000.JPG", "; there is 'ISIC_0000000.jpg', and capitals"),
        ("isic_0000000", "; there is 'ISIC_0000000.jpg', and capitals"),
        ("b\\x.jpg", "; folders are divided by '/' here"),
        ("x" * 5000 + "/y", ""),
        ("ISIC_0000000.jpg/y", ""),
    ],
)
def test_hints_at_files_that_are_not_there(folder, name, hint):
    rows = [{"image_id": name, "target": 1}, {"image_id": IDS[1], "target": 0}]
    with pytest.raises(ValueError, match="row 0: there is no file") as raised:
        read(folder, rows)
    assert hint in str(raised.value)


def test_names_that_differ_in_capitals_alone(folder):
    Image.new("RGB", (12, 8)).save(folder / "images" / f"{IDS[0]}.JPG", "PNG")
    with pytest.raises(ValueError, match="line 2: .*ISIC_0000000.JPG', '.*jpg"):
        read(folder, write(folder, csv_text()))
    rows = [
        {"image_id": f"{IDS[0]}.{e}", "target": t}
        for e, t in (("JPG", 0), ("jpg", 1))
    ]
    assert read(folder, rows).names == (f"{IDS[0]}.JPG", f"{IDS[0]}.jpg")


def numbered(**columns):
    return [
        {"image_id": i, **{name: c[row] for name, c in columns.items()}}
        for row, i in enumerate(IDS)
    ]


def test_regression(folder):
    rows = numbered(age=["0.5", 2, -1.5, "1e3"], size=[1, 2, 3, 4.0])
    options = dict(label="age", regression=True)
    examples = read(folder, rows, **options)
    assert examples.labels.dtype == np.float32
    assert examples.labels.tolist() == [0.5, 2, -1.5, 1000]
    assert examples.class_names == () and examples.regression
    two = read(folder, rows, label=("age", "size"), regression=True)
    assert two.labels.dtype == np.float32 and two.labels.shape == (4, 2)
    assert two.labels[3].tolist() == [1000, 4] and not two.multi_label
    # One column in a tuple keeps its axis.
    one = read(folder, rows, label=("age",), regression=True)
    assert one.labels.shape == (4, 1)


@pytest.mark.parametrize(
    "value, message",
    [
        ("", "row 2: the label 'age' is missing"),
        (float("nan"), "row 2: the label 'age' is missing"),
        ("old", "row 2: the label 'age' is 'old', no finite number"),
        ("inf", "row 2: the label 'age' is 'inf', no finite number"),
        ("1e39", "row 2: the label 'age' is '1e39', no finite number"),
        ([1], "row 2: the label 'age' is .*no finite number"),
    ],
)
def test_what_is_no_number(folder, value, message):
    rows = numbered(age=[1, 2, value, 3], size=[1, 2, 3, 4])
    for label in ("age", ("size", "age")):
        with pytest.raises(ValueError, match=message):
            read(folder, rows, label=label, regression=True)


def test_weights(folder):
    rows = numbered(target=LABELS, w=["0.5", 2, 0, 1])
    weights = read(folder, rows, weight="w").weights
    assert weights.dtype == np.float32 and weights.tolist() == [0.5, 2, 0, 1]
    rows[1]["w"], rows[2]["w"] = -1, None
    with pytest.raises(ValueError) as raised:
        read(folder, rows, weight="w")
    assert raised.value.problems == (
        "row 1: the weight 'w' is -1, below 0",
        "row 2: the weight 'w' is missing",
    )


def test_saved_arrays_and_white(folder):
    rows = numbered(target=LABELS)
    for index, name in enumerate(IDS):
        (folder / "images" / f"{name}.jpg").unlink()
        np.save(
            folder / "images" / f"{name}.npy", np.full((8, 12, 5), index, "u1")
        )
    for cache in ("memory", None):
        examples = read(folder, rows, channels=5, size=4, cache=cache)
        assert examples.image_shape == (4, 4, 5)
        assert np.asarray(examples.images)[:, 1, 1, 4].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="row 0: .*it has 5 channels, not 3"):
        read(folder, rows)
    for index, name in enumerate(IDS):
        np.save(folder / "images" / f"{name}.npy", np.full((8, 12), index / 3))
    for cache in ("memory", None):
        examples = read(folder, rows, white=(0, 2), channels=1, cache=cache)
        values = np.asarray(examples.images)[:, 0, 0, 0].tolist()
        assert values == [0, 42, 85, 128]


def test_a_missing_mask_says_how_some_may_be_missing(folder):
    for name in IDS[:2]:
        (folder / "masks" / f"{name}_segmentation.png").unlink()
    with pytest.raises(ValueError) as raised:
        read(
            folder,
            write(folder, csv_text()),
            mask="{id}_segmentation.png",
            masks=folder / "masks",
        )
    message = str(raised.value)
    assert message.count("name them in a column, mask='column'") == 1
    assert len(raised.value.problems) == 2


def test_absolute_paths_into_a_folder_that_is_named_otherwise(
    folder, monkeypatch
):
    (folder / "linked").symlink_to(folder / "images")
    monkeypatch.chdir(folder)
    rows = [
        {"image": str(folder / "images" / name), "label": label}
        for name, label in zip(IDS, LABELS, strict=True)
    ]
    for images in ("images", "linked", f"../{folder.name}/images"):
        examples = from_table(rows, images=images, image="image", label="label")
        assert examples.names == tuple(f"{name}.jpg" for name in IDS)


def test_problems_are_told_by_line_with_a_way_to_leave_images_out(folder):
    (folder / "images" / "ISIC_0000000.jpg").write_bytes(b"damaged")
    rows = ["ISIC_0000000,a", "none,b", "ISIC_0000002,"]
    table = write(folder, csv_text(rows=rows))
    with pytest.raises(
        DataError, match=r"cache=None, then.*on_error='skip'"
    ) as caught:
        read(folder, table)
    lines = [text.split(":")[0] for text in caught.value.problems]
    assert lines == ["line 2", "line 3", "line 4"]
    rows = ["ISIC_0000000,a", "ISIC_0000001,b"]
    photos = read(folder, write(folder, csv_text(rows=rows)), cache=None)
    report = scan(photos, decode=True, on_error="skip", verbose=0)
    assert len(report.examples[0]) == 1


def test_another_word_in_the_pattern_of_masks(folder):
    with pytest.raises(ValueError, match="argument mask.*pattern with {id}"):
        read(folder, write(folder, csv_text()), mask="{image_id}_seg.png")
