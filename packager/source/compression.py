"""A file's blocks in order, inflated where it is compressed: in bounded memory, up to a stated size, to a clean end.

The compressor is told by the same magic bytes, in the same order, as joblib's loader uses.
"""

from __future__ import annotations

import bz2
import importlib
import importlib.util
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final, Protocol

from packager.errors import SourceError
from packager.source.symbols import Unreadable

CHUNK_BYTES: Final = 1 << 20
HEAD_BYTES: Final = 16
# A small file may not grow without end: a zip bomb of a few kB is told after a second, not after 8 GiB.
SMALL_INFLATED_BYTES: Final = 256 << 20
MAX_RATIO: Final = 200
# xz -9 needs 65 MiB; a forged header can ask for 4 GiB.
LZMA_MEMORY_BYTES: Final = 256 << 20

MAGIC: Final = (
    ("zlib", b"\x78"),
    ("gzip", b"\x1f\x8b"),
    ("bz2", b"BZ"),
    ("lzma", b"\x5d\x00"),
    ("xz", b"\xfd7zXZ"),
    ("lz4", b"\x04\x22\x4d\x18"),
)


class Blocks(Protocol):
    """The bytes of a file, block by block."""

    def block(self) -> bytes:
        """Return the next bytes, empty at the end."""

    def skip(self, count: int) -> int:
        """Pass over up to `count` bytes where that is cheap, and return how many were passed."""


class Decompressor(Protocol):
    """What bz2, lzma and lz4 offer; zlib is wrapped to look the same."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Deflated:
    """zlib's decompressor with the interface of the others."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        # Output may wait inside even when all input was taken, so it is asked until it gives less than was wanted.
        self._drained = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._drained and not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._drained = len(block) < max_length
        return block


def detect(head: bytes) -> str | None:
    """Return the compressor that a file's first bytes name, or None."""
    return next((name for name, magic in MAGIC if head.startswith(magic)), None)


def _decompressor(name: str) -> Decompressor:
    if name == "zlib":
        return _Deflated(zlib.MAX_WBITS)
    if name == "gzip":
        return _Deflated(16 + zlib.MAX_WBITS)
    if name == "bz2":
        return bz2.BZ2Decompressor()
    if name == "lz4":
        return _lz4()
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=LZMA_MEMORY_BYTES)


def _lz4() -> Decompressor:
    if importlib.util.find_spec("lz4") is None:
        raise SourceError("is compressed with lz4, which is not installed", hint="pip install lz4, or dump it again")
    decompressor: Decompressor = importlib.import_module("lz4.frame").LZ4FrameDecompressor()
    return decompressor


class _Plain:
    """Blocks of a file as it lies on the disk."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size

    def block(self) -> bytes:
        """Return the next bytes, empty at the end."""
        block = self._stream.read(min(CHUNK_BYTES, self._left))
        self._left -= len(block)
        return block

    def skip(self, count: int) -> int:
        """Pass over up to `count` bytes and return how many."""
        passed = min(count, self._left)
        self._stream.seek(passed, os.SEEK_CUR)
        self._left -= passed
        return passed


class _Inflated:
    """Blocks of a compressed file; refuses to pass `limit`, and anything that follows the compressed stream."""

    def __init__(self, stream: BinaryIO, name: str, limit: int) -> None:
        self._stream = stream
        self._name = name
        self._limit = limit
        self._total = 0
        self._decompressor = _decompressor(name)

    def block(self) -> bytes:
        """Return the next bytes, empty at the end."""
        while not self._decompressor.eof:
            data = self._stream.read(CHUNK_BYTES) if self._decompressor.needs_input else b""
            if not data and self._decompressor.needs_input:
                raise Unreadable(f"its {self._name} stream is cut short")
            if block := self._inflate(data):
                return block
        if self._decompressor.unused_data or self._stream.read(1):
            raise Unreadable(f"there are more bytes after the end of its {self._name} stream")
        return b""

    def _inflate(self, data: bytes) -> bytes:
        try:
            block = self._decompressor.decompress(data, CHUNK_BYTES)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
            raise Unreadable(f"its {self._name} stream is damaged") from error
        self._total += len(block)
        if self._total > self._limit:
            raise SourceError(
                f"its {self._name} stream inflates beyond any honest model's size",
                measured=f"more than {self._total:,} bytes",
                limit=f"{self._limit:,} bytes",
                hint="dump the model again without compression if it is really that large",
            )
        return block

    def skip(self, count: int) -> int:
        """Return 0: nothing can be passed over without inflating it."""
        return 0


@contextmanager
def opened(path: Path, *, inflated_limit_bytes: int) -> Iterator[tuple[Blocks, str | None, bytes]]:
    """Yield a file's blocks, its compressor and its first bytes as they lie on the disk."""
    # Without O_NONBLOCK the opening of a named pipe would wait for a writer for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not S_ISREG(status.st_mode):
            raise SourceError("is not a regular file")
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        name = detect(head)
        if name is None:
            yield _Plain(stream, status.st_size), None, head
            return
        ceiling = min(inflated_limit_bytes, max(SMALL_INFLATED_BYTES, MAX_RATIO * status.st_size))
        yield _Inflated(stream, name, ceiling), name, head
