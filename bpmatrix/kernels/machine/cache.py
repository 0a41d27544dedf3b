"""Machine code on disk: one file per program and types, which is run only if it is intact.

numba's own cache trusts its files: a truncated file raises an error, a wrong bit is executed, a
full disk ends a call whose compilation had succeeded, and two processes that write at once may mix
up their code. Here each file begins with a digest. A damaged file is compiled anew and replaced,
and if nothing can be written, everything works without a cache (docs/decisions/0026).
"""

import hashlib
import os
import pickle
from functools import cache
from pathlib import Path

import numba
from numba.core import caching, config
from numba.core.serialize import dumps

# Environment variables that affect code generation.
SWITCHES = ("BPMATRIX_CHECKED", "LLVMLITE_ENABLE_IR_LAYER_TYPED_POINTERS")

# numba's settings that affect code generation. Those of the processor are in numba's own key.
SETTINGS = (
    "BOUNDSCHECK",
    "DEBUGINFO_DEFAULT",
    "DEBUG_JIT",
    "DEBUG_NRT",
    "EXTEND_VARIABLE_LIFETIMES",
    "FULL_TRACEBACKS",
    "LLVM_REFPRUNE_FLAGS",
    "LLVM_REFPRUNE_PASS",
    "LOOP_VECTORIZE",
    "OPT",
    "SLP_VECTORIZE",
    "USE_LEGACY_TYPE_SYSTEM",
    "USING_SVML",
)

# Why code that was compiled in this process is not on disk; the last reason counts.
_reasons: list[str] = []


def why_not_kept() -> str | None:
    """Return why compiled code is not kept for the next process, None if it is."""
    return _reasons[-1] if _reasons else None


def cache_for(function):
    """Return the cache of an entry point: `CodeCache`, or no cache if no folder is writable."""
    try:
        return CodeCache(function)
    except RuntimeError:  # numba has tried every folder
        _reasons.append("there is no folder that it may write to")
        return caching.NullCache()


class UserFolder(caching.UserWideCacheLocator):
    """The cache folder of the user, if the user has a home."""

    @classmethod
    def from_function(cls, py_func, py_file):
        """Return the locator, or None: without a home the path would be relative."""
        absolute = Path(cls(py_func, py_file).get_cache_path()).is_absolute()
        return super().from_function(py_func, py_file) if absolute else None


class CacheFiles(caching.CompileResultCacheImpl):
    """Where the machine code of a function is stored, and how it is serialized."""

    _locator_classes = (
        caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, UserFolder
    )  # fmt: skip


class CodeCache(caching.FunctionCache):
    """The machine code of one function in files: a SHA-256 digest, followed by a pickle."""

    _impl_class = CacheFiles

    def load_overload(self, sig, target_context):
        """Return the code for a signature; None if there is no file or it is damaged."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        try:
            kept = self._path(key).read_bytes()
            payload = kept[hashlib.sha256().digest_size :]
            if kept == _sealed(key, payload):
                return self._impl.rebuild(target_context, pickle.loads(payload))  # noqa: S301
        except Exception:  # noqa: BLE001 - whatever cannot be loaded is compiled
            return None
        return None

    def save_overload(self, sig, data):
        """Save the code for a signature, or remember the reason why it cannot be saved."""
        # After a change of settings, a program may contain kernels compiled before it.
        if _settings() != AT_FIRST or not self._impl.check_cachable(data):
            _reasons.append("numba's settings of this process do not allow it")
            return
        key = self._key(sig, data.codegen)
        kept = _sealed(key, dumps(self._impl.reduce(data)))
        try:
            self._impl.locator.ensure_cache_path()
            with self._cache_file._open_for_write(self._path(key)) as file:  # noqa: SLF001
                file.write(kept)
        except OSError as error:
            _reasons.append(f"{self.cache_path}: {error.strerror or error}")

    def _key(self, sig, codegen):
        """Return everything that determines the machine code, as bytes."""
        config.reload_config()  # as numba does before it compiles
        sources = self._impl.locator.get_source_stamp(), _digest_of_sources()
        # Module, name, line and types identify the function, the sources determine what it does.
        # numba's key would also contain the cells of a closure, as in `c_functions.py`, pickled
        # with a random number.
        function = self._impl.filename_base, sig, codegen.magic_tuple()
        return repr((function, sources, numba.__version__, _settings())).encode()

    def _path(self, key):
        name = f"{self._impl.filename_base}.{hashlib.sha256(key).hexdigest()[:16]}.nbc"
        return Path(self.cache_path, name)


def _sealed(key: bytes, payload: bytes) -> bytes:
    """Return a payload after the digest of key and payload."""
    return hashlib.sha256(key + payload).digest() + payload


def _settings() -> list[str]:
    return [f"{name}={getattr(config, name, None)!r}" for name in SETTINGS]


AT_FIRST = _settings()


@cache
def _digest_of_sources() -> str:
    """Return a digest of every source file of `kernels/`, and of the variables in SWITCHES.

    numba looks at the file of the compiled function, not at the files of the functions it calls;
    without this, an upgrade that changes a tile would run the old machine code.
    """
    switches = {name: os.environ.get(name) for name in SWITCHES}
    digest = hashlib.sha256(repr(switches).encode())
    kernels = Path(__file__).parents[1]
    for path in sorted(kernels.rglob("*.py")):
        name = path.relative_to(kernels).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
