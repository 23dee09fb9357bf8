"""The README's code runs as it stands."""

import pathlib
import re

import pytest
from PIL import Image

README = pathlib.Path(__file__).parent.parent / "README.md"


@pytest.fixture
def lesions(tmp_path):
    """The table and the photos that the README speaks of."""
    (tmp_path / "photos").mkdir()
    lines = ["isic_id,diagnosis,patient"]
    for index in range(24):
        name, kind = f"ISIC_{index:04}", ("nevus", "melanoma")[index % 2]
        lines.append(f"{name},{kind},p{index // 2 % 6 + 6 * (index % 2)}")
        photo = Image.new("RGB", (60, 40), (90 * (index % 2), 40, 40))
        photo.save(tmp_path / "photos" / f"{name}.jpg")
        mask = Image.new("L", (60, 40))
        mask.paste(255, (20, 10, 40, 30))
        mask.save(tmp_path / "photos" / f"{name}_segmentation.png")
    (tmp_path / "lesions.csv").write_text("\n".join(lines))


# What only makes it last longer: fewer images and epochs, a narrower network.
SHORTER = {
    '"cluttered_digits"': '"cluttered_digits", train=64',
    "epochs=20": "epochs=1",
    "size=224": "size=32",
    "classes=photos.classes": "classes=2, width_multiplier=1 / 16",
}


@pytest.mark.slow
@pytest.mark.usefixtures("lesions")
def test_code_blocks_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) >= 4
    for block in blocks:
        for long, short in SHORTER.items():
            block = block.replace(long, short)
        exec(compile(block, str(README), "exec"), {})
