"""The cluttered digits as a TensorFlow Datasets builder: a shell."""

import dataclasses

import tensorflow_datasets as tfds
from PIL import Image

from keras_attention.datasets.digits import generate
from keras_attention.datasets.digits_settings import DigitsSettings
from keras_attention.datasets.info import ROLES
from keras_attention.internals.words import did_you_mean

_OF_TFDS = ("data_dir", "version", "file_format")


@dataclasses.dataclass(eq=False)
class ClutteredDigitsConfig(DigitsSettings, tfds.core.BuilderConfig):
    """`DigitsSettings` as a TFDS builder configuration.

    The name follows from the settings, so that every combination has its own
    folder on disk and is prepared once.

    Args:
        name: str, leave it out. Defaults to `""`.

    Example:

    >>> ClutteredDigitsConfig(digits=2, colour=True, fragments=4).name
    '48x48_2digits_scale2.0-2.0_4fragments8_colour_5000-500-1000_seed0'
    """

    name: str = ""

    def __post_init__(self):
        super().__post_init__()
        self.name = self.slug()


class ClutteredDigits(tfds.core.GeneratorBasedBuilder):
    """Handwritten digits at random places among fragments of other digits.

    Examples are those of `keras_attention.datasets.generate`, in its order:
    `image`, `label`, `labels`, `mask`, `boxes`, `caption`. Preparing and
    reading need neither the internet nor, as `array_record`, TensorFlow.

    Args:
        config: `ClutteredDigitsConfig` or its name. Defaults to `None`.
        **options: instead of `config`, the settings of one; and what TFDS has
            for all builders: `data_dir`, `version`, `file_format`.

    Example:

    ```python
    builder = tfds.builder("cluttered_digits", digits=2, colour=True)
    builder.download_and_prepare()
    train = builder.as_dataset("train")
    ```

    Reference:

    - [Mnih et al., 2014](https://arxiv.org/abs/1406.6247)
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}  # noqa: RUF012
    BUILDER_CONFIGS = [ClutteredDigitsConfig()]  # noqa: RUF012

    def __init__(self, *, config=None, **options):
        names = [name for name in options if name not in _OF_TFDS]
        settings = {name: options.pop(name) for name in names}
        if settings:
            if config is not None:
                raise ValueError(
                    "Pass either `config` or single settings. Received: "
                    f"config={config} and {settings}"
                )
            known = [x.name for x in dataclasses.fields(DigitsSettings)]
            for name in settings:
                if name not in known:
                    raise ValueError(
                        f"Unknown setting {name!r} of cluttered_digits. "
                        f"{did_you_mean(name, known)}There are "
                        f"{', '.join(known)}."
                    )
            config = ClutteredDigitsConfig(**settings)
        if isinstance(config, ClutteredDigitsConfig):
            # TFDS wants its own instance of a configuration it knows.
            config = self.builder_configs.get(config.name, config)
        super().__init__(config=config, **options)

    def _info(self):
        features = tfds.features
        shape, digits = self.builder_config.shape, self.builder_config.digits
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "Real 8x8 handwritten digits, enlarged, at random places "
                "among fragments of other digits, with the digits' boxes."
            ),
            features=features.FeaturesDict(
                {
                    "image": features.Image(shape=shape),
                    "label": features.ClassLabel(num_classes=10),
                    "labels": features.Sequence(
                        features.ClassLabel(num_classes=10), length=digits
                    ),
                    "mask": features.Image(shape=(*shape[:2], 1)),
                    "boxes": features.Sequence(
                        features.BBoxFeature(), length=digits
                    ),
                    "caption": features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://arxiv.org/abs/1406.6247",
            # The examples are random already; unshuffled, the prepared data
            # keep the order of `generate`.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {split: self._generate_examples(split) for split in ROLES}

    def _generate_examples(self, split):
        for index, example in enumerate(generate(self.builder_config, split)):
            # Pillow images, since TFDS encodes arrays with TensorFlow.
            for name in ("image", "mask"):
                pixels = example[name]
                grey = pixels.shape[-1] == 1
                pixels = pixels[..., 0] if grey else pixels
                example[name] = Image.fromarray(pixels)
            boxes = example["boxes"].tolist()
            example["boxes"] = [tfds.features.BBox(*box) for box in boxes]
            yield index, example
