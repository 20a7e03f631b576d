"""One file over the wire: resumed, bounded, checked, whole or absent."""

import hashlib
import http.server
import threading
import urllib.request
from dataclasses import dataclass

import pytest

from advbench.contract.errors import DataError, PluginError
from advbench.supply.download import download, open_address
from advbench.supply.resource import Package, Remote
from advbench.supply.watch import Watch

BODY = bytes(range(256)) * 20_000  # 5 MB: several reads


@dataclass(frozen=True)
class Local(Remote):
    """An address of this test's own server, which speaks no https."""

    def __post_init__(self) -> None:
        pass


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        asked = []
        cut = []  # after how many bytes each answer ends, 0 = never
        ranges = True
        body = BODY
        status = 200

        def do_GET(self):
            cls = type(self)
            first = 0
            asked = self.headers.get("Range")
            cls.asked.append(asked)
            if cls.status != 200:
                self.send_error(cls.status)
                return
            if asked and cls.ranges:
                first = int(asked.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
            else:
                self.send_response(200)
            rest = cls.body[first:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            cut = cls.cut.pop(0) if cls.cut else 0
            self.wfile.write(rest[:cut] if cut else rest)

        def log_message(self, *words):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass  # whoever hangs up is the one under test

    with Server(("127.0.0.1", 0), Handler) as running:
        Handler.url = f"http://127.0.0.1:{running.server_port}/data.bin"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield Handler
        running.shutdown()
        thread.join()


def remote(server, body=BODY):
    return Local(server.url, hashlib.sha256(body).hexdigest(), len(body))


class Counting(Watch):
    def __init__(self):
        self.seen = []

    def progress(self, what, done, total):
        self.seen.append((done, total))


def test_a_file_comes_whole_and_its_progress_is_told(server, tmp_path):
    watch = Counting()
    download(remote(server), tmp_path / "data.bin", watch)
    assert (tmp_path / "data.bin").read_bytes() == BODY
    assert watch.seen[-1] == (len(BODY), len(BODY))
    assert watch.seen == sorted(watch.seen)
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cut = [2_000_000]
    download(remote(server), tmp_path / "data.bin", Watch())
    assert (tmp_path / "data.bin").read_bytes() == BODY
    assert server.asked[0] is None
    assert server.asked[1].startswith("bytes=")
    assert 0 < int(server.asked[1].removeprefix("bytes=").rstrip("-")) <= 2_000_000


def test_a_later_call_goes_on_from_what_an_earlier_one_got(server, tmp_path):
    server.cut = [1_500_000, 1, 1]
    with pytest.raises(DataError, match="are kept; fetching again goes on from there"):
        download(remote(server), tmp_path / "data.bin", Watch())
    assert not (tmp_path / "data.bin").exists()
    download(remote(server), tmp_path / "data.bin", Watch())
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.ranges, server.cut = False, [1_000_000]
    download(remote(server), tmp_path / "data.bin", Watch())
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_an_altered_file_is_refused_and_not_gone_on_from(server, tmp_path):
    server.body = BODY[:-1] + b"!"
    with pytest.raises(DataError, match="sha256 must be"):
        download(remote(server), tmp_path / "data.bin", Watch())
    assert not list(tmp_path.iterdir())


def test_a_server_that_never_stops_is_cut_off(server, tmp_path):
    server.body = BODY * 3
    with pytest.raises(DataError, match="got more"):
        download(remote(server), tmp_path / "data.bin", Watch())
    assert not (tmp_path / "data.bin").exists()


def test_a_missing_file_is_asked_for_once(server, tmp_path):
    server.status = 404
    with pytest.raises(DataError, match="Not Found"):
        download(remote(server), tmp_path / "data.bin", Watch())
    assert len(server.asked) == 1


def test_a_redirect_away_from_https_is_not_followed():
    from advbench.supply.download import _StaysEncrypted

    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(urllib.error.URLError, match="not https"):
        _StaysEncrypted().redirect_request(request, None, 302, "Found", {}, "http://example.org/a")
    assert _StaysEncrypted().redirect_request(request, None, 302, "Found", {}, "https://example.org/b") is not None
    assert callable(open_address)


def test_nothing_is_declared_without_https_or_without_a_checksum():
    with pytest.raises(PluginError, match="https"):
        Remote("http://example.org/a", "0" * 64, 1)
    with pytest.raises(PluginError, match="known beforehand"):
        Remote("https://example.org/a", "", 1)
    with pytest.raises(PluginError, match="known beforehand"):
        Package(client="pip", name="a", version="1", sha256="0" * 64, size=0)
