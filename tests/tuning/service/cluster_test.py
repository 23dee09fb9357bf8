import pytest

from keras_attention.tuning.service.cluster import find_role
from keras_attention.tuning.service.cluster import first_host
from keras_attention.tuning.service.cluster import visible_gpus

JOB = {
    "SLURM_JOB_ID": "123456",
    "SLURM_JOB_NODELIST": "n[3-4]",
    "SLURM_NTASKS": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


def test_ranks_of_a_job():
    roles = [
        find_role("auto", {**JOB, "SLURM_PROCID": str(rank)})
        for rank in range(3)
    ]
    assert [role.chief for role in roles] == [True, False, False]
    assert {role.workers for role in roles} == {1}
    assert {(role.host, role.port) for role in roles} == {("n3", 23456)}
    assert roles[0].others == 2 and not roles[0].alone
    assert len({role.name for role in roles}) == 3


def test_steps_and_older_names():
    job = {**JOB, "SLURM_PROCID": "0", "SLURM_STEP_ID": "2"}
    assert find_role("auto", job).port == 23456 + 194
    job["SLURM_NODELIST"] = job.pop("SLURM_JOB_NODELIST")
    assert find_role("auto", job).host == "n3"


def test_one_task_and_a_number_are_no_job():
    assert find_role("auto", {**JOB, "SLURM_NTASKS": "1"}).alone
    assert find_role(1, {**JOB, "SLURM_PROCID": "2"}).alone


def test_a_job_without_its_variables():
    with pytest.raises(ValueError, match="not SLURM_PROCID"):
        find_role("auto", JOB)


def test_one_worker_a_gpu():
    gpus = {"CUDA_VISIBLE_DEVICES": "0, 3,GPU-ab"}
    assert visible_gpus(gpus) == ["0", "3", "GPU-ab"]
    assert find_role("auto", gpus).workers == 3
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == []


def test_variables_of_keras_tuner():
    own = {"KERASTUNER_ORACLE_IP": "10.0.0.1", "KERASTUNER_ORACLE_PORT": "80"}
    chief = find_role(1, {**own, "KERASTUNER_TUNER_ID": "chief"})
    assert (chief.chief, chief.workers, chief.alone) == (True, 0, False)
    worker = find_role(1, {**own, "KERASTUNER_TUNER_ID": "tuner3"})
    assert (worker.chief, worker.workers) == (False, 1)
    assert (worker.host, worker.port) == ("10.0.0.1", 80)
    with pytest.raises(ValueError, match="KERASTUNER_TUNER_ID not set"):
        find_role(1, own)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "all", None])
def test_invalid_workers(workers):
    with pytest.raises(ValueError, match="argument workers.*or 'auto'"):
        find_role(workers, {})


@pytest.mark.parametrize(
    "nodes, first",
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("gpu-[007-009,011],cpu1", "gpu-007"),
        ("a[5,7]b", "a5b"),
    ],
)
def test_lists_of_nodes(nodes, first):
    assert first_host(nodes) == first
