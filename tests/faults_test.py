"""The table of faults names tests that exist."""

import ast
import pathlib
import re

import pytest

from keras_attention.testing import attention_layer_checks

TESTS = pathlib.Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (TESTS / "FAULTS.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d", line)
]


@pytest.mark.parametrize(
    ("fault", "held_by"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_every_fault_is_held_by_tests_that_exist(fault, held_by):
    named = re.findall(r"`(\S+\.py)::(\w+)`", held_by)
    assert fault and named
    for file, test in named:
        tree = ast.parse((TESTS / file).read_text("utf-8"))
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        assert test in [function.name for function in functions], file
    checks = ", ".join(re.findall(r"\[(.+?)\]", held_by)).split(", ")
    assert {*checks} - {""} <= {*attention_layer_checks()}
