"""Decodes what ClickHouse's HTTP interface takes as a request's body: gzip, LZ4 frames, and ClickHouse's own compressed blocks."""
import struct
import zlib

import lz4.block
import lz4.frame

# ClickHouse takes no larger block.
BLOCK_BYTES_MAX = 1 << 30
CHECKSUM_BYTES = 16
HEADER = struct.Struct("<BII")
LZ4, PLAIN = 0x82, 0x02


class BadBody(Exception):
    """With ClickHouse's number and name for it."""

    def __init__(self, code, name, message):
        super().__init__(f"Code: {code}. DB::Exception: {message}. ({name})")


def decoded(body, encoding, has_blocks):
    """`encoding` is the Content-Encoding header, `has_blocks` says whether the URL has decompress=1. Where both are given, both apply."""
    if encoding == "gzip":
        body = gunzipped(body)
    elif encoding == "lz4":
        body = frames(body)
    elif encoding not in ("", "identity"):
        raise BadBody(48, "NOT_IMPLEMENTED", f"Unknown compression method: {encoding}")
    return native_blocks(body) if has_blocks else body


def gunzipped(body):
    """Several members in a row are one body."""
    parts = []
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(body) + member.flush())
        except zlib.error as error:
            raise BadBody(354, "ZLIB_INFLATE_FAILED", f"inflate failed: {error}") from None
        if not member.eof:
            raise BadBody(354, "ZLIB_INFLATE_FAILED", "inflate failed: the body ends within the stream")
        body = member.unused_data
    return b"".join(parts)


def frames(body):
    parts = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        try:
            parts.append(frame.decompress(body))
        except RuntimeError as error:
            raise BadBody(617, "LZ4_DECODER_FAILED", f"LZ4 decompression failed: {error}") from None
        if not frame.eof:
            raise BadBody(617, "LZ4_DECODER_FAILED", "LZ4 decompression failed: the body ends within the frame")
        body = frame.unused_data or b""
    return b"".join(parts)


def native_blocks(body):
    """16 bytes of checksum, which are not looked at; then the method, the size with these 9 bytes, the size decoded; then the data."""
    parts, position = [], 0
    while position < len(body):
        begin = position + CHECKSUM_BYTES
        if begin + HEADER.size > len(body):
            raise BadBody(33, "CANNOT_READ_ALL_DATA", f"Cannot read all data. Bytes read: {len(body) - position}")
        method, size, decoded_size = HEADER.unpack_from(body, begin)
        if size < HEADER.size or size > BLOCK_BYTES_MAX or decoded_size > BLOCK_BYTES_MAX:
            raise BadBody(12, "TOO_LARGE_SIZE_COMPRESSED", "Too large size_compressed_without_checksum. Most likely corrupted data")
        position = begin + size
        if position > len(body):
            raise BadBody(33, "CANNOT_READ_ALL_DATA", f"Cannot read all data. Bytes read: {len(body) - begin}. Bytes expected: {size}")
        data = body[begin + HEADER.size:position]
        if method == LZ4:
            try:
                data = lz4.block.decompress(data, uncompressed_size=decoded_size)
            except lz4.block.LZ4BlockError:
                data = b""
        elif method != PLAIN:
            raise BadBody(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method: 0x{method:02x}")
        if len(data) != decoded_size:
            raise BadBody(271, "CANNOT_DECOMPRESS", "Cannot decompress")
        parts.append(data)
    return b"".join(parts)
