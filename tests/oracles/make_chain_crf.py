"""Writes `chain_crf.npz`: the linear chains of the package `torch-struct`.

    python tests/oracles/make_chain_crf.py

Made with Python 3.11, torch 2.13.0 and torch-struct 0.5. Every case holds
`<case>/unary`, `<case>/transition`, `<case>/direction` and
`<case>/marginals`, `<case>/log_partition`, `<case>/entropy`,
`<case>/argmax` and `<case>/gradient`, the direction times the Jacobian of the
marginals by the unary potentials: computed in float64, stored in float32.
"""

import pathlib

import numpy as np
import torch
from torch_struct import LinearChainCRF


def edges(unary, transition):
    """The package's layout: `(batch, edge, to, from)`."""
    table = transition.T + unary[:, 1:, :, None]
    first = torch.zeros_like(table)
    first[:, 0] = unary[:, 0, None, :]
    return table + first


def nodes(marginals):
    """Marginals of positions from those of edges."""
    first = marginals[:, :1].sum(2)
    return torch.cat([first, marginals.sum(3)], 1)


def main():
    """Writes the fixture beside this file."""
    rng = np.random.default_rng(0)
    arrays = {}
    for case, (positions, states, scale) in {
        "two": (49, 2, 2.0),
        "three": (20, 3, 2.0),
        "sharp": (20, 2, 30.0),
    }.items():
        u = rng.normal(size=(2, positions, states)) * scale
        t = rng.normal(size=(states, states)) * scale
        u, t = u.astype("float32"), t.astype("float32")
        direction = rng.normal(size=u.shape).astype("float32")
        unary = torch.tensor(u, dtype=torch.float64, requires_grad=True)
        crf = LinearChainCRF(edges(unary, torch.tensor(t).double()))
        marginals = nodes(crf.marginals)
        loss = (marginals * torch.tensor(direction)).sum()
        results = {
            "unary": u,
            "transition": t,
            "direction": direction,
            "gradient": torch.autograd.grad(loss, unary)[0],
            "marginals": marginals,
            "log_partition": crf.partition,
            "entropy": crf.entropy,
            "argmax": nodes(crf.argmax).argmax(-1),
        }
        for name, array in results.items():
            if isinstance(array, torch.Tensor):
                array = array.detach().numpy()
            arrays[f"{case}/{name}"] = array.astype("float32")
    path = pathlib.Path(__file__).with_name("chain_crf.npz")
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
