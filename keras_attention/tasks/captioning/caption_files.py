"""Captions out of the files and examples that data sets of images come as."""

import collections
import json
import pathlib
from typing import NamedTuple

# What TFDS calls them: `coco_captions` has dictionaries, others texts.
_NAMES = ("captions", "caption")


class CaptionedImage(NamedTuple):
    """An image of a data set, and what people said of it.

    Attributes:
        file: str, the image's file, as the JSON file names it.
        split: str, the part of the data that it belongs to; `""` where none is
            named.
        captions: list of str.
    """

    file: str
    split: str
    captions: list


def read_captions(path):
    """The images of a caption file, with all captions of each.

    Args:
        path: str or path, of a JSON file in one of two forms: COCO's own, in
            which `annotations` point to `images`, or Karpathy's, in which every
            image has its `sentences` and its `split` (Flickr8k, Flickr30k,
            COCO; the split `restval` is more training data).

    Returns:
        A list of `CaptionedImage`, in the order of the file.

    Raises:
        ValueError: For other files, and for images without captions.

    Example:

    >>> import tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "captions.json"
    >>> sentences = [{"raw": "A dog runs."}, {"raw": "The dog is happy."}]
    >>> image = {"filename": "1.jpg", "split": "val", "sentences": sentences}
    >>> _ = path.write_text(json.dumps({"images": [image]}))
    >>> read_captions(path)[0].captions
    ['A dog runs.', 'The dog is happy.']

    Reference:
        Karpathy, Fei-Fei: Deep Visual-Semantic Alignments for Generating Image
        Descriptions. CVPR 2015, whose splits most papers have. Chen et al.:
        Microsoft COCO Captions. 2015.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text("utf-8"))
        images = content["images"]
        if "annotations" in content:
            found = _of_coco(images, content["annotations"])
        else:
            found = [_of_karpathy(image) for image in images]
    except (KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} has captions neither in COCO's nor in Karpathy's "
            f"form: {type(error).__name__} {error}"
        ) from error
    for image in found:
        if not image.captions:
            raise ValueError(
                f"{str(path)!r} has an image without captions: {image.file!r}"
            )
    return found


def captions_of(example):
    """The captions of an example of TFDS, whichever form they have there.

    Args:
        example: dict of NumPy values, as `tfds.as_numpy` and data sources give
            them, with the key `captions` or `caption`: a text, several, or a
            dict with several as its `text`.

    Returns:
        A list of str.

    Raises:
        ValueError: For an example without captions.

    Example:

    >>> captions_of({"image": ..., "captions": {"id": [4], "text": [b"A dog"]}})
    ['A dog']
    >>> captions_of({"image": ..., "caption": b"A dog"})
    ['A dog']
    """
    found = next((example[name] for name in _NAMES if name in example), [])
    if isinstance(found, dict):
        found = found.get("text", [])
    if isinstance(found, bytes | str):
        found = [found]
    texts = [x.decode() if isinstance(x, bytes) else str(x) for x in found]
    if not texts:
        raise ValueError(
            "Invalid value for argument example: expected captions as "
            f"{' or '.join(_NAMES)}. Received: {', '.join(example)}"
        )
    return texts


def _of_coco(images, annotations):
    captions = collections.defaultdict(list)
    for annotation in annotations:
        captions[annotation["image_id"]].append(annotation["caption"])
    return [
        CaptionedImage(image["file_name"], "", captions[image["id"]])
        for image in images
    ]


def _of_karpathy(image):
    folder = image.get("filepath")
    file = f"{folder}/{image['filename']}" if folder else image["filename"]
    sentences = [sentence["raw"] for sentence in image["sentences"]]
    return CaptionedImage(file, image["split"], sentences)
