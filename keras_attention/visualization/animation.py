"""Pictures one after the other, in a notebook and in a file."""

import base64
import io

from PIL import Image

from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import positive_int


class Animation:
    """Pictures one after the other, which a notebook plays.

    Args:
        frames: list of `PIL.Image` objects of one size.
        milliseconds: int, of a frame. Defaults to `220`.
        back: bool, whether they are shown backwards too, but for the first and
            the last. Defaults to `False`.
    """

    def __init__(self, frames, milliseconds=220, back=False):
        self.frames = frames
        self.milliseconds = positive_int("milliseconds", milliseconds)
        self.back = boolean("back", back)

    def save(self, file):
        """Writes a GIF that repeats.

        Args:
            file: str, `pathlib.Path` or binary file.
        """
        first, *rest = [*self.frames, *self.frames[-2:0:-1] * self.back]
        first.save(
            file,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=self.milliseconds,
            loop=0,
        )

    def _repr_html_(self):
        buffer = io.BytesIO()
        self.save(buffer)
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<img src="data:image/gif;base64,{data}" alt="animation">'


def picture_of(figure):
    """A figure as a `PIL.Image`, in as few colours as a GIF has."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("P", palette=Image.Palette.ADAPTIVE)
