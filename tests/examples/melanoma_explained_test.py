"""The melanoma network as a file, and what explain.py says of it."""

import json
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.mark.long
def test_a_network_is_written_and_explained(monkeypatch, tmp_path, eagerly):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import explain
    import melanoma

    def run(script, arguments):
        monkeypatch.setattr(sys, "argv", ["script", *arguments.split()])
        return script.main()

    assert run(melanoma, "--fast --size 32 --epochs 1 --output out") == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    auc, low, high = found["auc"]
    assert 0 <= low <= auc <= high <= 1

    (tmp_path / "photos").mkdir()
    for index, size in enumerate([(9, 20), (20, 12), (30, 30)]):
        pixels = np.random.default_rng(index).integers(0, 256, size)
        picture = Image.fromarray(pixels.astype("uint8"))
        picture.save(tmp_path / "photos" / f"{index}.png")
    asked = "out/melanoma.keras photos --steps 2 --output explained"
    assert run(explain, asked) == 0
    output = tmp_path / "explained"
    names = {path.name for path in output.iterdir()}
    assert names == {
        *("maps.jpg", "compared.jpg", "report.txt"),
        *("results.json", "gallery"),
    }
    told = json.loads((output / "results.json").read_text())
    maps = {row["map"] for row in told["faithfulness"]["rows"]}
    gates = {f"head/block{n}_pool_gate" for n in (3, 4)}
    assert {"grad_cam", *gates} <= maps
    # Without photographs it says so in a line.
    assert run(explain, "out/melanoma.keras nowhere") == 2
