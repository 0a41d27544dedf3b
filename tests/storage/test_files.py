"""Atomic writing: at every moment the file has the old or the new content."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from bpmatrix.errors import DestinationError
from bpmatrix.storage import files, locks
from bpmatrix.storage.files import standing_at, write_whole
from bpmatrix.storage.locks import lock

OLD, NEW = b"old content", b"new content, and longer"
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions, links and signals")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with the old content, alone in its folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(OLD)
    return folder / "file"


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_the_content_is_written(path: Path) -> None:
    """To a new and to an existing file, whatever the content; no other file is left."""
    for content in (NEW, b"", bytes(range(256)) * 5000):
        write_whole(path, content)
        assert path.read_bytes() == content
    write_whole(path.with_name("another"), NEW)
    assert path.with_name("another").read_bytes() == NEW
    assert names(path.parent) == ["another", "file"]


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_the_order_of_the_calls(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content is written, flushed to disk, and renamed; then the folder is flushed."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        if is_folder(descriptor):
            calls.append("flush the folder")
        else:
            assert os.fstat(descriptor).st_size == len(NEW)  # written before it is flushed
            calls.append("flush the file")
        assert path.read_bytes() == (NEW if "rename" in calls else OLD)
        fsync(descriptor)

    def noted_replace(source, target, **rest) -> None:
        assert Path(source).parent == Path(target).parent
        calls.append("rename")
        replace(source, target, **rest)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_whole(path, NEW)
    folder = [] if os.name == "nt" else ["flush the folder"]
    assert calls == ["flush the file", "rename", *folder]


class HalfFull:
    """A file on a disk that becomes full after half of the content."""

    def __init__(self, file, error: BaseException) -> None:
        self._file, self._error = file, error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, content: bytes) -> None:
        self._file.write(content[: len(content) // 2])
        self._file.flush()
        raise self._error


ERRORS = [OSError(errno.ENOSPC, "no space left"), KeyboardInterrupt(), MemoryError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("stage", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException
) -> None:
    """Whichever stage fails, with whatever error, the old content remains and no other file."""

    def fail(*arguments: object, **rest: object) -> None:
        raise error

    if stage == "write":
        opened = Path.open
        monkeypatch.setattr(
            Path, "open", lambda self, *how, **rest: HalfFull(opened(self, *how, **rest), error)
        )
    else:
        monkeypatch.setattr(os, stage, fail)
    with pytest.raises(type(error)) as caught:
        write_whole(path, NEW)
    monkeypatch.undo()
    assert caught.value is error
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["file"]


@posix
def test_a_limit_of_the_system_on_the_size_of_files(path: Path) -> None:
    """A write cut short by the system is detected, here after 4096 bytes; the file is named."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as caught:
            write_whole(path, bytes(10_000))
        assert str(caught.value).endswith(f"{str(path)!r}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["file"]


# A script with its own root and mounts, where the system lets its users have them.
ON_A_SMALL_DISK = """
import errno, os, sys
from pathlib import Path
from bpmatrix.storage.files import write_whole

path, OLD = Path(sys.argv[1], "file"), b"old content"
write_whole(path, OLD)
try:
    write_whole(path, bytes(10_000_000))
except OSError as error:
    assert (error.errno, error.filename) == (errno.ENOSPC, str(path)), error
else:
    raise AssertionError("the disk was too large")
assert path.read_bytes() == OLD
assert os.listdir(path.parent) == ["file"]
write_whole(path, bytes(10_000))
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """A real disk of 40 KB: the old file stays, the error names it, and nothing else is left."""
    command = 'mount -t tmpfs -o size=40k none "$0" || exit 77; exec "$@"'
    script = [sys.executable, "-c", ON_A_SMALL_DISK, str(tmp_path)]
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", command, str(tmp_path), *script],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("the system has no unshare command")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"the system does not let its users mount: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


# As an ordinary user, since root may do everything.
IN_FOLDERS_WITHOUT_PERMISSIONS = """
import os, tempfile
from pathlib import Path
from bpmatrix.storage.files import write_whole

if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "file")
    path.write_bytes(b"old")
    os.chmod(folder, 0o300)  # neither listed nor flushed
    write_whole(path, b"new")
    os.chmod(folder, 0o500)
    try:
        write_whole(path, b"newest")
    except PermissionError as error:
        assert error.filename == str(path), error
    assert path.read_bytes() == b"new"
    os.chmod(folder, 0o700)
    assert os.listdir(folder) == ["file"]
"""


@posix
def test_a_folder_that_may_not_be_listed_or_written() -> None:
    """The first is written to; in the second the old file stays, and the error names it."""
    done = subprocess.run(
        [sys.executable, "-c", IN_FOLDERS_WITHOUT_PERMISSIONS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def fill_the_folder(path: Path) -> list[Path]:
    """Create a leftover file, and files with similar names that are not ours."""
    ours = [path.with_name(f".{k:016x}.part") for k in range(3)]
    others = [path.with_name(name) for name in ("film.part", ".part", ".0123456789abcdeg.part")]
    for place in (*ours, *others):
        place.write_bytes(OLD)
    path.with_name(f".{3:016x}.part").mkdir()
    return ours


@posix
def test_left_over_files_are_deleted_unless_they_are_being_written(path: Path) -> None:
    """Only files with our names are deleted; a lock shows that one is being written."""
    ours = fill_the_folder(path)
    left = names(path.parent)
    with ours[1].open("rb") as writing:
        assert lock(writing.fileno())
        write_whole(path, NEW)
        assert names(path.parent) == sorted({*left} - {ours[0].name, ours[2].name})
    write_whole(path, NEW)
    assert names(path.parent) == sorted({*left} - {file.name for file in ours})


def test_a_left_over_folder_is_deleted_when_it_is_old(path: Path) -> None:
    """A folder has no lock; one in which a file was created a short time ago may be in use."""
    fill_the_folder(path)
    folder = path.with_name(f".{3:016x}.part")
    (folder / "file").touch()
    write_whole(path, NEW)
    assert folder.exists()
    os.utime(folder, (0, 0))
    write_whole(path, NEW)
    assert not folder.exists()


def test_without_locks_old_files_are_deleted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows and on file systems without locks, files older than an hour are deleted."""
    monkeypatch.setattr(locks, "fcntl", None)
    ours = fill_the_folder(path)
    os.utime(ours[0], (0, 0))
    left = names(path.parent)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    assert names(path.parent) == sorted({*left} - {ours[0].name})


@posix
def test_a_temporary_file_that_is_deleted_before_it_is_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another process takes it for a leftover one, it is created again."""
    flock, deleted = locks.fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not deleted:
            deleted.extend(file for file in path.parent.iterdir() if file != path)
            deleted[0].unlink()
        flock(descriptor, how)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["file"]


@posix
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_flush(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The file is written anyway, for example on some network file systems."""

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW


@posix
def test_a_file_of_another_owner_keeps_its_owner(path: Path) -> None:
    """Only root may set the owner; then the owner can still read the model."""
    if os.getuid():
        pytest.skip("only root can change the owner of a file")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    write_whole(path, NEW)
    found = path.stat()
    assert (found.st_uid, found.st_gid, mode(path)) == (65534, 65534, 0o600)


@posix
def test_a_folder_that_cannot_be_flushed_has_the_new_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the rename the new file is complete, and the error is raised."""
    fsync, closed = os.fsync, []
    close = os.close

    def failing_fsync(descriptor: int) -> None:
        if is_folder(descriptor):
            raise OSError(errno.EIO, "input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    monkeypatch.setattr(os, "close", lambda d: closed.append(d) or close(d))
    with pytest.raises(OSError, match="input/output"):
        write_whole(path, NEW)
    monkeypatch.undo()
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["file"]
    assert len(closed) == 1


def test_windows_has_no_folders_to_flush(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a folder cannot be opened."""
    monkeypatch.setattr(files, "os", SimpleNamespace(name="nt"))
    files.flush_folder(path.parent)


def test_a_failing_cleanup_hides_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error is the one that is raised."""

    def fail(message: str):
        def raising(*arguments: object, **rest: object) -> None:
            raise OSError(message)

        return raising

    monkeypatch.setattr(os, "replace", fail("the first"))
    monkeypatch.setattr(Path, "unlink", fail("the second"))
    with pytest.raises(OSError, match="the first"):
        write_whole(path, NEW)


def test_a_path_that_is_a_folder(path: Path) -> None:
    """A folder is not replaced, and nothing is left beside it."""
    folder = path.parent / "model"
    folder.mkdir()
    with pytest.raises(OSError, match="model"):
        write_whole(folder, NEW)
    assert names(path.parent) == ["file", "model"]
    assert names(folder) == []


@posix
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_anything_but_a_file_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, linked: bool
) -> None:
    """Neither replaced nor written to, also behind a link; no other file is left."""
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(tmp_path)
            listener.bind("place")  # paths of sockets must be short
    else:
        try:
            os.mknod(place, stat.S_IFCHR | 0o666, Path(os.devnull).stat().st_rdev)
        except PermissionError:
            pytest.skip("only root can create devices")
    path = place
    if linked:
        path = tmp_path / "link"
        path.symlink_to("place")
    before, left = place.stat(), names(tmp_path)
    assert standing_at(path) == f"a {kind}"
    with pytest.raises(DestinationError, match=rf"{path.name} is a {kind}.*Name a file"):
        write_whole(path, NEW)
    after = place.stat()
    assert (after.st_ino, after.st_mode, after.st_mtime) == (
        (before.st_ino, before.st_mode, before.st_mtime)
    )
    assert names(tmp_path) == left


@posix
def test_an_open_file_descriptor_is_not_replaced(path: Path) -> None:
    """/dev/fd/5 is a file that a process is writing to, which a new file would replace."""
    with path.open("ab") as file:
        numbered = Path(f"/dev/fd/{file.fileno()}")
        if not numbered.exists():
            pytest.skip("the system has no /dev/fd")
        for link in (numbered, path.with_name("link")):
            if link != numbered:
                link.symlink_to(numbered)
            assert standing_at(link) == "an open file of a process"
            with pytest.raises(DestinationError, match="open file"):
                write_whole(link, NEW)
    assert path.read_bytes() == OLD


@posix
def test_the_standard_streams_are_not_replaced() -> None:
    """Whatever they are: a terminal, a pipe, or a file that others append to."""
    for name in ("/dev/stdin", "/dev/stdout", "/dev/stderr"):
        assert standing_at(Path(name)) is not None


def test_files_and_unused_names_are_accepted(path: Path) -> None:
    assert standing_at(path) is None
    assert standing_at(path.with_name("free")) is None
    assert standing_at(path.parent / "nowhere" / "free") is None


@posix
@pytest.mark.parametrize("name", ["loop", "n" * 300])
def test_paths_that_cannot_be_resolved(path: Path, name: str) -> None:
    """A loop of links and a name that is too long raise OSError before anything is written."""
    (path.parent / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"symbolic links|too long"):
        standing_at(path.parent / name)
    with pytest.raises(OSError, match=r"symbolic links|too long"):
        write_whole(path.parent / name, NEW)
    assert names(path.parent) == ["file", "loop"]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """The system's error is raised, and no folder is created."""
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "file", NEW)
    assert names(tmp_path) == []


@posix
@pytest.mark.parametrize("kind", ["absolute", "relative", "chain", "dangling"])
def test_a_link_stays_a_link(path: Path, tmp_path: Path, kind: str) -> None:
    """The file that a symbolic link points to is replaced, in its own folder."""
    link = tmp_path / "link"
    targets = {"relative": Path("folder", "file"), "dangling": path.with_name("later")}
    link.symlink_to(targets.get(kind, path))
    if kind == "chain":
        link = tmp_path / "second"
        link.symlink_to(tmp_path / "link")
    write_whole(link, NEW)
    assert link.is_symlink()
    assert link.read_bytes() == NEW
    written = path.with_name("later") if kind == "dangling" else path
    assert written.read_bytes() == NEW
    assert not written.is_symlink()
    assert names(path.parent) == sorted({"file", written.name})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027])
def test_a_new_file_has_the_permissions_that_any_new_file_has(tmp_path: Path, umask: int) -> None:
    """As determined by the umask."""
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "file", NEW)
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == 0o666 & ~umask


@posix
@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o664, 0o444])
def test_a_replaced_file_keeps_its_permissions(
    path: Path, monkeypatch: pytest.MonkeyPatch, permissions: int
) -> None:
    """A private model stays private while and after it is saved again."""
    path.chmod(permissions)
    fsync, seen = os.fsync, []

    def noted_fsync(descriptor: int) -> None:
        if not is_folder(descriptor):
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    write_whole(path, NEW)
    assert seen == [permissions]  # also before the new file is renamed
    assert path.read_bytes() == NEW
    assert mode(path) == permissions


@posix
def test_file_systems_without_permissions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced, unless the new one would be less private."""

    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchmod", refuse)
    path.chmod(0o666)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    path.chmod(0o400)
    with pytest.raises(PermissionError):
        write_whole(path, b"newer")
    assert path.read_bytes() == NEW


@posix
def test_the_longest_name(tmp_path: Path) -> None:
    """A name may be as long as the file system allows."""
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write_whole(path, NEW)
    assert path.read_bytes() == NEW


@posix  # Windows does not rename over a file that is open
def test_two_writers_at_once(path: Path) -> None:
    """A reader always sees one of the contents, complete; no other file is left."""
    contents = [bytes([k]) * 50_000 for k in (1, 2)]
    write_whole(path, contents[0])
    failures = []

    def write(content: bytes) -> None:
        try:
            for _ in range(30):
                write_whole(path, content)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    assert failures == []
    assert names(path.parent) == ["file"]


WRITER = """
import sys
from pathlib import Path
from bpmatrix.storage.files import write_whole

path, content = Path(sys.argv[1]), sys.argv[2].encode() * 20_000
for _ in range(200):
    write_whole(path, content)
    found = path.read_bytes()
    assert len(found) == 20_000 and len(set(found)) == 1
"""


@posix
def test_two_processes_at_once(path: Path) -> None:
    """Neither takes the other's temporary file for a leftover one."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter], stderr=subprocess.PIPE)
        for letter in "ab"
    ]
    assert [writer.communicate()[1] for writer in writers] == [b"", b""]
    assert names(path.parent) == ["file"]


# ------------------------------------------------------------------------------------------- kills

# One process imports, and forks a child for each kill. Children of the first kind kill themselves
# at a given moment, those of the second kind write until they are killed.
NURSERY = """
import os, random, signal, sys, time
from pathlib import Path
from bpmatrix.storage.files import write_whole

path, OLD, NEW = Path(sys.argv[1]), b"old" * 40_000, b"newer" * 40_000


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(name, call, moment):
    def dying(*arguments, **rest):
        if moment == "before":
            die()
        result = call(*arguments, **rest)
        if moment == "after":
            die()
        return result
    return dying


def marked(name, moment):
    if name == "folder":
        fsync, count = os.fsync, iter("12")
        os.fsync = lambda d: die_at(name, fsync, moment)(d) if next(count) == "2" else fsync(d)
    elif name == "open":
        Path.open = die_at(name, Path.open, moment)
    else:
        setattr(os, name, die_at(name, getattr(os, name), moment))
    write_whole(path, NEW)


def endless(started):
    while True:
        for content in (NEW, OLD):
            write_whole(path, content)
            os.write(started, b".")


def killed(work, *arguments):
    write_whole(path, OLD)
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
        finally:
            os._exit(1)
    return child


for name in ("open", "fsync", "replace", "folder"):
    for moment in ("before", "after"):
        _, status = os.waitpid(killed(marked, name, moment), 0)
        assert os.WIFSIGNALED(status), (name, moment)
        renamed = name == "folder" or (name, moment) == ("replace", "after")
        assert path.read_bytes() == (NEW if renamed else OLD), (name, moment)

random.seed(1)
seen = set()
for _ in range(40):
    ready, started = os.pipe()
    child = killed(endless, started)
    os.read(ready, 1)
    time.sleep(random.random() * 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready), os.close(started)
    content = path.read_bytes()
    assert content in (OLD, NEW), len(content)
    seen.add(content)
left = os.listdir(path.parent)
write_whole(path, NEW)
assert os.listdir(path.parent) == [path.name], left
print("both" if len(seen) == 2 else "one")
"""


@posix
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file(path: Path) -> None:
    """SIGKILL before and after each system call, and at forty random moments: never half a file.

    A kill may leave a temporary file, which the next write to the folder deletes.
    """
    done = subprocess.run(
        [sys.executable, "-c", NURSERY, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "both\n"
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
