"""Random fields by enumeration, and derivatives on every backend."""

import itertools

import keras
import numpy as np


def enumerate_chain(unary, transition, mask, start, end):
    """Everything about one chain `(positions, states)`, in float64.

    Returns a dictionary of `marginals`, `log_partition`, `entropy`,
    `argmax`, and `log_probabilities` of all `sequences` of the valid places.
    """
    count, states = unary.shape
    tables = transition
    if transition.ndim == 2:
        tables = np.broadcast_to(transition, (count - 1, states, states))
    places = np.flatnonzero(mask)
    # (sequences, valid places)
    sequences = np.array(
        list(itertools.product(range(states), repeat=len(places)))
    ).reshape(-1, len(places))
    energies = np.zeros(len(sequences))
    for column, place in enumerate(places):
        energies += unary[place, sequences[:, column]]
        if column:
            pair = sequences[:, column - 1], sequences[:, column]
            energies += tables[place - 1][pair]
    if len(places):
        energies += start[sequences[:, 0]] + end[sequences[:, -1]]
    log_partition = np.logaddexp.reduce(energies)
    log_probabilities = energies - log_partition
    probabilities = np.exp(log_probabilities)
    marginals, argmax = np.zeros((count, states)), np.zeros(count, int)
    for column, place in enumerate(places):
        for state in range(states):
            chosen = sequences[:, column] == state
            marginals[place, state] = probabilities[chosen].sum()
    argmax[places] = sequences[energies.argmax()]
    return {
        "marginals": marginals,
        "log_partition": log_partition,
        "entropy": -(probabilities * log_probabilities).sum(),
        "argmax": argmax,
        "sequences": sequences,
        "log_probabilities": log_probabilities,
    }


def enumerate_grid(unary, horizontal, vertical, mask):
    """Exact `p(z_i = 1)` of a map `(height, width)`, 0 where masked."""
    height, width = unary.shape
    places = np.argwhere(mask)
    states = np.array(list(itertools.product((0, 1), repeat=len(places))))
    maps = np.zeros((len(states), height, width), int)
    maps[:, places[:, 0], places[:, 1]] = states
    right = mask[:, :-1] & mask[:, 1:]
    down = mask[:-1] & mask[1:]
    energies = (maps * np.where(mask, unary, 0)).sum((1, 2))
    energies += (horizontal[maps[:, :, :-1], maps[:, :, 1:]] * right).sum(
        (1, 2)
    )
    energies += (vertical[maps[:, :-1], maps[:, 1:]] * down).sum((1, 2))
    probabilities = np.exp(energies - np.logaddexp.reduce(energies))
    return np.einsum("s,shw->hw", probabilities, maps)


def gradient_of(function):
    """From a scalar function of a tensor to the function of its gradient."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(jax.grad(function))
    if backend == "tensorflow":
        import tensorflow as tf

        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
            return tape.gradient(value, x)

    else:
        import torch

        def gradient(x):
            x = x if x.requires_grad else x.detach().requires_grad_()
            value = function(x)
            return torch.autograd.grad(value, x, create_graph=True)[0]

    return gradient


def differences(function, x, step=1e-5):
    """The gradient of a function of a float64 array, by differences."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        change = np.zeros_like(x)
        change[place] = step
        up, down = function(x + change), function(x - change)
        gradient[place] = (up - down) / (2 * step)
    return gradient
