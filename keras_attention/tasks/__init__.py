"""Attention at work: tasks with models, losses and decoding of their own."""
