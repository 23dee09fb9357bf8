"""The notebooks: complete, run as they stand, and their links lead on."""

import json
import pathlib
import re

import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("[0-9]*.py"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#([^)]+))?\)")


@pytest.mark.parametrize("axis", [scores, alignments, aggregations])
def test_every_key_has_its_formula(axis):
    (script,) = FOLDER.glob("02*.py")
    # An item goes on in lines that are indented.
    items = re.findall(r"^# - (`.*(?:\n#   .*)*)", script.read_text(), re.M)
    formulas = {item.split("`")[1]: item for item in items}
    for key in axis.available():
        assert "$" in formulas[key], key


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_notebook_is_its_script_and_was_run(script):
    text = script.read_text()
    cells = json.loads(script.with_suffix(".ipynb").read_text())["cells"]
    assert len(cells) == len(re.findall("^# %%", text, re.M))
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            source = re.sub("^", "# ", source, flags=re.M).replace(
                "# \n", "#\n"
            )
        else:
            assert cell["execution_count"], source
            kinds = {output["output_type"] for output in cell["outputs"]}
            assert "error" not in kinds, source
        assert source in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_links_lead_to_files_and_headings(script):
    # A link may go on in the next line of its comment.
    for name, anchor in LINK.findall(script.read_text().replace("\n#", "")):
        path = FOLDER / name
        assert path.exists(), name
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
            kept = [re.sub(r"[^\w\- ]", "", text.lower()) for text in headings]
            assert anchor in [text.replace(" ", "-") for text in kept], anchor
