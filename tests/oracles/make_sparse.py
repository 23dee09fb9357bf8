"""Writes `sparse.npz`: the weights of the package `entmax`.

    python tests/oracles/make_sparse.py

Made with Python 3.11, torch 2.13.0 and entmax 1.3. Every family of scores
holds `<family>/scores`, `<family>/direction` and, for each function,
`<family>/<function>` with the weights and `<family>/<function>_gradient` with
the direction times the Jacobian: computed in float64, stored in float32.
Functions are `sparsemax`, `entmax15` and, for a few families, `entmax_<alpha>`
with `<family>/entmax_<alpha>_by_alpha`, the gradient by `alpha` too.
"""

import pathlib

import entmax
import numpy as np
import torch

ALPHAS = (1.05, 1.33, 1.75, 2.5)
FEW = ("gaussian", "ties", "constant", "single", "large")


def families():
    """Scores `(rows, positions)` by name."""
    rng = np.random.default_rng(0)
    large = rng.normal(size=(6, 50)) * 1e4
    # Beside one clear winner, rows whose best scores are close together.
    best = large.max(-1, keepdims=True)
    large[3:, :4] = best[3:] + rng.normal(size=(3, 4))
    return {
        "gaussian": rng.normal(size=(8, 40)) * 2,
        "narrow": rng.normal(size=(4, 40)) * 0.05,
        "ties": rng.integers(0, 4, size=(8, 30)) / 4,
        "constant": np.full((1, 30), 2.5),
        "single": rng.normal(size=(3, 1)),
        "large": large,
        "many": rng.normal(size=(2, 784)),
    }


def main():
    """Writes the fixture beside this file."""
    rng = np.random.default_rng(1)
    arrays = {}
    for family, scores in families().items():
        scores = scores.astype("float32")
        direction = rng.normal(size=scores.shape).astype("float32")
        arrays[f"{family}/scores"] = scores
        arrays[f"{family}/direction"] = direction
        for name in ("sparsemax", "entmax15"):
            z = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
            weights = getattr(entmax, name)(z, dim=-1)
            weights.backward(torch.tensor(direction, dtype=torch.float64))
            arrays[f"{family}/{name}"] = weights.detach().numpy()
            arrays[f"{family}/{name}_gradient"] = z.grad.numpy()
        for alpha in ALPHAS if family in FEW else ():
            z = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
            a = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
            weights = entmax.entmax_bisect(z, a, dim=-1, n_iter=60)
            weights.backward(torch.tensor(direction, dtype=torch.float64))
            name = f"{family}/entmax_{alpha}"
            arrays[name] = weights.detach().numpy()
            arrays[f"{name}_gradient"] = z.grad.numpy()
            arrays[f"{name}_by_alpha"] = a.grad.numpy()
    path = pathlib.Path(__file__).with_name("sparse.npz")
    np.savez_compressed(
        path, **{name: x.astype("float32") for name, x in arrays.items()}
    )


if __name__ == "__main__":
    main()
