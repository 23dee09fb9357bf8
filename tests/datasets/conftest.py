import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

TRAIN = 40


class TinyNumbered(tfds.core.GeneratorBasedBuilder):
    """8x6 images whose pixels are ten times the label: their own number."""

    VERSION = tfds.core.Version("1.0.0")
    COUNTS = {"train": TRAIN, "test": 7}  # noqa: RUF012

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(self.features())
        )

    def features(self):
        return {
            "image": tfds.features.Image(shape=(8, 6, 3)),
            "label": tfds.features.ClassLabel(num_classes=TRAIN),
        }

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(count)
            for split, count in self.COUNTS.items()
        }

    def _generate_examples(self, count):
        for index in range(count):
            yield index, self.example(index)

    def example(self, index):
        pixels = np.full((8, 6, 3), 5 * index, "uint8")
        return {"image": Image.fromarray(pixels), "label": index}


class TinyRagged(TinyNumbered):
    """Images of several sizes, with masks, boxes and captions."""

    COUNTS = {"train": 20, "validation": 5}  # noqa: RUF012

    def features(self):
        return {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            "segmentation_mask": tfds.features.Image(shape=(None, None, 1)),
            "bboxes": tfds.features.Sequence(tfds.features.BBoxFeature()),
            "caption": tfds.features.Text(),
        }

    def example(self, index):
        generator = np.random.default_rng(index)
        shape = (10 + index, 20 - index // 2)
        pixels = generator.integers(256, size=(*shape, 3)).astype("uint8")
        mask = (generator.random(shape) > 0.5).astype("uint8")
        box = tfds.features.BBox(0.0, 0.25, 0.5, 1.0)
        return {
            "image": Image.fromarray(pixels),
            "label": index % 2,
            "segmentation_mask": Image.fromarray(mask),
            "bboxes": [box] * (1 + index % 3),
            "caption": f"number {index}",
        }


class TinyTrainOnly(TinyNumbered):
    """Nothing but a training split."""

    COUNTS = {"train": TRAIN}  # noqa: RUF012


class TinyUnlabelled(TinyNumbered):
    """No label."""

    def features(self):
        return {"image": tfds.features.Image(shape=(8, 6, 3))}

    def example(self, index):
        return {"image": super().example(index)["image"]}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")
