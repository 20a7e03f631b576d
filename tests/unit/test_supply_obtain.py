"""From a resource to its files: one source after the other, and what is told when none serves."""

import errno
import hashlib
import io
import os
import signal
import stat
import tarfile

import pytest

from advbench.contract.errors import DataError
from advbench.supply import clients
from advbench.supply.archive import free_space
from advbench.supply.obtain import obtained
from advbench.supply.resource import Address, Package, Place, Remote, Resource
from advbench.supply.supplies import Supply
from advbench.supply.watch import Watch


def archive(name="a.txt", content=b"words"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        info = tarfile.TarInfo(f"package/{name}")
        info.size = len(content)
        file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PACKED = archive()
SHA = hashlib.sha256(PACKED).hexdigest()
PACKAGE = Package(client="npm", name="words", version="1.0.0", sha256=SHA, size=len(PACKED))
ADDRESS = Address((Remote("https://example.org/words.tgz", SHA, len(PACKED)),))


def resource(*sources, layouts=(("a.txt",),)):
    return Resource(name="words", license="none", home="https://example.org", layouts=layouts, sources=sources)


class Told(Watch):
    def __init__(self):
        self.tried, self.failures = [], []

    def trying(self, what, source):
        self.tried.append(source)

    def failed(self, what, source, why):
        self.failures.append(why)


def refusing(request):
    raise OSError(errno.ENETUNREACH, "Network is unreachable")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A client of that name that packs what this test says."""
    (tmp_path / "packed.tgz").write_bytes(PACKED)
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\ncp {tmp_path}/packed.tgz "$2/"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_a_folder_of_the_users_comes_first_and_alone(tmp_path):
    (tmp_path / "own/deep").mkdir(parents=True)
    (tmp_path / "own/deep/a.txt").write_text("mine")
    with obtained(resource(ADDRESS), path=tmp_path / "own", opener=refusing) as found:
        assert (found.folder / "a.txt").read_text() == "mine"
        assert not found.published
    (tmp_path / "empty").mkdir()
    with (
        pytest.raises(DataError, match=r"must hold a\.txt, got none of these.*--path"),
        obtained(resource(ADDRESS), path=tmp_path / "empty", opener=refusing),
    ):
        pass


def test_the_data_folder_is_searched_by_name_and_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data/words").mkdir(parents=True)
    (tmp_path / "data/words/a.txt").write_text("named")
    with obtained(resource(ADDRESS), opener=refusing) as found:
        assert (found.folder / "a.txt").read_text() == "named"


def test_an_archive_the_user_has_serves_once_its_checksum_is_right(tmp_path):
    (tmp_path / "words.tgz").write_bytes(PACKED)
    with obtained(resource(ADDRESS), path=tmp_path, opener=refusing) as found:
        assert (found.folder / "a.txt").read_bytes() == b"words"
    (tmp_path / "words.tgz").write_bytes(PACKED[:-1] + b"!")
    with pytest.raises(DataError, match="sha256 must be"), obtained(resource(ADDRESS), path=tmp_path, opener=refusing):
        pass
    assert (tmp_path / "words.tgz").exists()  # it is theirs


def test_sources_are_tried_in_order_and_what_was_got_is_kept(npm, cache):
    told = Told()
    with obtained(resource(Place("/nowhere"), ADDRESS, PACKAGE), opener=refusing, watch=told) as found:
        assert (found.folder / "a.txt").read_bytes() == b"words"
        assert found.published
    assert told.tried == ["/nowhere", "https://example.org/words.tgz", "npm package words 1.0.0"]
    assert "unreachable" in told.failures[1]
    npm.unlink()
    with obtained(resource(PACKAGE), offline=True, opener=refusing) as found:
        assert (found.folder / "a.txt").read_bytes() == b"words"
    assert not [path for path in (cache / "resources/words").iterdir() if path.is_dir()]


def test_a_client_that_brings_another_archive_is_refused(npm, tmp_path, cache):
    (tmp_path / "packed.tgz").write_bytes(archive(content=b"other"))
    with pytest.raises(DataError, match="bytes, got|sha256 must be"), obtained(resource(PACKAGE), opener=refusing):
        pass
    assert not list((cache / "resources/words").glob("*.tgz"))


def test_a_failing_and_an_absent_client_are_told(npm, monkeypatch):
    npm.write_text("#!/bin/sh\necho 'npm error 404 no such package' >&2\nexit 1\n")
    with (
        pytest.raises(DataError, match="failed: npm error 404"),
        obtained(resource(PACKAGE), opener=refusing),
    ):
        pass
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataError, match="npm: it must be installed"), obtained(resource(PACKAGE), opener=refusing):
        pass


def test_ctrl_c_while_a_client_starts_does_not_leave_it_running(npm, monkeypatch):
    npm.write_text("#!/bin/sh\nexec sleep 60\n")
    started, popen = [], clients.subprocess.Popen

    def interrupted(*words, **settings):
        started.append(popen(*words, **settings))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(clients.subprocess, "Popen", interrupted)
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), obtained(resource(PACKAGE), opener=refusing):
        pass
    monkeypatch.undo()
    assert started[0].poll() is not None
    assert signal.getsignal(signal.SIGINT) is usual


def test_offline_asks_nobody():
    def forbidden(request):
        raise AssertionError("asked")

    with (
        pytest.raises(DataError, match="--offline forbids asking"),
        obtained(resource(ADDRESS, PACKAGE), offline=True, opener=forbidden),
    ):
        pass


def test_a_kept_archive_that_was_damaged_is_fetched_again(npm, cache):
    with obtained(resource(PACKAGE), opener=refusing):
        pass
    (kept,) = (cache / "resources/words").glob("*.tgz")
    kept.write_bytes(PACKED[:-1] + b"!")
    with pytest.raises(DataError, match="sha256 must be"), obtained(resource(PACKAGE), opener=refusing):
        pass
    with obtained(resource(PACKAGE), opener=refusing) as found:
        assert (found.folder / "a.txt").read_bytes() == b"words"


def test_a_full_disk_is_said_to_be_full(monkeypatch):
    def full(request):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataError, match="must have room.*ADVBENCH_CACHE_DIR"), obtained(resource(ADDRESS), opener=full):
        pass


def test_a_truncated_archive_of_the_users_is_told_by_its_size(tmp_path):
    (tmp_path / "own").mkdir()
    cut = tmp_path / "own/words-1.0.0.tgz"
    with tarfile.open(cut, "w") as file:
        file.addfile(tarfile.TarInfo("package/other.txt"))
    told = f"words-1.0.0.tgz of {cut.stat().st_size:,} bytes, where an archive of it would have {len(PACKED):,}"
    for path in (cut, cut.parent):
        with (
            pytest.raises(DataError, match=f"must hold a.txt, got {told}. Get it from"),
            obtained(resource(PACKAGE), path=path),
        ):
            pass
    cut.unlink()
    with (
        pytest.raises(DataError, match="must hold a.txt, got none of these"),
        obtained(resource(PACKAGE), path=cut.parent),
    ):
        pass


def test_what_killed_fetches_left_is_removed_by_the_next(tmp_path, cache):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.txt").write_text("mine")
    left = [cache / "resources/words" / name for name in (".unpacked-12345678", ".asking-12345678")]
    left += [cache / "data/.new-words-12345678"]
    kept = [cache / "data/.new-words-more-12345678", cache / "data/words-more", cache / "resources/words/words.tgz"]
    for folder in (*left, *kept):
        folder.mkdir(parents=True)
    supply = Supply(spelling="words", key="words", resource=resource(), make=lambda folder, writer: {})
    for _ in range(2):
        supply.fetch(path=tmp_path / "own")
    assert not [folder for folder in left if folder.exists()]
    assert all(folder.exists() for folder in kept)
    assert sorted(path.name for path in (cache / "data").iterdir()) == [kept[0].name, "words", "words-more"]


def test_too_little_room_is_seen_before_anything_is_fetched(tmp_path):
    asked = []
    supply = Supply(
        spelling="words", key="words", resource=resource(ADDRESS), make=lambda folder, writer: {},
        room=free_space(tmp_path) + 10**12,
    )  # fmt: skip
    with pytest.raises(DataError, match="MiB free, got less"):
        supply.fetch(opener=asked.append)
    assert not asked


def test_a_cache_that_is_a_file_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match="must be a folder to write to"), obtained(resource(ADDRESS), opener=refusing):
        pass


def test_contents_that_are_not_those_published_are_refused_unless_wanted(tmp_path):
    import numpy as np

    (tmp_path / "a.txt").write_text("mine")

    def make(folder, writer):
        writer.put("x", np.frombuffer((folder / "a.txt").read_bytes(), np.uint8))
        return {}

    supply = Supply(spelling="words", key="words", resource=resource(), make=make, digest="0" * 64)
    with pytest.raises(DataError, match="--any-version"):
        supply.fetch(path=tmp_path)
    with pytest.raises(DataError, match="Run: advbench data fetch words --path FOLDER"):
        supply.open()
    assert supply.fetch(path=tmp_path, any_version=True).digest == supply.open().digest


def test_without_a_source_the_page_of_the_authors_is_named():
    with pytest.raises(DataError, match="must come from a folder of yours.*https://example.org"), obtained(resource()):
        pass
