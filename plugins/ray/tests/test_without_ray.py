"""What the engine does before and beside Ray."""

import importlib.metadata
import socket
import subprocess
import sys

import pytest

from advbench import RequestError, Setup
from advbench.bench.request import Request

pytest.importorskip("advbench_ray", reason="advbench-ray is not installed. Run: make .venv/all")

from advbench_ray.engine import PARCELS, Parcels, Ray
from advbench_ray.messages import Order

SETUP = Setup(request=Request(), files=())


def order(**changed):
    return Order(**{"address": None, "jobs": 0, "cpus": 1.0, "gpus": 0.0, "setup": SETUP, **changed})


def test_listing_it_imports_neither_ray_nor_torch():
    code = "import sys, advbench_ray; found = {'ray', 'torch'} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("address", ["nonsense", "host:", ":6379", "host:port", "ray://host:10001/x"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(RequestError, match="engine ray: address must be host:port or auto, got"):
        Ray(address=address).crew(SETUP, lambda: None)


def test_an_address_at_which_nobody_listens_is_refused_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RequestError, match=rf"engine ray: Ray at {address} must be there, got: .*ray start --head"):
            Ray(address=address).crew(SETUP, lambda: None)


@pytest.mark.parametrize(
    ("changed", "nodes", "room"),
    [
        ({}, [], 0),
        ({}, [{"CPU": 4.0}, {"CPU": 2.0}], 6),
        ({}, [{"memory": 1e9}], 0),
        ({"cpus": 3.0}, [{"CPU": 4.0}, {"CPU": 2.0}], 1),  # no task is split over two nodes
        ({"cpus": 0.5}, [{"CPU": 2.0}], 4),
        ({"jobs": 3}, [{"CPU": 4.0}, {"CPU": 2.0}], 3),
        ({"jobs": 9}, [{"CPU": 4.0}], 4),
        ({"gpus": 1.0}, [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}], 2),
        ({"gpus": 0.25}, [{"CPU": 3.0, "GPU": 1.0}], 3),
    ],
)
def test_room_is_counted_node_by_node(changed, nodes, room):
    assert order(**changed).room(nodes) == room


def test_a_parcel_goes_once_while_tasks_name_it():
    parcels, content = Parcels(), b"what an attack learnt"
    number, first = parcels.of(content)
    assert first is not None
    assert first.content is content
    assert parcels.of(content) == (number, None)


def test_old_parcels_are_given_up_one_by_one_and_go_again_when_named_again():
    parcels, contents = Parcels(), [bytes([i]) * 10 for i in range(PARCELS + 2)]
    sent = [parcels.of(content)[1] for content in contents]
    assert [parcel.gone for parcel in sent] == [()] * PARCELS + [(0,), (1,)]
    assert parcels.of(contents[-1])[1] is None
    assert parcels.of(contents[0])[0] == PARCELS + 2


def test_losses_are_told_apart():
    exceptions = pytest.importorskip("ray.exceptions", reason="Ray is not installed. Run: make .venv/all")
    from advbench_ray.losses import loss_of, told_by

    assert not loss_of(exceptions.NodeDiedError("gone")).guilty
    assert not loss_of(exceptions.ObjectLostError("0" * 56, None, "")).guilty
    crashed = loss_of(exceptions.WorkerCrashedError())
    assert (crashed.guilty, crashed.crashed) == (True, True)
    short = loss_of(exceptions.OutOfMemoryError("rss 9 GiB"))
    assert (short.guilty, short.crashed, "want of memory" in short.why) == (True, False, True)
    strange = loss_of(RuntimeError("first\n\nlast"))
    assert (strange.guilty, strange.why.splitlines()[0]) == (True, "RuntimeError: last")
    told = told_by(3, ":job_id:01\nFatal Python error: Segmentation fault\n  File x")
    assert (told.task, told.guilty) == (3, True)
    assert (
        told.why
        == "its worker ended, Fatal Python error: Segmentation fault\nFatal Python error: Segmentation fault\n  File x"
    )
    assert told_by(3, "").why == "its worker ended, and Ray does not say how"
    assert not told_by(3, exceptions.NodeDiedError("gone")).guilty  # its node could not be asked


def test_without_ray_it_says_how_to_get_it(monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(RequestError, match="engine ray: Ray must be installed, got none. Run: pip install ray"):
        Ray().crew(SETUP, lambda: None)
