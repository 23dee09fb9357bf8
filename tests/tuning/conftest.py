"""Beside `toy.py`, which the folders' tests import by its name."""
