"""``dslr/`` of a ScanNet++ scene: fisheye images, each pixel painted along its own ray, and the same undistorted.

The undistorted images are painted too, by the pinhole that the dataset's toolkit would remap to
(``estimateNewCameraMatrixForUndistortRectify`` with balance 0, principal point in the middle); only masks are remapped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ..media.images import encode_jpeg
from .colmap_model import Points, nerfstudio_entry, nerfstudio_lens, write_colmap
from .render import paint_image
from .scene import SyntheticScene

__all__ = ["Dslr"]

_SIZE: Final = (1752, 1168)
_INTRINSICS: Final = np.array([[860.0, 0.0, 871.0], [0.0, 861.0, 587.0], [0.0, 0.0, 1.0]])
_DISTORTION: Final = (-0.029, -0.006, -0.0008, 0.0002)
"""The corners look 75 degrees to the side: further out, what a hand's breadth away is would be nearer than any depth
along the axis that is drawn."""
_FIRST: Final = 1750  # number of the first shot
_EVERY: Final = 3  # frames of the iPhone
_HELD_OUT: Final = (8, 5)  # each eighth shot, from the sixth
_BAD: Final = (10, 2)  # each tenth shot, from the third, was shaken
_ANONYMISED: Final = (7, 1)  # each seventh shot, from the second, has a region nobody may recognise
_JPEG_QUALITY: Final = 92
_GRAY: Final = 128


class Dslr:
    """The DSLR's images of a scene, taken at every third place of the iPhone's walk.

    Args:
        folder: ``dslr``; exists.
        scene: with the iPhone's cameras.
        scale: of the images to their usual size, 1752 x 1168, across and down.
    """

    def __init__(self, folder: Path, scene: SyntheticScene, scale: tuple[float, float]) -> None:
        self._folder, self._scene = folder, scene
        size = (max(16, round(_SIZE[0] * scale[0])), max(16, round(_SIZE[1] * scale[1])))
        self._cameras = [
            Camera(_INTRINSICS, camera.camera_to_world, *_SIZE, "opencv_fisheye", _DISTORTION).resized(*size)
            for camera in scene.cameras[::_EVERY]
        ]
        shots = np.arange(len(self._cameras))
        self._names = [f"DSC{_FIRST + int(shot):05d}.JPG" for shot in shots]
        self._bad, self._test, self._masked = (
            shots % every == first for every, first in (_BAD, _HELD_OUT, _ANONYMISED)
        )
        self._flat = _undistorted(self._cameras[0])
        for images in ("resized_images", "resized_undistorted_images"):
            (folder / images).mkdir()
        for masks in ("resized_anon_masks", "resized_undistorted_masks", "nerfstudio"):
            (folder / masks).mkdir()

    def shoot(self, frame: int) -> None:
        """Take the image that belongs to a frame of the iPhone, if one does."""
        shot, between = divmod(frame, _EVERY)
        if between:
            return
        bent = self._cameras[shot]
        flat = Camera(self._flat, bent.camera_to_world, bent.width, bent.height)
        mask = np.full((bent.height, bent.width), 255, np.uint8)
        if self._masked[shot]:
            mask[bent.height // 2 : bent.height * 3 // 4, bent.width // 8 : bent.width // 4] = 0
        maps = cv2.fisheye.initUndistortRectifyMap(
            bent.intrinsics, np.array(bent.distortion), np.eye(3), self._flat, (bent.width, bent.height), cv2.CV_32FC1
        )
        flat_mask = cv2.remap(mask, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        for camera, valid, images, masks in (
            (bent, mask, "resized_images", "resized_anon_masks"),
            (flat, flat_mask, "resized_undistorted_images", "resized_undistorted_masks"),
        ):
            image = paint_image(self._scene, camera)
            if self._bad[shot]:
                image = np.asarray(cv2.blur(image, (1, max(3, camera.height // 25))), np.uint8)
            image[valid == 0] = _GRAY
            name = self._names[shot]
            (self._folder / images / name).write_bytes(encode_jpeg(image, _JPEG_QUALITY))
            done, png = cv2.imencode(".png", valid)
            assert done, "OpenCV could not encode a mask"
            (self._folder / masks / _mask_name(name)).write_bytes(png.tobytes())

    def finish(self, points: Points) -> None:
        """Write cameras and lists; ``points`` are shown in the COLMAP model."""
        write_colmap(self._folder / "colmap", self._names, self._cameras, points)
        nerfstudio = self._folder / "nerfstudio"
        listed = self._listed()
        (nerfstudio / "transforms.json").write_text(
            json.dumps({**nerfstudio_lens(self._cameras[0], "OPENCV_FISHEYE"), **listed}, indent=1), encoding="ascii"
        )
        bent = self._cameras[0]
        flat = Camera(self._flat, bent.camera_to_world, bent.width, bent.height)
        # The toolkit's undistortion lists what is held out among the frames as well.
        listed["frames"] = listed["frames"] + listed["test_frames"]
        (nerfstudio / "transforms_undistorted.json").write_text(
            json.dumps({**nerfstudio_lens(flat, "PINHOLE"), **listed}, indent=1), encoding="ascii"
        )
        lists = {
            "train": [name for name, test in zip(self._names, self._test, strict=True) if not test],
            "test": [name for name, test in zip(self._names, self._test, strict=True) if test],
            "has_masks": True,
        }
        (self._folder / "train_test_lists.json").write_text(json.dumps(lists, indent=1) + "\n", encoding="ascii")

    def truth(self) -> dict[str, npt.NDArray[Any]]:
        """What ``truth.npz`` says of these images."""
        camera = self._cameras[0]
        return {
            "dslr_names": np.array(self._names),
            "dslr_camera_to_world": np.stack([one.camera_to_world for one in self._cameras]),
            "dslr_intrinsics": camera.intrinsics,
            "dslr_distortion": np.array(camera.distortion),
            "dslr_size": np.array([camera.width, camera.height]),
            "dslr_undistorted_intrinsics": self._flat,
            "dslr_bad": self._bad,
            "dslr_test": self._test,
        }

    def _listed(self) -> dict[str, list[dict[str, Any]]]:
        listed: dict[str, list[dict[str, Any]]] = {"frames": [], "test_frames": []}
        for shot, (name, camera) in enumerate(zip(self._names, self._cameras, strict=True)):
            extra = {"mask_path": _mask_name(name), "is_bad": bool(self._bad[shot])}
            listed["test_frames" if self._test[shot] else "frames"].append(nerfstudio_entry(name, camera, extra))
        return listed


def _undistorted(camera: Camera) -> npt.NDArray[np.float64]:
    """(3, 3) intrinsics of the pinhole that sees the middle of a fisheye image without a blind corner."""
    size = (camera.width, camera.height)
    intrinsics = cv2.fisheye.estimateNewCameraMatrixForUndistortRectify(
        camera.intrinsics, np.array(camera.distortion), size, np.eye(3), balance=0.0
    )
    intrinsics[0, 2], intrinsics[1, 2] = (camera.width - 1) / 2, (camera.height - 1) / 2
    return np.asarray(intrinsics, np.float64)


def _mask_name(image: str) -> str:
    return f"{image.removesuffix('.JPG')}.png"
