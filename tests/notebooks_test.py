"""What the notebooks say about the package is complete."""

import pathlib
import re

import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize("axis", [scores, alignments, aggregations])
def test_every_key_has_its_formula(axis):
    (script,) = FOLDER.glob("02*.py")
    # An item goes on in lines that are indented.
    items = re.findall(r"^# - (`.*(?:\n#   .*)*)", script.read_text(), re.M)
    formulas = {item.split("`")[1]: item for item in items}
    for key in axis.available():
        assert "$" in formulas[key], key
