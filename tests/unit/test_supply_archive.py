"""Archives that nobody has to trust."""

import gzip
import io
import tarfile
import zipfile

import pytest

from advbench.contract.errors import DataError
from advbench.supply.archive import Limits, is_archive, unpack


def tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
            else:
                (info.type,), info.linkname = content, "/etc/passwd"
                file.addfile(info)
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def debian(path, data):
    def member(name, content):
        return (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
            + content
            + b"\n" * (len(content) % 2)
        )

    path.write_bytes(
        b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar", b"x") + member("data.tar.xz", data)
    )
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_only_what_is_wanted_comes_out_of_a_tar(tmp_path, mode):
    archive = tar(tmp_path / "a.tar", {"top/a.bin": b"a" * 5000, "top/readme": b"no"}, mode)
    assert [path.name for path in unpack(archive, tmp_path / "out", ("*.bin",))] == ["a.bin"]
    assert (tmp_path / "out/top/a.bin").read_bytes() == b"a" * 5000
    assert not (tmp_path / "out/top/readme").exists()


def test_a_zip_and_a_debian_package_are_read_too(tmp_path):
    unpack(zipped(tmp_path / "a.whl", {"x/data.tsv": "1\t2"}), tmp_path / "zip")
    assert (tmp_path / "zip/x/data.tsv").read_text() == "1\t2"
    inner = tar(tmp_path / "data.tar.xz", {"./usr/share/a": b"here"}, "w:xz").read_bytes()
    unpack(debian(tmp_path / "a.deb", inner), tmp_path / "deb", ("*share/a",))
    assert (tmp_path / "deb/usr/share/a").read_bytes() == b"here"


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "C:\\out", "a\\..\\out"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_name_that_leads_elsewhere_refuses_the_whole_archive(tmp_path, name, kind):
    members = {"good": b"1", name: b"2"}
    archive = tar(tmp_path / "a.tgz", members) if kind == "tar" else zipped(tmp_path / "a.zip", members)
    with pytest.raises(DataError, match="must lie inside the archive"):
        unpack(archive, tmp_path / "deep/out", ("good",))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_never_made(tmp_path, kind):
    archive = tar(tmp_path / "a.tgz", {"data.bin": (kind,), "other": b"fine"})
    with pytest.raises(DataError, match="must be plain files, got 'data.bin'"):
        unpack(archive, tmp_path / "out", ("*.bin",))
    assert unpack(archive, tmp_path / "out", ("other",))


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("data.bin")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="must be plain files"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, kind):
    members = {"zeros": bytes(40_000_000)}
    archive = tar(tmp_path / "a.tgz", members) if kind == "tar" else zipped(tmp_path / "a.zip", members)
    with pytest.raises(DataError, match="decompression bomb"):
        unpack(archive, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*"))
    assert unpack(archive, tmp_path / "out", limits=Limits(ratio=2000))


def test_a_bomb_that_nobody_wants_is_not_even_counted_through(tmp_path):
    archive = tar(tmp_path / "a.tgz", {"zeros": bytes(40_000_000), "wanted": b"1"})
    with pytest.raises(DataError, match="decompression bomb"):
        unpack(archive, tmp_path / "out", ("wanted",))


def test_too_many_members_are_a_bomb_too(tmp_path):
    archive = tar(tmp_path / "a.tar", {str(number): b"" for number in range(30)})
    with pytest.raises(DataError, match="at most .* in 20 members"):
        unpack(archive, tmp_path / "out", limits=Limits(members=20))


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"data": bytes(3000)})
    raw = bytearray(archive.read_bytes())
    for start in (raw.find(b"PK\x03\x04") + 22, raw.find(b"PK\x01\x02") + 24):
        raw[start : start + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(raw)
    with pytest.raises(DataError, match="must be a whole archive|got more"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["tgz", "zip", "xz"])
def test_a_truncated_archive_is_said_to_be_so(tmp_path, kind):
    content = {"data": bytes(range(256)) * 800}
    if kind == "zip":
        archive = zipped(tmp_path / "a.zip", content)
    else:
        archive = tar(tmp_path / "a.tar", content, "w:xz" if kind == "xz" else "w:gz")
    archive.write_bytes(archive.read_bytes()[:-600])
    with pytest.raises(DataError, match="must be a whole archive|fewer"):
        unpack(archive, tmp_path / "out")


def test_an_archive_of_something_else_is_another_version(tmp_path):
    with pytest.raises(DataError, match="must contain \\*.png, got none"):
        unpack(tar(tmp_path / "a.tgz", {"a": b"1"}), tmp_path / "out", ("*.png",))


def test_a_compressed_file_is_no_archive(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"words"))
    assert not is_archive(tmp_path / "a.gz")
    assert is_archive(tar(tmp_path / "b", {"a": b"1"}))
