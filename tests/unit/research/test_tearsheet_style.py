"""Colors of the tear sheet: readable in light and dark, told apart without color vision."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

STYLE = files("nanodesk.research.tearsheet").joinpath("style.css").read_text("utf-8")
THEMES = [
    dict(re.findall(r"--(\w+): (#\w+);", block)) for block in re.findall(r"color-scheme: \w+;(.*?)\n\s*\}", STYLE, re.S)
]
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3, for text of any size.
# Machado, Oliveira, Fernandes (2009), IEEE TVCG 15(6): deuteranopia, severity 1, on linear RGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)


def linear(color):
    digits = color.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


class TestThemes:
    def test_light_and_two_equal_dark_ones(self):
        assert len(THEMES) == 3 and THEMES[1] == THEMES[2] and THEMES[0].keys() == THEMES[1].keys()

    @pytest.mark.parametrize("theme", THEMES[:2], ids=["light", "dark"])
    def test_text_is_readable(self, theme):
        pairs = [(ink, page) for ink in ("ink", "soft") for page in ("card", "page")]
        pairs += [("gain", "card"), ("loss", "card"), ("c1", "card"), ("warn", "warnpage")]
        pairs += [("ink", f"{sign}{depth}") for sign in "pn" for depth in range(1, 5)]
        for text, page in pairs:
            assert contrast(theme[text], theme[page]) >= READABLE, (text, page)
        for shade in ("p5", "n5"):
            assert contrast("#fff", theme[shade]) >= READABLE, shade

    @pytest.mark.parametrize("theme", THEMES[:2], ids=["light", "dark"])
    def test_the_colors_drawn_together_differ_without_red_and_green(self, theme):
        for a, b in [*combinations(("c0", "c1", "c2"), 2), ("gain", "loss"), ("p4", "n4"), ("c1", "c3"), ("c2", "c3")]:
            distance = np.linalg.norm(lab(DEUTERANOPIA @ linear(theme[a])) - lab(DEUTERANOPIA @ linear(theme[b])))
            assert distance >= 15.0, (a, b, distance)
