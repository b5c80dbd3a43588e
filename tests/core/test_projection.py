"""Points to pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.plain_geometry import projected, random_camera

from spatialgen.core.projection import is_inside, nearest_pixels, project, projection_matrix
from spatialgen.core.types import Camera
from spatialgen.errors import SceneError

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("count", [0, 1, 257])
def test_equals_the_plain_projection(count: int) -> None:
    rng = np.random.default_rng(count)
    camera = random_camera(rng)
    points = rng.uniform(-3, 3, (count, 3))
    xy, depth = project(points, camera)
    wanted = np.array([projected(p, camera) for p in points]).reshape(count, 3)
    np.testing.assert_allclose(np.column_stack([xy, depth]), wanted, rtol=1e-9, atol=1e-9)


def test_behind_on_the_plane_and_nan_have_no_pixel() -> None:
    camera = Camera(np.array([[10.0, 0, 5], [0, 10, 5], [0, 0, 1]]), np.eye(4), 11, 11)
    xy, depth = project([[0, 0, -1], [1, 1, 0], [np.nan, 0, 1], [0, 0, 2]], camera)
    assert np.isnan(xy[:3, 0]).all()
    assert depth[0] == -1
    np.testing.assert_allclose(xy[3], [5, 5])


def test_border_is_half_open() -> None:
    camera = Camera(np.eye(3), np.eye(4), 640, 480)
    below = np.nextafter
    xy = [
        [-0.5, -0.5],
        [below(-0.5, -1), 0],
        [639.5, 0],
        [below(639.5, 0), below(479.5, 0)],
        [0, 479.5],
        [np.nan, 0],
    ]
    assert is_inside(xy, camera).tolist() == [True, False, False, True, False, False]
    assert nearest_pixels([[-0.5, 0.49], [0.5, 2.5]]).tolist() == [[0, 0], [1, 3]]


@pytest.mark.parametrize("model", ["opencv", "opencv_fisheye", "equirectangular"])
def test_other_lenses_are_refused_by_name(model: str) -> None:
    camera = replace(Camera(np.eye(3), np.eye(4), 4, 4), model=model, distortion=(0.1, 0, 0, 0))
    with pytest.raises(SceneError, match=model):
        projection_matrix(camera)


def test_lens_model_without_distortion_is_a_pinhole() -> None:
    camera = Camera(np.eye(3), np.eye(4), 4, 4)
    same = replace(camera, model="opencv", distortion=(0.0, 0.0, 0.0, 0.0))
    np.testing.assert_array_equal(projection_matrix(same), projection_matrix(camera))


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        project(np.zeros((3, 4)), Camera(np.eye(3), np.eye(4), 4, 4))
