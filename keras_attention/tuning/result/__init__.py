"""What a search found: read from its folder, to decide from.

| module | what |
|---|---|
| `search_result` | all of it, by one name |
| `records`, `trial`, `ranking`, `hyperparameters` | files to rows |
| `leaderboard`, `words`, `page` | tables, sentences, one HTML page |
| `effects`, `importance` | what mattered |
| `..._plot`, `canvas` | figures |
| `retraining`, `retraining_report` | the winner again, on fresh seeds |
| `tensorboard_log`, `trackers` | for other tools |
| `example_search` | a search that nobody ran, for examples |
"""

from keras_attention.tuning.result.search_result import SearchResult

__all__ = [
    "SearchResult",
]
