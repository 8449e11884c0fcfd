"""Pictures of pages have few colours: a PNG with a palette is a third as large. https://www.w3.org/TR/png-3/."""

import base64
import struct
import zlib
from typing import Any

from playwright.async_api import Page

# The browser reads the picture that it made. Colours that are alike fall together, as the most frequent of them, until
# a palette holds them all.
_READ = """async (encoded) => {
    const bytes = Uint8Array.from(atob(encoded), one => one.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
    const {width, height} = picture;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    const {data} = canvas.getImageData(0, 0, width, height);
    const pixels = Array.from({length: width * height}, (_, i) => data[4*i] << 16 | data[4*i+1] << 8 | data[4*i+2]);
    const counts = new Map();
    for (const one of pixels) counts.set(one, (counts.get(one) ?? 0) + 1);
    const frequent = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a - b);
    for (let bits = 0; ; bits++) {
        const mask = (0xff >> bits << bits) * 0x010101;
        const palette = new Map();
        for (const one of frequent) if (!palette.has(one & mask)) palette.set(one & mask, [palette.size, one]);
        if (palette.size > 256) continue;
        const indexes = Uint8Array.from(pixels, one => palette.get(one & mask)[0]);
        let text = "";
        for (const one of indexes) text += String.fromCharCode(one);
        return {width, height, palette: [...palette.values()].map(([_, one]) => one), indexes: btoa(text)};
    }
}"""


async def small(page: Page, picture: bytes) -> bytes:
    """Return a PNG with at most 256 colours; `page` is any page of a browser, and its clock may stand still."""
    read: dict[str, Any] = await page.evaluate(_READ, base64.b64encode(picture).decode())
    width, height = read["width"], read["height"]
    indexes = base64.b64decode(read["indexes"])
    rows = b"".join(b"\0" + indexes[start : start + width] for start in range(0, width * height, width))
    palette = b"".join(colour.to_bytes(3) for colour in read["palette"])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", palette),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
