"""What a search found: read from its folder, to decide from.

A *trial* is one configuration of hyperparameters, trained and scored; `Trial`
is its record here. It has a folder, `trial_<id>`, and in it a file,
`trial.json`, whose content is the trial's *state*, as KerasTuner calls it. A
figure draws *columns* for hyperparameters; *axes* are matplotlib's.

| module | what |
|---|---|
| `search_result` | all of it, by one name |
| `records`, `trial` | files to trials |
| `hyperparameters` | what was tried of each |
| `baselines` | what the winner has to be better than |
| `leaderboard`, `words`, `page` | tables, sentences, one HTML page |
| `effects`, `importance` | what mattered |
| `..._plot` | figures |
| `rebuilding` | the winner's network, from its values and weights |
| `retraining`, `retraining_report` | on fresh seeds |
| `tensorboard_log` | for another tool; more in docs/tracking.md |
"""

from keras_attention.tuning.result.search_result import SearchResult

__all__ = [
    "SearchResult",
]
