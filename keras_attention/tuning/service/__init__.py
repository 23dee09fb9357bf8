"""The machinery: trials run one after the other, or in many processes.

| module | what |
|---|---|
| `request`, `job` | the call, checked; how it travels to other processes |
| `exploration`, `failures`, `progress` | the space, faults, one line a trial |
| `oracle`, `durable`, `algorithms`, `runner` | KerasTuner, made to survive |
| `settings`, `files`, `lock` | a folder: the same, whole, one's own |
| `cluster` | which part this process plays |
| `processes`, `chief`, `workers`, `worker`, `link` | and the part it plays |
"""
