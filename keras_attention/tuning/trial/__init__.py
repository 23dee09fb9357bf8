"""A trial: what was drawn to a trained network and its numbers.

| module | what |
|---|---|
| `hypermodel` | what every tuner of KerasTuner takes |
| `budget` | what attention may cost beside the plain network |
| `given_values` | hyperparameters that are given instead of drawn |
| `task`, `copies` | outputs to their loss and metrics, a new one a model |
| `schedule` | optimizers, warm-up and decay |
| `data`, `supervised`, `division` | what `fit` takes, in whatever form |
| `labels`, `class_weight` | checked against the outputs |
| `training` | one training, judged; several, summed up |
| `agreement` | attention on the objects, as one number |
| `objective` | what is optimised, and in which direction |
"""
