"""Zstandard files as they are read, with an error where one is cut off."""

import io
from typing import IO, Any

_CHUNK_BYTES = 2**13
"""Small, as a chunk can unpack to thousands of times its size."""


class ZstdFile(io.RawIOBase):
    """The content of one frame after another.

    The library's own stream takes the end of a file that was cut off for the end of its content.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        """Read from a file that the caller closes."""
        import zstandard

        self._packed, self._library = packed, zstandard
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as content is unpacked.

        Raises:
            EOFError: The file ends within a frame.
            ZstdError: It is no Zstandard file, or a damaged one.
        """
        while not self._ready:
            chunk = self._rest or self._packed.read(_CHUNK_BYTES)
            if not chunk:
                if self._frame:
                    raise EOFError("the file is cut off")
                return 0
            self._unpack(chunk)
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _unpack(self, chunk: bytes) -> None:
        self._frame = self._frame or self._library.ZstdDecompressor().decompressobj()
        self._ready = memoryview(self._frame.decompress(chunk))  # so that its end is no copy
        self._rest = self._frame.unused_data
        if self._frame.eof:
            self._frame = None
