"""What a graphics card makes of the package, in nine minutes.

    make gpu-kit              # where there is a network; writes gpu-kit/
    bash benchmarks/gpu.sh    # on the card, with gpu-kit/ beside it
    bash benchmarks/gpu.sh --dry    # all of it at tiny sizes on two CPU cores

One CUDA card with Python 3.12, PyTorch and JAX. Writes
benchmarks/results/gpu.json and .md after every part; `OUT` names another
folder.

| module | what |
|---|---|
| `kit` | wheels and images for a machine without a network |
| `install` | those of them that the machine lacks |
| `plan` | the parts, their processes and limits, the most wanted first |
| `protocol` | a process with a limit; parts that cannot harm each other |
| `report` | the one JSON file, whole after every part |
| `child` | what runs in such a process: rows, written as they are found |
| `machine` | the card, the versions, the rate of a matrix product |
| `parity` ... `cifar` | what the parts measure |
| `table` | the JSON file as Markdown |
"""
