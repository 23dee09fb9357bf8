"""A trial: what was drawn to a trained network and its numbers.

| module | what |
|---|---|
| `hypermodel` | what every tuner of KerasTuner takes |
| `budget` | what attention may cost beside the plain network |
| `given_values` | hyperparameters that are given instead of drawn |
| `task`, `copies` | outputs to their loss and metrics, a new one a model |
| `schedule` | optimizers, warm-up and decay |
| `data`, `supervised` | what `fit` takes, in whatever form; folds |
| `labels` | checked against the outputs, and weights of classes |
| `training` | one training, judged; several, summed up |
| `objective` | what is optimised, and in which direction |
"""
