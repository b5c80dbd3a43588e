from __future__ import annotations

import typing

import numpy as np
import pytest

from spatialgen.core.types import ColorRole
from spatialgen.dataset import lettering, markers


def _point(x, y, label="", color="#ff1f1f", image=0):
    return {
        "image": image,
        "x": x,
        "y": y,
        "depth": 1.0,
        "label": label,
        "color": color,
        "instance_id": None,
        "role": "t",
    }


def _box(x1, y1, x2, y2, label="", color="#00d000"):
    return {"image": 0, "x1": x1, "y1": y1, "x2": x2, "y2": y2, "label": label, "color": color}


def _rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


@pytest.mark.parametrize("background", list(markers.PALETTE))
def test_a_colour_is_never_chosen_on_itself(background):
    image = np.full((120, 160, 3), _rgb(background), np.uint8)
    chosen = markers.pick_color(image, 80, 60, 2.4, [])
    assert chosen in markers.PALETTE
    assert chosen != background


@pytest.mark.parametrize("background", list(markers.PALETTE))
def test_a_box_has_not_the_colour_its_edges_lie_on(background):
    image = np.full((120, 160, 3), 128, np.uint8)
    image[28:33, 18:103] = image[78:83, 18:103] = image[28:83, 18:23] = image[28:83, 98:103] = _rgb(background)
    chosen = markers.pick_box_color(image, (20, 30, 100, 80), [])
    assert chosen != background
    assert markers.pick_box_color(image, (20, 30, 100, 80), [chosen]) not in {chosen, background}


def test_a_box_on_the_border_has_a_colour():
    image = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    assert markers.pick_box_color(image, (-0.5, -0.5, 159.5, 119.5), []) in markers.PALETTE


def test_taken_colours_are_left_and_may_run_out():
    image = np.full((50, 50, 3), 128, np.uint8)
    taken = []
    for _ in markers.PALETTE:
        taken.append(markers.pick_color(image, 20, 20, 3, taken))
    assert len(set(taken)) == len(markers.PALETTE)
    with pytest.raises(ValueError, match="at most"):
        markers.pick_color(image, 20, 20, 3, taken)


@pytest.mark.parametrize("place", [(0, 0), (-0.5, 119.4), (159.4, -0.5), (159, 119)])
def test_corners_have_surroundings(place):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    assert markers.pick_color(image, *place, 0.3, []) in markers.PALETTE


def test_only_the_surroundings_count():
    image = np.full((200, 200, 3), _rgb("#ff1f1f"), np.uint8)
    image[:, 100:] = _rgb("#1f4fff")
    left, right = (markers.pick_color(image, x, 100, 4, []) for x in (40, 160))
    both = markers.pick_color(image, 100, 100, 4, [])
    assert left != "#ff1f1f"
    assert right != "#1f4fff"
    assert both not in {"#ff1f1f", "#1f4fff"}


def test_a_reduced_image_gives_the_same_colour():
    image = np.full((480, 640, 3), 40, np.uint8)
    image[200:280, 300:380] = _rgb("#ffe600")
    full = markers.pick_color(image, 340, 240, 9.6, [])
    assert markers.pick_color(image[::4, ::4], 340, 240, 9.6, [], scale=0.25) == full


def test_a_dot_is_where_the_point_is_and_as_large_as_stated():
    image = np.full((400, 600, 3), 128, np.uint8)
    painted = markers.paint(image, [_point(300.0, 200.0)], [])
    assert (image == 128).all(), "the input was drawn on"
    inside = (painted == _rgb("#ff1f1f")).all(axis=-1)
    rows, columns = np.nonzero(inside)
    assert abs(rows.mean() - 200) < 0.1
    assert abs(columns.mean() - 300) < 0.1
    assert inside.sum() == pytest.approx(np.pi * markers.radius(400) ** 2, rel=0.15)
    changed = np.nonzero((painted != 128).any(axis=-1))
    assert np.hypot(changed[0] - 200, changed[1] - 300).max() < 1.6 * markers.radius(400)


def test_a_dot_shows_on_its_own_colour():
    image = np.full((400, 600, 3), _rgb("#ff1f1f"), np.uint8)
    painted = markers.paint(image, [_point(300, 200)], [])
    darkest, lightest = painted.min(axis=(0, 1)), painted.max(axis=(0, 1))
    assert (darkest < 30).all()
    assert (lightest > 240).all()


def test_scaling_keeps_pixel_centres():
    image = np.zeros((240, 320, 3), np.uint8)
    painted = markers.paint(image, [_point(319.5, 239.5)], [], 0.5)
    rows, columns = np.nonzero((painted == _rgb("#ff1f1f")).all(axis=-1))
    assert abs(columns.mean() - 159.5) < 0.1
    assert abs(rows.mean() - 119.5) < 0.1


@pytest.mark.parametrize("place", [(2, 2), (597, 2), (2, 397), (597, 397), (300, 2), (300, 200)])
def test_labels_stay_inside_and_off_all_dots(place):
    image = np.full((400, 600, 3), 128, np.uint8)
    others = [
        _point(place[0] + dx, place[1] + dy, "", "#00d000") for dx, dy in ((30, 0), (-30, 0)) if 0 < place[0] + dx < 600
    ]
    bare = markers.paint(image, [_point(*place), *others], [])
    labelled = markers.paint(image, [_point(*place, "A"), *others], [])
    changed = (bare != labelled).any(axis=-1)
    assert changed.sum() > 60, "no label was drawn, or it was cut off"
    assert (bare[changed] == 128).all(), "the label covers a mark"


def test_marks_without_a_colour_are_not_drawn():
    image = np.full((100, 100, 3), 9, np.uint8)
    assert (markers.paint(image, [_point(50, 50, "A", None)], [_box(1, 1, 9, 9, color=None)]) == 9).all()


def test_a_box_is_drawn_on_its_edges_only():
    image = np.full((200, 300, 3), 128, np.uint8)
    painted = markers.paint(image, [], [_box(49.5, 39.5, 200.5, 150.5, "1")])
    assert (painted[40, 60:190] == _rgb("#00d000")).all()
    assert (painted[60:140, 60:190] == 128).all()


def test_draw_follows_the_row(helpers, scans):
    from spatialgen.dataset import images

    path_only = helpers.make_row(0)
    with pytest.raises(ValueError, match="resolve"):
        markers.draw(path_only)
    resolved = images.resolve(path_only, scans)
    drawn = markers.draw(resolved)[0]
    point = resolved["points"][1]
    assert np.abs(drawn[round(point["y"]), round(point["x"])].astype(int) - _rgb(point["color"])).max() < 5
    embedded = helpers.make_row(0, root=scans)
    assert np.abs(markers.draw(embedded)[0].astype(int) - drawn).mean() < 3, "drawn twice, or elsewhere"
    coordinates = images.resolve(helpers.make_row(0, variant="coord"), scans)
    assert (markers.draw(coordinates)[0] == markers.draw({**coordinates, "points": []})[0]).all()


def test_colours_that_texts_name_are_those_of_the_palette():
    assert set(typing.get_args(ColorRole)) - {""} <= set(markers.ROLE_COLORS)
    assert {markers.PALETTE[color]: color for color in markers.PALETTE} == markers.ROLE_COLORS


def test_a_name_with_letters_below_the_line_is_drawn_whole_at_the_border():
    """The j of object0 hangs below the line, and its mark may be at the bottom of the image."""

    def letters(y):
        drawn = markers.paint(np.full((240, 480, 3), 128, np.uint8), [_point(100, y, "object0", "#00d000")])
        return (np.abs(drawn.astype(int) - _rgb("#00d000")).max(axis=2) < 40)[:, 115:]

    assert lettering.label_of("object0").descent > 0
    assert [lettering.label_of(letter).descent for letter in "ABCDP"] == [0] * 5
    middle, bottom = letters(120), letters(238)
    assert middle.sum() > 200
    np.testing.assert_allclose(bottom.sum(), middle.sum(), rtol=0.03)
    assert not bottom[-1].any()
