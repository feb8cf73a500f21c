"""Makes tests/data/images: tiny synthetic pictures and, in expected.npz, what Pillow and OpenCV make of them.

    python3 make_image_fixtures.py tests/data/images

Run with Pillow 13.0.0, OpenCV 5.0.0 and NumPy 2.4.6. Needed only to change the fixtures; tests read the files.
"""

import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageOps

out = Path(sys.argv[1])
rng = np.random.default_rng(11)
expected = {}


def picture(width, height):
    """A gradient, noise, hard edges and text."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.dstack([x * 255 // (width - 1), y * 255 // (height - 1), (x * 7 + y * 13) % 256])
    rgb[: height // 3, : width // 3] = rng.integers(0, 256, (height // 3, width // 3, 3))
    image = Image.fromarray(rgb.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle([width // 2, height // 2, width - 3, height - 4], fill=(255, 255, 255), outline=(0, 0, 0))
    draw.text((2, height // 2), "Ag", fill=(255, 0, 32))
    return image


def png(samples, depth, colour, interlaced=False, palette=None, transparency=None):
    """PNG bytes of samples [height, width, channels], of any kind that Pillow does not write."""
    height, width, channels = samples.shape

    def rows(part):
        data = b""
        for row in part.reshape(part.shape[0], -1):
            if depth == 16:
                line = row.astype(">u2").tobytes()
            else:
                bits = "".join(format(int(value), f"0{depth}b") for value in row)
                bits += "0" * (-len(bits) % 8)
                line = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
            data += b"\0" + line
        return data

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [samples]
    raw = b"".join(rows(part) for part in parts if part.size)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + (chunk(b"PLTE", palette) if palette else b"")
            + (chunk(b"tRNS", transparency) if transparency else b"")
            + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def decoded(name):
    with Image.open(out / name) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def save_jpegs(base):
    base.save(out / "base.jpg", quality=85)
    base.save(out / "progressive.jpg", quality=80, progressive=True, subsampling="4:2:2")
    base.save(out / "full_chroma.jpg", quality=95, subsampling="4:4:4")
    base.convert("L").save(out / "gray.jpg", quality=85)
    base.convert("CMYK").save(out / "cmyk.jpg", quality=90)
    upright = picture(21, 14)
    turns = [None, None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
             Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.TRANSVERSE,
             Image.Transpose.ROTATE_270]
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright if turns[orientation] is None else upright.transpose(turns[orientation])
        kind = "png" if orientation == 5 else "jpg"
        stored.save(out / f"exif_{orientation}.{kind}", exif=exif, quality=95)


def save_pngs(base):
    pixels = np.array(base)
    alpha = rng.integers(0, 256, pixels.shape[:2] + (1,))
    gray = np.array(base.convert("L"))[:, :, None]
    wide = pixels.astype(np.int64) * 257 + rng.integers(-90, 90, pixels.shape)
    wide = np.clip(wide, 0, 65535)
    palette = rng.integers(0, 256, (16, 3)).astype(np.uint8).tobytes()
    files = {
        "rgb.png": png(pixels, 8, 2),
        "rgb_interlaced.png": png(pixels, 8, 2, interlaced=True),
        "rgb_keyed.png": png(pixels, 8, 2, transparency=struct.pack(">HHH", 255, 255, 255)),
        "rgba.png": png(np.dstack([pixels, alpha]), 8, 6),
        "rgb_16.png": png(wide, 16, 2),
        "rgba_16.png": png(np.dstack([wide, alpha * 257]), 16, 6),
        "gray.png": png(gray, 8, 0),
        "gray_alpha.png": png(np.dstack([gray, alpha]), 8, 4),
        "gray_1.png": png(gray >> 7, 1, 0),
        "gray_2.png": png(gray >> 6, 2, 0),
        "gray_4.png": png(gray >> 4, 4, 0, interlaced=True),
        "palette_1.png": png(gray >> 7, 1, 3, palette=palette[:6]),
        "palette_4.png": png(gray >> 4, 4, 3, palette=palette, transparency=bytes(range(0, 160, 10))),
        "palette_8.png": png(gray >> 5, 8, 3, palette=palette[:24]),
    }
    for name, data in files.items():
        (out / name).write_bytes(data)
    (out / "gray_16.bad").write_bytes(png(gray.astype(np.int64) * 200, 16, 0))  # refused
    (out / "palette_beyond.bad").write_bytes(png(gray >> 4, 8, 3, palette=palette[:9]))  # refused
    base.convert("P").save(out / "gif_named.bad", format="GIF")


def expect_resized(base):
    filters = {"nearest": Image.Resampling.NEAREST, "box": Image.Resampling.BOX,
               "bilinear": Image.Resampling.BILINEAR, "hamming": Image.Resampling.HAMMING,
               "bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}
    # Smaller, larger, mixed, one axis only, halved, and (40 to 38, 30 to 7) rows before columns.
    sizes = [(17, 13), (61, 47), (64, 11), (9, 55), (40, 12), (13, 30), (20, 15), (38, 7), (1, 1)]
    for width, height in sizes:
        for name, value in filters.items():
            expected[f"resize/{name}/{width}x{height}"] = np.array(base.resize((width, height), value))
        expected[f"resize/linear/{width}x{height}"] = cv2.resize(
            np.array(base), (width, height), interpolation=cv2.INTER_LINEAR)
    gray = base.convert("L")
    expected["gray"] = np.array(gray)
    expected["gray/bicubic/17x13"] = np.array(gray.resize((17, 13), Image.Resampling.BICUBIC))


def expect_arranged(base):
    """What torchvision, TensorFlow's EfficientNet, Ultralytics and YOLOX do, on a small scale."""
    for name, image in {"wide": base, "tall": base.transpose(Image.Transpose.TRANSPOSE)}.items():
        width, height = image.size
        pixels = np.array(image)
        short = 27
        size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
        resized = image.resize(size, Image.Resampling.BILINEAR)
        left, top = int(round((size[0] - 18) / 2.0)), int(round((size[1] - 20) / 2.0))
        expected[f"shortest-side/{name}"] = np.array(resized.crop((left, top, left + 18, top + 20)))

        side = int(0.875 * min(width, height))
        left, top = (width - side + 1) // 2, (height - side + 1) // 2
        expected[f"center-crop/{name}"] = cv2.resize(pixels[top : top + side, left : left + side], (18, 20))

        expected[f"stretch/{name}"] = np.array(image.resize((18, 20), Image.Resampling.LANCZOS))

        ratio = min(33 / height, 49 / width)
        inner = int(round(width * ratio)), int(round(height * ratio))
        dw, dh = (49 - inner[0]) / 2, (33 - inner[1]) / 2
        expected[f"letterbox-center/{name}"] = cv2.copyMakeBorder(
            cv2.resize(pixels, inner), int(round(dh - 0.1)), int(round(dh + 0.1)), int(round(dw - 0.1)),
            int(round(dw + 0.1)), cv2.BORDER_CONSTANT, value=(114, 10, 20))

        canvas = np.full((33, 49, 3), 114, dtype=np.uint8)
        inner = int(width * ratio), int(height * ratio)
        canvas[: inner[1], : inner[0]] = cv2.resize(pixels, inner)
        expected[f"letterbox-top-left/{name}"] = canvas


out.mkdir(exist_ok=True)
base_picture = picture(40, 30)
save_jpegs(base_picture)
save_pngs(base_picture)
for path in sorted(out.glob("*.[jp][pn]g")):
    expected[f"decode/{path.name}"] = decoded(path.name)
expect_resized(base_picture)
expect_arranged(base_picture)
np.savez_compressed(out / "expected.npz", **expected)
print(len(expected), "arrays; Pillow", Image.__version__, "OpenCV", cv2.__version__, "NumPy", np.__version__)
