from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import pytest

from spatialgen.core.types import Camera, Frame, Scene, Tracks
from spatialgen.errors import ConfigError, SceneError
from spatialgen.pipeline.frames import expected_frames, parse_policy, select_frames

RNG = np.random.default_rng(3)
SHARP = RNG.integers(0, 255, (96, 128, 3), dtype=np.uint8)
SHARP_JPEG = cv2.imencode(".jpg", cv2.resize(SHARP, (512, 384), interpolation=cv2.INTER_NEAREST))[1].tobytes()
BLURRED_JPEG = cv2.imencode(".jpg", cv2.GaussianBlur(SHARP, (0, 0), 9))[1].tobytes()


def frame(number: int, x: float = 0.0, yaw: float = 0.0, image: bytes = SHARP_JPEG) -> Frame:
    pose = np.eye(4)
    pose[:3, :3] = [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    pose[0, 3] = x
    intrinsics = np.array([[400.0, 0, 255.5], [0, 400.0, 191.5], [0, 0, 1]])
    return Frame(str(number), Camera(intrinsics, pose, 512, 384), lambda: image, f"color/{number}.jpg")


def scene(frames) -> Scene:
    return Scene("s", "made", "s", tuple(frames), skipped={"pose not finite": 2})


def ids(scene: Scene) -> list[str]:
    return [one.id for one in scene.frames]


def test_novel_compares_with_the_last_kept_frame_not_with_the_one_before() -> None:
    # Steps of 2 cm: each is too like its neighbour, every third is 6 cm from the last kept one.
    kept = select_frames(scene(frame(n, x=0.02 * n) for n in range(10)), "novel")
    assert ids(kept) == ["0", "3", "6", "9"]
    assert kept.skipped == {"pose not finite": 2, "frame too like the one before": 6}


def test_novel_counts_turning_as_new() -> None:
    kept = select_frames(scene(frame(n, yaw=math.radians(2.6 * n)) for n in range(5)), "novel")
    assert ids(kept) == ["0", "2", "4"]


def test_novel_keeps_frames_at_exactly_the_limits() -> None:
    assert ids(select_frames(scene([frame(0), frame(1, x=0.05)]), "novel")) == ["0", "1"]
    assert ids(select_frames(scene([frame(0), frame(1, x=0.0499)]), "novel")) == ["0"]


def test_novel_drops_blurred_frames() -> None:
    frames = [frame(n, x=0.1 * n, image=BLURRED_JPEG if n == 2 else SHARP_JPEG) for n in range(5)]
    kept = select_frames(scene(frames), "novel")
    assert ids(kept) == ["0", "1", "3", "4"]
    assert kept.skipped["frame blurred"] == 1


def test_a_scene_of_soft_images_keeps_them() -> None:
    frames = [frame(n, x=0.1 * n, image=BLURRED_JPEG) for n in range(5)]
    assert len(select_frames(scene(frames), "novel").frames) == 5


def test_novel_keeps_at_most_300_spread_evenly() -> None:
    kept = select_frames(scene(frame(n, x=0.1 * n) for n in range(900)), "novel")
    numbers = [int(one) for one in ids(kept)]
    assert len(numbers) == 300
    assert set(np.diff(numbers)) == {3}
    assert sum(count for reason, count in kept.skipped.items() if reason.startswith("frame")) == 600


def test_every_and_max_and_list() -> None:
    whole = scene(frame(n) for n in range(10))
    assert ids(select_frames(whole, "every:4")) == ["0", "4", "8"]
    assert ids(select_frames(whole, "max:3")) == ["1", "5", "8"]
    assert ids(select_frames(whole, "max:30")) == ids(whole)
    assert ids(select_frames(whole, "7, 2")) == ["2", "7"]
    assert select_frames(whole, "every:4").skipped == {"pose not finite": 2, "frame not in --frames every:4": 7}


def test_only_novel_looks_at_pixels() -> None:
    def refuse() -> bytes:
        raise AssertionError("read")

    one = Frame("0", frame(0).camera, refuse, "color/0.jpg")
    assert len(select_frames(scene([one]), "every:1").frames) == 1


def test_an_unknown_frame_is_named() -> None:
    with pytest.raises(ConfigError, match="frame 11"):
        select_frames(scene(frame(n) for n in range(10)), "3,11")


def test_a_broken_image_is_named() -> None:
    frames = [frame(0), frame(1, x=1.0, image=SHARP_JPEG[:2000])]
    with pytest.raises(SceneError, match=r"color/1\.jpg"):
        select_frames(scene(frames), "novel")


@pytest.mark.parametrize("text", ["every:0", "every:x", "max:-1", "max:", "", "1,,2", ",", "sometimes:3"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(text)


def test_expected_frames() -> None:
    assert [expected_frames(1000, text) for text in ("novel", "every:3", "max:50", "1,2")] == [300, 334, 50, 2]


def test_moments_of_a_still_camera_are_kept() -> None:
    still = tuple(dataclasses.replace(frame(step), track_step=step, time=step / 30) for step in range(400))
    scene = Scene("video", "test", "video", still)
    tracks = Tracks(np.zeros((400, 2, 3)), np.ones((400, 2), dtype=bool), "world", 1 / 30)
    assert len(select_frames(scene, "novel").frames) == 1
    kept = select_frames(dataclasses.replace(scene, tracks=tracks), "novel")
    steps = [frame.track_step for frame in kept.frames]
    assert len(set(steps)) == 300
    assert steps == sorted(steps)  # type: ignore[type-var]
    assert kept.skipped == {"frame thinned out, scene has more than 300": 100}
