"""A pickle's bytes, read once from front to back; the frames of the pickle protocol are fences in it."""

from __future__ import annotations

from packager.errors import SourceError
from packager.source.compression import HEAD_BYTES, Blocks
from packager.source.symbols import Unreadable


class Source:
    """A file's (inflated) bytes, read once from front to back, with the frames of the pickle protocol as fences.

    A fence says that no single read may cross it; `opcode` may start exactly at it, which lifts it.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._buffer = b""
        self._at = 0
        self._stop = 0
        self._start = 0
        self._fence: int | None = None

    @property
    def position(self) -> int:
        """Return how many bytes were read."""
        return self._start + self._at

    @property
    def fenced(self) -> bool:
        """Say whether a frame is open and not used up."""
        return self._fence is not None and self._fence > self.position

    def fence(self, size: int) -> None:
        """Open a frame over the next `size` bytes."""
        if self.fenced:
            raise Unreadable("a frame begins inside another")
        self._fence = self.position + size
        self._aim()

    def unfence(self) -> None:
        """Close a frame that is used up, because raw bytes follow or the pickle ends."""
        if self.fenced:
            raise Unreadable("a frame promises more than there is")
        self._fence = None
        self._aim()

    def _aim(self) -> None:
        end = len(self._buffer)
        self._stop = end if self._fence is None else min(end, self._fence - self._start)

    def _more(self) -> bool:
        """Drop what was read, append the next block; False at the end of the data."""
        block = self._blocks.block()
        self._start += self._at
        self._buffer = self._buffer[self._at :] + block
        self._at = 0
        self._aim()
        return bool(block)

    def opcode(self) -> int:
        """Return the next byte as the start of an operation."""
        at = self._at
        if at >= self._stop:
            self._lift_or_fill()
            at = self._at
        self._at = at + 1
        return self._buffer[at]

    def _lift_or_fill(self) -> None:
        if self._fence is not None and self._fence <= self.position:
            self._fence = None
            self._aim()
        if self._at >= self._stop and not self._more():
            raise Unreadable("it is cut short")

    def take(self, count: int) -> bytes:
        """Return exactly the next `count` bytes."""
        end = self._at + count
        if end > self._stop:
            self._gather(count)
            end = self._at + count
        block = self._buffer[self._at : end]
        self._at = end
        return block

    def _gather(self, count: int) -> None:
        if self._fence is not None and self.position + count > self._fence:
            raise Unreadable("an operation reaches beyond its frame")
        parts = [self._buffer[self._at :]]
        self._start += self._at
        have = len(parts[0])
        while have < count:
            block = self._blocks.block()
            if not block:
                raise Unreadable("it is cut short")
            parts.append(block)
            have += len(block)
        self._buffer = b"".join(parts)
        self._at = 0
        self._aim()

    def head(self) -> bytes:
        """Return the first bytes, or fewer where there are fewer."""
        if not self._buffer:
            self._more()
        return self._buffer[:HEAD_BYTES]

    def peek(self, count: int) -> bytes:
        """Return the next bytes, at most `count`, without passing over them."""
        if self._at + count > len(self._buffer):
            self._more()
        return self._buffer[self._at : self._at + count]

    def skip(self, count: int) -> None:
        """Pass over `count` bytes without keeping them."""
        if self._fence is not None and self.position + count > self._fence:
            raise Unreadable("an operation reaches beyond its frame")
        left = count - (len(self._buffer) - self._at)
        if left <= 0:
            self._at += count
            return
        self._start += len(self._buffer)
        self._buffer, self._at = b"", 0
        self._skip_blocks(left)

    def _skip_blocks(self, left: int) -> None:
        passed = self._blocks.skip(left)
        self._start += passed
        left -= passed
        while left > 0:
            self._start += len(self._buffer)
            self._buffer = self._blocks.block()
            if not self._buffer:
                raise Unreadable("it is cut short")
            self._at = min(left, len(self._buffer))
            left -= self._at
        self._aim()

    def line(self, limit: int) -> bytes:
        """Return the bytes up to the next newline, which is passed over and not returned."""
        found = self._buffer.find(b"\n", self._at, self._stop)
        while found < 0:
            held = len(self._buffer) - self._at
            if held > limit or self._stop < len(self._buffer) or not self._more():
                raise Unreadable("a text line in it has no end")
            found = self._buffer.find(b"\n", held, self._stop)
        line = self._buffer[self._at : found]
        self._at = found + 1
        return line

    def rest(self, limit: int) -> bytes:
        """Return everything to the end, refusing more than `limit` bytes."""
        parts = [self._buffer[self._at :]]
        while block := self._blocks.block():
            parts.append(block)
            if sum(map(len, parts)) > limit:
                raise SourceError("is too large for a model text", limit=f"{limit:,} bytes")
        self._start, self._buffer, self._at = self.position, b"", 0
        return b"".join(parts)

    def ended(self) -> bool:
        """Say whether every byte was read."""
        return self._at >= len(self._buffer) and not self._more()
