"""Small real files, made in code: what simulated people photograph, say and attach. No IO.

Each is what its type says and opens in ordinary programs: pictures of one hue with a gradient, a second of silence, a
one-page document. The video is a valid container without tracks.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIDE = 64  # pixels
STICKER_SIDE = 512  # WhatsApp Cloud API, Media: stickers are 512 x 512


@dataclass(frozen=True)
class File:
    data: bytes
    mime_type: str
    filename: str


def make(kind: str, number: int = 0) -> File:
    """The ``number``-th file of a media kind (image, photo, audio, voice, video, document, sticker); numbers differ in
    their bytes. Raises ``KeyError`` for another kind."""
    return {
        "image": lambda n: File(jpeg(n), "image/jpeg", f"photo-{n}.jpg"),
        "photo": lambda n: File(png(n), "image/png", f"picture-{n}.png"),
        "audio": lambda n: File(ogg(n), "audio/ogg; codecs=opus", f"audio-{n}.ogg"),
        "voice": lambda n: File(ogg(n), "audio/ogg; codecs=opus", f"voice-{n}.ogg"),
        "video": lambda n: File(mp4(n), "video/mp4", f"video-{n}.mp4"),
        "document": lambda n: File(pdf(n), "application/pdf", f"document-{n}.pdf"),
        "sticker": lambda n: File(webp(n), "image/webp", f"sticker-{n}.webp"),
    }[kind](number)


def png(number: int) -> bytes:
    """A PNG of SIDE x SIDE 8-bit RGB pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    hue = number * 37 % 256
    rows = b"".join(b"\x00" + bytes(v for x in range(SIDE) for v in (hue, x * 4, y * 4)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    text = chunk(b"tEXt", b"Comment\x00" + str(number).encode())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def jpeg(number: int) -> bytes:
    """A baseline grey JPEG of flat 8 x 8 blocks: DC coefficients with 4-bit categories, and one-bit end-of-block."""
    blocks = SIDE // 8
    bits: list[str] = []
    previous = 0
    for y in range(blocks):
        for x in range(blocks):
            level = (x * 11 + y * 7 + number * 29) % 200 - 100  # quantiser 8 makes the coefficient the grey level - 128
            difference, previous = level - previous, level
            size = abs(difference).bit_length()
            raw = difference if difference >= 0 else difference + (1 << size) - 1
            bits.append(f"{size:04b}" + (f"{raw:0{size}b}" if size else "") + "0")
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\x00")

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
        + segment(0xFE, str(number).encode())
        + segment(0xDB, b"\x00" + bytes([8]) * 64)
        + segment(0xC0, struct.pack(">BHHB", 8, SIDE, SIDE, 1) + b"\x01\x11\x00")
        + segment(0xC4, b"\x00" + bytes([0, 0, 0, 12]) + bytes(12) + bytes(range(12)))
        + segment(0xC4, b"\x10" + bytes([1]) + bytes(15) + b"\x00")
        + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
        + data
        + b"\xff\xd9"
    )


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        crc &= 0xFFFFFFFF
    return crc


def _ogg_page(flags: int, granule: int, serial: int, sequence: int, packets: list[bytes]) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, sequence, 0) + bytes([len(lacing)]) + lacing
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def ogg(number: int) -> bytes:
    """A second of silence: Opus, mono, 48 kHz, 50 packets of 20 ms."""
    silence = b"\xf8\xff\xfe"
    vendor = b"simulator"
    tag = f"TITLE=voice {number}".encode()
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<II", 1, len(tag)) + tag
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
    serial = 0x5A000000 + number % 0xFFFFFF
    return (
        _ogg_page(2, 0, serial, 0, [head])
        + _ogg_page(0, 0, serial, 1, [tags])
        + _ogg_page(4, 48000, serial, 2, [silence] * 50)
    )


def mp4(number: int) -> bytes:
    """An ISO base media file: brand, movie header, no tracks."""

    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + name + body

    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = struct.pack(">IIIIIIH10x", 0, 0, 0, 1000, 1000, 0x10000, 0x100) + matrix + bytes(24) + struct.pack(">I", 1)
    return (
        box(b"ftyp", b"isom\x00\x00\x02\x00isommp42")
        + box(b"moov", box(b"mvhd", header))
        + box(b"free", str(number).encode())
    )


def pdf(number: int) -> bytes:
    """A one-page PDF with a line of text and a correct cross-reference table."""
    line = f"BT /F1 18 Tf 40 120 Td (Document {number}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(line), line),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for index, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (index, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def webp(number: int) -> bytes:
    """A lossless WebP of one colour: each prefix code has a single symbol, so the pixels take no bits at all."""
    bits = 0
    length = 0

    def put(value: int, width: int) -> None:
        nonlocal bits, length
        bits |= value << length
        length += width

    put(STICKER_SIDE - 1, 14)
    put(STICKER_SIDE - 1, 14)
    put(0, 1)  # no alpha
    put(0, 3)  # version
    put(0, 1)  # no transform
    put(0, 1)  # no colour cache
    put(0, 1)  # one set of prefix codes
    for symbol in (number * 53 % 256, number * 31 % 256, number * 17 % 256, 255):  # green, red, blue, alpha
        put(1, 1)  # simple code
        put(0, 1)  # of one symbol
        put(1, 1)  # of 8 bits
        put(symbol, 8)
    put(0b0001, 4)  # the distance code: simple, of one symbol, of one bit, zero
    data = b"\x2f" + bits.to_bytes((length + 7) // 8, "little")
    data += b"\x00" * (len(data) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
