"""The README's code runs as it stands."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).parent.parent / "README.md"


@pytest.mark.slow
def test_code_blocks_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) >= 3
    for block in blocks:
        # One epoch over few images checks the code as well.
        block = block.replace(
            '"cluttered_digits"', '"cluttered_digits", train=64'
        )
        exec(compile(block, str(README), "exec"), {})
