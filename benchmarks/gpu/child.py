"""What runs in a process of a part: `python -m gpu.child MODULE SETTINGS ROWS`.

Calls `run(settings, add)` of the module. `add(**row)` writes a row at once, so
that a process which is ended leaves what it has found.
"""

import importlib
import json
import os
import sys


def main():
    name, settings, path = sys.argv[1:]
    settings = json.loads(settings)

    def add(**row):
        with open(path, "a") as file:
            file.write(json.dumps(row) + "\n")

    if settings.get("on_card"):
        check_card(settings["backend"])
    importlib.import_module(name).run(settings, add)
    sys.stdout.flush()
    # Threads of a framework may hold a process that has nothing left to do.
    os._exit(0)


def check_card(backend):
    """A backend that does not see the card would measure the processor."""
    if backend == "jax":
        import jax

        seen = jax.default_backend() == "gpu"
    else:
        import torch

        seen = torch.cuda.is_available()
    if not seen:
        raise SystemExit(f"{backend} does not see the card")


if __name__ == "__main__":
    main()
