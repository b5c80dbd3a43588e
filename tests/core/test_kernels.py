"""What is true of every kernel: one compiled form, whatever form the caller's arrays have."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from spatialgen.core import _kernels, raster, visibility

EVERY_FORM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from numba.core.registry import CPUDispatcher
from support.closed_form import make_scene
from spatialgen.core import _kernels
from spatialgen.core.fusion import fuse
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.projection import project, rays, valid_field
from spatialgen.core.raster import rasterise, spatial_order
from spatialgen.core.rigid import RIGID_PRESETS, body_motion, segment
from spatialgen.core.settings import PRESETS
from support.moving_bodies import make_moving_scene

wide, barrel = ("opencv_fisheye", (0.05, -0.01, 0.003, -0.0006)), ("opencv", (-0.28, 0.07, 0.0005, -0.001))
bent = [{"lens": wide}, {"lens": barrel, "mesh": False}, {"depth_lens": wide}, {"lens": wide, "depth_size": None}]
for options in ({}, {"mesh": False}, {"depth_size": None}, *bent):
    scene = make_scene(**{"frames": 2, "size": (64, 48), "depth_size": (32, 24), **options})
    for settings in PRESETS.values():
        if settings.depth_source == "sensor" and not scene.frames[0].has_depth:
            continue
        geometry = SceneGeometry(scene, settings)
        geometry.overlap, geometry.visibility.totals()
        if scene.has_mesh:
            geometry.object_states
        for xy in ([[3, 4]], np.ones((5, 2), np.float32), np.asfortranarray(np.ones((5, 2)))[::2]):
            xy = np.asarray(xy)
            xy.flags.writeable = False
            geometry.mark_verdicts(0, xy), geometry.point_depth(0, xy), geometry.sensor_depth_at(0, xy)
camera = scene.frames[0].camera
frozen = np.ones((4, 3), np.float32)
frozen.flags.writeable = False
for eye in (make_scene(frames=1).frames[0].camera, camera):
    project(frozen, eye), project(np.ones((3, 4)).T, eye), project([[1, 2, 3]], eye)
    rays(eye, frozen[:, :2]), rays(eye, [[1, 2]]), rays(eye, np.ones((2, 5)).T), valid_field(eye)
spatial_order(frozen), spatial_order(np.ones((4, 3)))
rasterise(scene.vertices.astype(float), scene.faces.astype(np.int64), camera)
fuse([(camera, np.ones((300, 400)))])  # so many pixels that the table grows
for settings in RIGID_PRESETS.values():
    for steps in (2, 40):
        groups = segment(make_moving_scene(steps=steps, size=(64, 48)).tracks, settings)
        [body_motion(groups, body) for body in range(len(groups.sizes))]
public = {n: k for n, k in vars(_kernels).items() if isinstance(k, CPUDispatcher) and not n.startswith("_")}
print(sorted((name, len(kernel.signatures)) for name, kernel in public.items() if len(kernel.signatures) != 1))
"""


def test_every_kernel_has_one_compiled_specialisation(request: pytest.FixtureRequest) -> None:
    """In a process of its own, since other tests may call kernels directly."""
    tests = str(request.config.rootpath / "tests")
    answer = subprocess.run([sys.executable, "-c", EVERY_FORM, tests], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]"


@pytest.mark.kernel
def test_numbers_that_two_files_share_are_equal() -> None:
    assert visibility.BLOCK == _kernels._BLOCK
    assert raster.LANES == _kernels._LANES


@pytest.mark.kernel
def test_population_count() -> None:
    words = np.array([[0, 1, 2**63], [2**64 - 1, 0x5555555555555555, 0]], np.uint64)
    counts = np.empty(2, np.int64)
    _kernels.count_bits(words, counts)
    assert counts.tolist() == [2, 96]


def test_kernels_keep_their_compiled_form_and_no_loose_mathematics() -> None:
    kernels = [k for k in vars(_kernels).values() if isinstance(k, CPUDispatcher)]
    assert len(kernels) > 15
    for kernel in kernels:
        assert not kernel.targetoptions.get("fastmath"), kernel  # nan and inf mean something here
        assert not kernel.targetoptions.get("parallel"), kernel  # a parallel sum changes with the threads
