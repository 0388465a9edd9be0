"""Draws icon.png: a still of four patches, whose drop is what it distils. Needs Pillow."""

from pathlib import Path

from PIL import Image, ImageDraw

SIDE, SCALE = 256, 4
N = SIDE * SCALE
COPPER = [(196, 104, 52), (232, 148, 84), (160, 78, 40), (214, 126, 66)]
DARK, DROP = (26, 30, 36, 255), (255, 196, 92, 255)


def at(*points):
    return [(x * SCALE, y * SCALE) for x, y in points]


def mask(draw_shape):
    image = Image.new("L", (N, N), 0)
    draw_shape(ImageDraw.Draw(image))
    return image


def still(draw):
    """Pot, neck and the arm that leads down to the right."""
    draw.rounded_rectangle(at((36, 104), (164, 224)), radius=34 * SCALE, fill=255)
    draw.polygon(at((72, 112), (88, 58), (112, 58), (128, 112)), fill=255)
    draw.ellipse(at((80, 28), (132, 80)), fill=255)
    draw.line(at((106, 54), (184, 66)), fill=255, width=22 * SCALE)
    draw.line(at((184, 66), (212, 146)), fill=255, width=20 * SCALE)
    draw.ellipse(at((172, 54), (196, 78)), fill=255)


def drop(draw):
    # The sides touch the ball: 189 = 196 − 18² ÷ 46, and 16.6 = 18·√(1 − (18 ÷ 46)²).
    draw.polygon(at((216, 150), (199.4, 189), (232.6, 189)), fill=255)
    draw.ellipse(at((198, 178), (234, 214)), fill=255)


icon = Image.new("RGBA", (N, N), (0, 0, 0, 0))
ImageDraw.Draw(icon).rounded_rectangle(at((4, 4), (252, 252)), radius=52 * SCALE, fill=DARK)

# The four patches meet in the middle of the pot; neck and arm belong to the upper ones.
patches = Image.new("RGBA", (N, N))
tiles = ImageDraw.Draw(patches)
for colour, box in zip(COPPER, [(0, 0, 100, 164), (100, 0, 256, 164), (0, 164, 100, 256), (100, 164, 256, 256)]):
    tiles.rectangle(at(box[:2], box[2:]), fill=colour + (255,))
tiles.line(at((100, 104), (100, 224)), fill=DARK, width=6 * SCALE)
tiles.line(at((36, 164), (164, 164)), fill=DARK, width=6 * SCALE)
shape = mask(still)
icon.paste(patches, (0, 0), shape)
icon.paste(Image.new("RGBA", (N, N), DROP), (0, 0), mask(drop))
icon.resize((SIDE, SIDE), Image.LANCZOS).save(Path(__file__).with_name("icon.png"), optimize=True)
