"""Tests of the checkpoint folder: which files are kept, and what happens to damaged ones."""

from __future__ import annotations

import errno
import json
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from killed import Killed
from numeric import same_bits
from safetensors import safe_open
from safetensors.numpy import save_file

import bpmatrix
from bpmatrix import Adam, EarlyStopping, History, Network
from bpmatrix.errors import ArgumentError, DestinationError, ModelFileError
from bpmatrix.network.resumable import ResumableRun
from bpmatrix.storage import checkpoints, tensor_files
from bpmatrix.storage.checkpoints import Checkpoints, read, write
from bpmatrix.training.checkpoint import Snapshot
from bpmatrix.training.schedules import ReduceOnPlateau

RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3)).T
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)


def train(folder: Path | None, epochs: int, **how) -> tuple[Network, History]:
    net = Network([3, 6, 3], seed=4)
    how = {"optimizer": Adam(0.05), "checkpoint_seconds": 0} | how
    return net, net.train(X, LABELS, epochs=epochs, checkpoint=folder, **how)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def newest(folder: Path) -> Path:
    return max(folder.glob("checkpoint-*"))


def test_the_folder_holds_the_newest_the_one_before_and_the_best(tmp_path: Path) -> None:
    """And nothing else, at any time."""
    seen = []
    train(tmp_path, 5, callbacks=[lambda info: seen.append(len(names(tmp_path)))])
    assert seen == [2, 4, 4, 4, 4]  # with the lock of the run
    assert names(tmp_path) == [
        "best.safetensors", "checkpoint-000006.safetensors", "checkpoint-000007.safetensors",
    ]  # fmt: skip


def test_the_folder_is_created(tmp_path: Path) -> None:
    """Including its parents."""
    train(tmp_path / "runs" / "first", 1)
    assert newest(tmp_path / "runs" / "first").exists()


def test_a_snapshot_round_trips(tmp_path: Path) -> None:
    """Words and arrays, including empty and non-finite arrays."""
    arrays = {"a": np.array([np.nan, -0.0, 1]), "b": np.empty((0, 3), np.float32), "c": np.eye(2).T}
    write(tmp_path / "file", Snapshot({"word": [1, None, "x"]}, arrays))
    words, found = read(tmp_path / "file")
    assert words["word"] == [1, None, "x"]
    assert found.keys() == arrays.keys()
    assert all(same_bits(found[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("damage", ["cut short", "empty", "flipped", "another file"])
def test_a_damaged_newest_file_falls_back_to_the_one_before(damage: str, tmp_path: Path) -> None:
    """With one warning; the older file survives the next write, and the bits are the same."""
    whole, expected = train(None, 6)
    train(tmp_path, 3)
    path, before = newest(tmp_path), min(tmp_path.glob("checkpoint-*"))
    content = path.read_bytes()
    if damage == "another file":
        Network([2, 1], seed=1).save(path)
    else:
        flipped = content[:-5] + bytes([content[-5] ^ 8]) + content[-4:]
        damaged = {"cut short": content[:-9], "empty": b"", "flipped": flipped}
        path.write_bytes(damaged[damage])
    kept = []
    with pytest.warns(RuntimeWarning, match="the newest checkpoint cannot be read") as caught:
        net, history = train(tmp_path, 6, callbacks=[lambda info: kept.append(before.exists())])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert kept[0]
    assert same_bits(net.parameters, whole.parameters)
    assert history.cost == expected.cost
    assert not path.exists() or read(path)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_newest_file_on_a_bad_disk_falls_back_to_the_one_before(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a damaged one does; if there is no other, no new run starts."""
    whole, _ = train(None, 6)
    train(tmp_path, 3)
    bad = [newest(tmp_path)]
    opened = tensor_files.opened

    def fail(path: Path):
        if path in bad:
            raise OSError(number, os.strerror(number), str(path))
        return opened(path)

    with monkeypatch.context() as patches:
        patches.setattr(tensor_files, "opened", fail)
        assert checkpoints.identity_in(tmp_path)
        with pytest.warns(RuntimeWarning, match=f"cannot be read .*{os.strerror(number)}"):
            net, _ = train(tmp_path, 6)
        assert same_bits(net.parameters, whole.parameters)
        bad += tmp_path.glob("checkpoint-*")
        before = names(tmp_path)
        assert checkpoints.identity_in(tmp_path) == {}
        with pytest.raises(ModelFileError, match=f"can be read.*{os.strerror(number)}"):
            train(tmp_path, 6)
    assert names(tmp_path) == before


def test_the_last_good_file_is_never_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """orbax#394, revbayes#930: at each call of the system there is one that can be read."""
    train(tmp_path, 1)
    looks = []

    def look() -> None:
        found, _ = checkpoints._newest(tmp_path)
        assert found is not None
        looks.append(None)

    for module, name in ((os, "fsync"), (os, "replace"), (Path, "replace"), (Path, "unlink")):
        call = getattr(module, name)

        def looking(*arguments, call=call, **keywords):
            look()
            result = call(*arguments, **keywords)
            look()
            return result

        monkeypatch.setattr(module, name, looking)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no fall-back either
        train(tmp_path, 4)
    assert len(looks) > 20


def test_the_best_model_is_saved_even_if_the_run_died_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint already knew the new best epoch; the file had the one before."""
    _, whole = train(tmp_path / "whole", 4)
    save = ResumableRun.save_best

    def die(self: ResumableRun, path: Path) -> None:
        if self.best_epoch() == whole.best_epoch:
            raise Killed
        save(self, path)

    with monkeypatch.context() as patches:
        patches.setattr(ResumableRun, "save_best", die)
        with pytest.raises(Killed):
            train(tmp_path / "run", 4)
    assert Network.load(tmp_path / "run" / "best.safetensors").epochs < whole.best_epoch
    train(tmp_path / "run", 4)
    best, expected = (
        Network.load(tmp_path / name / "best.safetensors") for name in ("run", "whole")
    )
    assert best.epochs == expected.epochs == whole.best_epoch
    assert same_bits(best.parameters, expected.parameters)


def test_no_new_run_starts_if_no_file_can_be_read(tmp_path: Path) -> None:
    """The files are left unchanged, for inspection."""
    train(tmp_path, 3)
    for path in tmp_path.glob("checkpoint-*"):
        path.write_bytes(b"damaged")
    before = names(tmp_path)
    with pytest.raises(ModelFileError, match=r"no checkpoint in .* can be read"):
        train(tmp_path, 3)
    assert names(tmp_path) == before


def test_a_newer_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not treated as damaged, so it is neither skipped nor deleted."""
    train(tmp_path, 2)
    path = tmp_path / "checkpoint-000009.safetensors"
    with monkeypatch.context() as patches:
        patches.setattr(checkpoints, "VERSION", 2)
        write(path, Snapshot({}, {}))
    with pytest.raises(ModelFileError, match="another format version: got 2, expected 1"):
        train(tmp_path, 3)
    assert path.exists()


def test_left_over_files_are_swept(tmp_path: Path) -> None:
    """Those of processes killed while writing; other files stay."""
    for name in (".0123456789abcdef.part", "notes.txt", "checkpoint-7.safetensors.bak"):
        (tmp_path / name).write_bytes(b"x")
    train(tmp_path, 1)
    assert {"notes.txt", "checkpoint-7.safetensors.bak"} <= set(names(tmp_path))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.filterwarnings("error")
def test_a_full_disk_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one warning; the next write tries again, and the older file is still there."""

    def full(path: Path, *content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(info) -> None:
        if info.epoch in {2, 3}:
            patches.setattr(tensor_files, "write_whole", full)
        else:
            patches.undo()

    with monkeypatch.context() as patches:
        with pytest.warns(
            RuntimeWarning, match="No space left on device; the training continues"
        ) as caught:
            net, _ = train(tmp_path, 5, callbacks=[fill])
        assert len(caught) == 1
    assert same_bits(net.parameters, train(None, 5)[0].parameters)
    assert read(newest(tmp_path)).values["epochs"] == 5


def test_no_run_starts_if_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes at once, not after a night of training."""

    def refuse(path: Path, *content: bytes) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tensor_files, "write_whole", refuse)
    with pytest.raises(DestinationError, match="Permission denied"):
        train(tmp_path, 1)


@pytest.mark.parametrize(
    ("folder", "match"), [(3, "must be the name of a folder"), (__file__, "is not a folder")]
)
def test_an_invalid_folder_is_refused(folder, match: str) -> None:
    """A number, a file."""
    with pytest.raises(ArgumentError, match=match):
        train(folder, 1)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "60", None])
def test_an_invalid_time_is_refused(seconds, tmp_path: Path) -> None:
    """Before the folder is created."""
    with pytest.raises(ArgumentError, match="checkpoint_seconds"):
        train(tmp_path / "new", 1, checkpoint_seconds=seconds)
    assert not (tmp_path / "new").exists()


def test_checkpoints_are_written_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at the beginning, one whenever the time has elapsed, one at the end."""
    now = 0.0

    def tick(info) -> None:
        nonlocal now
        now += 10.0

    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now)
    written = []
    monkeypatch.setattr(checkpoints, "write", lambda *given: (written.append(now), write(*given)))
    train(tmp_path, 10, callbacks=[tick], checkpoint_seconds=30)
    assert written == [0, 30, 60, 90, 100]


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run is rejected and changes nothing; afterwards the folder is free."""

    def disturb(info) -> None:
        if info.epoch != 3:
            return
        before = names(tmp_path)
        net = Network([3, 6, 3], seed=4)
        weights = net.parameters.copy()
        with pytest.raises(ArgumentError, match="another run is using the checkpoints"):
            net.train(X, LABELS, epochs=4, optimizer=Adam(0.05), checkpoint=tmp_path)
        assert same_bits(net.parameters, weights)
        assert names(tmp_path) == before

    whole, _ = train(None, 6)
    train(tmp_path, 5, callbacks=[disturb])
    net, _ = train(tmp_path, 6)
    assert same_bits(net.parameters, whole.parameters)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_a_folder_is_free_after_an_error(error, tmp_path: Path) -> None:
    """Even if the error is kept, as in a notebook."""

    def fail(info) -> None:
        raise error

    kept = None
    try:
        train(tmp_path, 5, callbacks=[fail])
    except RuntimeError as raised:
        kept = raised
    train(tmp_path, 5)
    del kept


def test_a_run_that_ended_after_its_checkpoint_was_read(tmp_path: Path) -> None:
    """Its newest checkpoint was not read, so resuming from an older one is rejected."""
    train(tmp_path, 2)
    stale = Checkpoints(tmp_path)
    train(tmp_path, 3)
    run = SimpleNamespace(identity=dict)
    with pytest.raises(ArgumentError, match="another run wrote a checkpoint"):
        stale.begin(run)
    stale.release()
    train(tmp_path, 4)


def test_checkpoints_that_another_run_deletes_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ones before them are read."""
    train(tmp_path, 3)
    files_before = sorted(tmp_path.glob("checkpoint-*"))

    def gone(path: Path) -> Snapshot:
        if path == files_before[-1]:
            path.unlink()
        return read(path)

    monkeypatch.setattr(checkpoints, "read", gone)
    assert Checkpoints(tmp_path).found is not None
    assert checkpoints.identity_in(tmp_path)


def test_records_that_are_too_large_do_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a full disk, there is a warning."""

    def grow(info) -> None:
        monkeypatch.setattr(tensor_files, "MOST_VALUES", 1)

    with pytest.warns(RuntimeWarning, match="too large for a model file.*training continues"):
        _, history = train(tmp_path, 3, callbacks=[grow])
    assert len(history.epochs) == 3


def test_a_checkpoint_cannot_be_loaded_as_a_model(tmp_path: Path) -> None:
    """The error says what the file is, and what to load instead."""
    train(tmp_path, 1)
    for load in (Network.load, bpmatrix.load):
        with pytest.raises(ModelFileError, match=r"Load best\.safetensors in the same folder"):
            load(newest(tmp_path))


def changed(words: dict, arrays: dict, name: str, value: object) -> None:
    target = arrays if name in arrays else words
    if value is None:
        del target[name]
    else:
        target[name] = value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", -1),
        ("epochs", 77),
        ("state", {"steps": -1}),
        ("state", {"steps": "7"}),
        ("shuffler", {"bit_generator": "MT19937"}),
        ("trained", [1]),
        ("mini_batches_done", 5),
        ("mini_batches_done", "x"),
        ("theta", np.zeros(3)),
        ("theta", None),
        ("theta", np.full(45, np.nan)),
        ("moments", np.full((2, 45), -1.0)),
        ("moments", np.zeros((1, 45))),
        ("best.theta", np.zeros(45, np.float32)),
        ("stopped_by", None),
        ("stopped_by", []),
        ("epochs_before", -1),
        ("trained", {}),
        ("steps", True),
        ("patience", np.array([4.0, 1.0])),
        ("patience", np.array([-1.0, 1.0])),
        ("patience", np.array([0.5, 1.0])),
        ("patience", np.array([1.0, np.nan])),
        ("patience", np.array([1.0])),
        ("plateau", np.array([11.0, 1.0, 1.0])),
        ("plateau", np.array([1.0, 1.0, np.nan])),
        ("plateau", np.array([1.0, 1.0, 2.0])),
        ("history.cost", np.zeros(1)),
        ("history.epoch", None),
    ],
    ids=str,
)
def test_a_forged_file_is_refused(name: str, value: object, tmp_path: Path) -> None:
    """Even with a correct digest; it raises an error of ours, and nothing changes."""
    how = {
        "early_stopping": EarlyStopping(3, metric="cost"),
        "schedule": ReduceOnPlateau(metric="cost"),
    }
    train(tmp_path, 3, **how)
    words, arrays = read(newest(tmp_path))
    changed(words, arrays, name, value)
    write(newest(tmp_path), Snapshot({k: v for k, v in words.items() if k != "version"}, arrays))
    net = Network([3, 6, 3], seed=4)
    before = net.parameters.copy()
    with pytest.raises(ModelFileError, match="is not valid"):
        net.train(X, LABELS, epochs=4, optimizer=Adam(0.05), checkpoint=tmp_path, **how)
    assert same_bits(net.parameters, before)
    assert (net.epochs, net.trained) == (0, [])


def test_a_checkpoint_without_a_digest_is_refused(tmp_path: Path) -> None:
    """No version wrote one."""
    train(tmp_path, 1)
    path = newest(tmp_path)
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text = file.metadata()["bpmatrix"]
    save_file(tensors, path, {"bpmatrix": text})
    with pytest.raises(ModelFileError, match="is not a checkpoint"):
        read(path)


def test_the_words_are_plain(tmp_path: Path) -> None:
    """The metadata can be read with json alone."""
    train(tmp_path, 1)
    with safe_open(newest(tmp_path), framework="numpy") as file:
        words = json.loads(file.metadata()["bpmatrix"])
    assert words["written_by"] == bpmatrix.__version__
    assert words["checkpoint"]["identity"]["optimizer"].startswith("Adam(learning_rate=0.05")
