"""Attention at work: tasks with a model, losses and decoding of their own."""
