"""Downloads from a local server: good, damaged, missing, unreachable."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from bpmatrix import datasets
from bpmatrix.datasets.download import _Download
from bpmatrix.datasets.sources import SOURCES, Source
from bpmatrix.errors import DownloadError


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep requests off standard error."""


class CutHandler(QuietHandler):
    """Announce a whole file and send half of it."""

    def copyfile(self, source, outputfile) -> None:
        content = source.read()
        outputfile.write(content[: len(content) // 2])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serve a folder, return its address."""
    servers = []

    def start(folder: Path, handler: type[QuietHandler] = QuietHandler) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BPMATRIX_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "cache" / "bpmatrix" / "mnist"


@pytest.fixture
def use_mirrors(
    four_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Let "mnist" come from these mirrors, with the checksums of the four small files."""

    def use(*mirrors: str) -> None:
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in four_files.items()}
        monkeypatch.setitem(SOURCES, "mnist", Source(mirrors, sums, "nobody", "none"))

    return use


@pytest.fixture
def dead_mirror() -> str:
    """Return an address without a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_good_download_fills_the_cache(serve, use_mirrors, write_folder, cache, four_files) -> None:
    use_mirrors(serve(write_folder("server")))
    data = datasets.load("mnist")
    assert data.test.labels.tolist() == [0, 1, 2, 0]
    assert data.license == "none"
    assert files_in(cache) == sorted(four_files)


@pytest.mark.usefixtures("cache")
def test_no_progress_without_a_terminal(
    serve, use_mirrors, write_folder, monkeypatch, capfd, caplog
) -> None:
    logger = pooch.get_logger()
    logger.setLevel(logging.INFO)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    use_mirrors(serve(write_folder("server")))
    datasets.load("mnist")
    assert capfd.readouterr().err == ""
    assert caplog.messages == []
    assert logger.level == logging.INFO


def test_cache_needs_no_network(serve, use_mirrors, write_folder, cache, dead_mirror) -> None:
    use_mirrors(serve(write_folder("server")))
    datasets.load("mnist")
    use_mirrors(dead_mirror)
    assert datasets.load("mnist", download=False).test.labels.tolist() == [0, 1, 2, 0]


def test_damaged_cache_is_repaired(serve, use_mirrors, write_folder, cache, four_files) -> None:
    use_mirrors(serve(write_folder("server")))
    datasets.load("mnist")
    damaged = cache / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    datasets.load("mnist")
    assert damaged.read_bytes() == four_files[damaged.name]


def test_wrong_hash_leaves_no_file(serve, use_mirrors, write_folder, cache) -> None:
    folder = write_folder("server")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    use_mirrors(serve(folder))
    with pytest.raises(DownloadError, match="a file with another SHA-256") as caught:
        datasets.load("mnist")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert files_in(cache) == []


def test_files_that_killed_downloads_left_are_deleted(
    serve, use_mirrors, write_folder, cache, four_files
) -> None:
    """Those of a day ago; the others may belong to another process that is downloading."""
    cache.mkdir(parents=True)
    for name, time in (("tmpq0a8_b3c", 0), ("tmp_k1_9zzz", None)):
        (cache / name).touch()
        if time is not None:
            os.utime(cache / name, (time, time))
    use_mirrors(serve(write_folder("server")))
    datasets.load("mnist")
    assert files_in(cache) == sorted([*four_files, "tmp_k1_9zzz"])


def test_incomplete_files_are_rejected(serve, use_mirrors, write_folder, cache) -> None:
    use_mirrors(serve(write_folder("server"), CutHandler))
    with pytest.raises(DownloadError):
        datasets.load("mnist")
    assert files_in(cache) == []


def test_missing_on_the_server(serve, use_mirrors, write_folder, cache) -> None:
    folder = write_folder("server")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    use_mirrors(serve(folder))
    with pytest.raises(DownloadError, match=r"t10k-labels.*HTTP status 404"):
        datasets.load("mnist")


def test_no_network_names_the_alternatives(use_mirrors, cache, dead_mirror) -> None:
    use_mirrors(dead_mirror, dead_mirror)
    with pytest.raises(DownloadError, match=r"connection failed.*connection failed") as caught:
        datasets.load("mnist")
    for way in ("folder=", "BPMATRIX_DATA", "'digits'", dead_mirror):
        assert way in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_only_cache(use_mirrors, cache, dead_mirror, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    use_mirrors(dead_mirror)
    with pytest.raises(DownloadError, match=r"Errno \d+"):
        datasets.load("mnist")


def test_second_mirror_helps(serve, use_mirrors, write_folder, cache, dead_mirror) -> None:
    use_mirrors(dead_mirror, serve(write_folder("server")))
    assert datasets.load("mnist").n_classes == 3


def test_progress_is_one_line_per_file(serve, use_mirrors, write_folder, cache, capfd) -> None:
    use_mirrors(serve(write_folder("server")))
    datasets.load("mnist", progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line][-1] == "mnist: t10k-labels-idx1-ubyte.gz 100%"
    assert len([line for line in lines if line.endswith("100%")]) >= 4


def test_progress_of_unknown_length(capfd) -> None:
    line = _Download("some file")
    line.update(1_024)
    line.close()
    line.close()
    assert capfd.readouterr().err == "\rsome file 1,024 bytes\n"
