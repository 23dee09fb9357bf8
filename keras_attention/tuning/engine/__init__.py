"""The engine: KerasTuner proposes, trials run, a folder remembers.

| module | what |
|---|---|
| `request` | the call, checked |
| `oracles`, `proposals` | what to try next, asked and told; resumed |
| `exploration` | a hypermodel to its hyperparameters |
| `job` | all that a trial needs, and how it travels to other processes |
| `run`, `numbers`, `failures` | one trial: its numbers, or why it has none |
| `pools`, `local` | where trials run: here, on Dask, on one of this machine |
| `settings`, `folder` | a folder: the same search, one at a time, whole files |
| `progress` | one line a trial |

Of KerasTuner and Dask nothing but the public names is used.
"""
