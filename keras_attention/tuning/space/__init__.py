"""What can be drawn: a network's places, and what attention fits each.

| module | what |
|---|---|
| `bases` | a network to the maps it offers |
| `site` | one place: the shapes of its map and of its query |
| `mechanisms` | keys of layers, and the layers of what was drawn |
| `options` | a map to its mechanisms and their arguments, by flags |
| `parts` | which score, alignment and aggregation go together |
| `choices`, `optimizers` | the values to draw from, one's own checked |
| `spaces`, `drawing` | `hp` and arguments to a plain dictionary |
| `combinations` | a space to its size, its elements and what it costs |
"""
