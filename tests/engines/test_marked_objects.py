"""Objects that are marked: which frames show enough of them, where dots and boxes go, when marks clash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from support.closed_form import LABELS, make_scene
from support.object_scenes import box, joined, scene_of
from support.structured3d_writer import write_scene
from support.tiny_structured3d import SCENE

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.projection import project
from spatialgen.core.types import BoxMark, Point, Scene, mark_radius
from spatialgen.engines.marked_objects import SPAR_OBJECTS, MarkedObjectParameters, MarkedObjects, box_overlap
from spatialgen.scene_io.structured3d import READER


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=24)


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def objects(geometry: SceneGeometry) -> MarkedObjects:
    return MarkedObjects(geometry, MarkedObjectParameters())


def with_labels(scene: Scene, **labels: str) -> MarkedObjects:
    things = tuple(replace(thing, label=labels.get(thing.label, thing.label)) for thing in scene.instances)
    return MarkedObjects(SceneGeometry(replace(scene, instances=things)), MarkedObjectParameters())


def test_depth_and_distance_are_those_of_the_centre(scene: Scene, objects: MarkedObjects) -> None:
    for index, frame in enumerate(scene.frames):
        for thing in range(len(LABELS)):
            seen = frame.camera.world_to_camera @ [*objects.centre[thing], 1.0]
            assert objects.depth[index, thing] == pytest.approx(seen[2])
            assert objects.distance[index, thing] == pytest.approx(np.linalg.norm(seen[:3]))


def test_doors_and_sizes_out_of_range_are_not_asked_about(scene: Scene, geometry: SceneGeometry) -> None:
    assert with_labels(scene, cabinet="door").reasons == {"a door or the like": 1}
    assert with_labels(scene, cabinet="wall").reasons == {"part of the building, or without a name": 1}
    small = MarkedObjects(geometry, MarkedObjectParameters(shortest=0.4, longest=1.5))
    assert small.reasons == {"too small": 1, "too large": 1}
    assert small.askable.tolist() == [label not in {"box", "cabinet"} for label in LABELS]


def test_objects_with_more_vertices_on_one_side_are_left_out() -> None:
    even = box((-1.0, 0.0, 0.0), (0.0, 0.3, 0.3))
    lopsided = joined(box((0.5, 0.0, 0.0), (0.7, 0.3, 0.3), step=0.01), box((0.7, 0.0, 0.0), (1.5, 0.3, 0.3), step=0.1))
    geometry = SceneGeometry(scene_of([("bench", even), ("desk", lopsided)]))
    assert MarkedObjects(geometry, MarkedObjectParameters()).askable.tolist() == [True, True]
    strict = MarkedObjects(geometry, MarkedObjectParameters(most_centre_shift=0.2))
    assert strict.askable.tolist() == [True, False]
    assert strict.reasons == {"its vertices have another centre than its box": 1}


def test_frames_that_show_an_object_meet_every_limit(scene: Scene, geometry: SceneGeometry) -> None:
    objects = MarkedObjects(geometry, MarkedObjectParameters(**SPAR_OBJECTS))
    states = geometry.object_states
    assert objects.shows.any()
    for frame, thing in zip(*np.nonzero(objects.shows), strict=True):
        camera = scene.frames[frame].camera
        x1, y1, x2, y2 = states.modal_boxes[frame, thing]
        assert min((x2 - x1) / camera.width, (y2 - y1) / camera.height) >= 0.01
        assert states.visible_px[frame, thing] >= 0.002 * states.map_px[frame]
        assert states.visible_px[frame, thing] >= 0.25 * states.in_image_px[frame, thing]
        assert states.truncation[frame, thing] <= 0.30
        assert 0.3 <= objects.depth[frame, thing] <= 8.0
    clear = MarkedObjects(geometry, MarkedObjectParameters())
    assert (states.states[clear.shows] == 3).all()
    assert not clear.shows.all()


def test_a_dot_lies_on_its_object_alone(scene: Scene, geometry: SceneGeometry, objects: MarkedObjects) -> None:
    found = 0
    for frame, thing in np.argwhere(objects.shows).tolist():
        point = objects.point(thing, frame, 1, "blue", role="reference")
        if point is None:
            continue
        found += 1
        assert (point.image, point.color_role, point.instance_id) == (1, "blue", str(thing))
        camera = scene.frames[frame].camera
        reach = mark_radius(camera.height)
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([point.x + reach * np.cos(angles), point.y + reach * np.sin(angles)], axis=1)
        assert (geometry.instance_at(frame, ring) == thing).mean() > 0.8
        assert objects.point(thing, frame, 1, "blue", role="reference") == point
    assert found > 0.8 * objects.shows.sum()


def test_a_dot_is_at_the_centre_where_the_object_is_seen_there(objects: MarkedObjects) -> None:
    """Of a convex thing that nothing hides, the middle of its projection shows it."""
    thing = LABELS.index("box")
    for frame in np.flatnonzero(objects.shows[:, thing]).tolist():
        point = objects.point(thing, frame, 0, "red")
        camera = objects.scene.frames[frame].camera
        centre, _ = project(objects.centre[[thing]], camera)
        states = objects.states
        assert states is not None
        if point is not None and states.total[frame, thing] < 0.01:
            np.testing.assert_allclose([point.x, point.y], centre[0], atol=0.51)
            break
    else:
        pytest.fail("no frame shows the whole of the box")


def test_boxes_are_around_what_is_visible(geometry: SceneGeometry, objects: MarkedObjects) -> None:
    frame, thing = np.argwhere(objects.shows)[0].tolist()
    mark = objects.box(thing, frame, 0, "red", label="object0")
    shown = np.argwhere(geometry.instance_map(frame) == thing)
    (top, left), (bottom, right) = shown.min(axis=0), shown.max(axis=0)
    np.testing.assert_allclose([mark.x1, mark.y1, mark.x2, mark.y2], [left, top, right, bottom], atol=1.6)
    assert (mark.label, mark.color_role, mark.amodal) == ("object0", "red", False)
    around = objects.projected_box(thing, frame)
    assert around is not None
    assert around[0] <= mark.x1 + 1.6
    assert around[1] <= mark.y1 + 1.6
    assert around[2] >= mark.x2 - 1.6
    assert around[3] >= mark.y2 - 1.6


def test_marks_clash_in_one_image_only(scene: Scene, objects: MarkedObjects) -> None:
    radius = mark_radius(scene.frames[0].camera.height)
    one = Point(0, 100.0, 100.0)
    assert not objects.are_apart((0, 1), [one, Point(0, 100.0 + 2.9 * radius, 100.0)])
    assert objects.are_apart((0, 1), [one, Point(0, 100.0 + 3.1 * radius, 100.0)])
    assert objects.are_apart((0, 1), [one, Point(1, 100.0, 100.0)])
    mark = BoxMark(0, 0.0, 0.0, 30.0, 10.0)
    assert box_overlap(mark, BoxMark(0, 10.0, 0.0, 40.0, 10.0)) == pytest.approx(0.5)
    assert box_overlap(mark, BoxMark(0, 30.0, 0.0, 40.0, 10.0)) == 0
    assert objects.are_apart((0,), [mark, BoxMark(0, 10.0, 0.0, 40.0, 10.0)])
    assert not objects.are_apart((0,), [mark, BoxMark(0, 9.0, 0.0, 39.0, 10.0)])


def test_what_is_behind_the_camera_or_beside_the_image_has_no_projection() -> None:
    places = ((0.0, 0.0, 0.2), (0.0, -6.0, 0.2), (9.0, 0.0, 0.2), (0.0, -3.0, 1.4))
    things = [("box", box(np.array(place) - 0.2, np.array(place) + 0.2)) for place in places]
    objects = MarkedObjects(SceneGeometry(scene_of(things)), MarkedObjectParameters())
    assert [objects.projected_box(thing, 0) is None for thing in range(4)] == [False, True, True, True]
    assert objects.depth[0, 1] < 0


def test_evidence_tells_boxes_and_states(objects: MarkedObjects) -> None:
    frame, thing = np.argwhere(objects.shows)[0].tolist()
    found = objects.marked_evidence((frame,), [thing])
    assert [entry["id"] for entry in found["instances"]] == [str(thing)]
    assert found["per_frame"][0]["state"] == "clear"
    assert found["projected_boxes"] == [{"image": 0, "id": str(thing), "box": objects.projected_box(thing, frame)}]


def test_a_scene_of_boxes_and_maps_serves_too(tmp_path: Path) -> None:
    """Structured3D has no mesh: places come from its boxes, and what is visible from its maps of objects."""
    write_scene(tmp_path / SCENE, views=8)
    (ref,) = READER.scenes(tmp_path)
    scene = READER.read(ref)
    assert "trajectory" not in scene.capabilities
    geometry = SceneGeometry(scene)
    objects = MarkedObjects(geometry, MarkedObjectParameters())
    assert objects.shows.any()
    for frame, thing in np.argwhere(objects.shows).tolist():
        stated = scene.instances[thing].box
        assert stated is not None
        np.testing.assert_allclose(objects.centre[thing], stated.centre)
        point = objects.point(thing, frame, 0, "red")
        if point is not None:
            assert geometry.instance_at(frame, [[point.x, point.y]])[0] == thing
    frame, thing = np.argwhere(objects.shows)[0].tolist()
    assert objects.marked_evidence((frame,), [thing])["instances"][0]["obb"]["centre"]


@pytest.mark.parametrize("wrong", [{"nearest": 9.0, "farthest": 8.0}, {"shortest": 3.0, "longest": 3.0}])
def test_limits_are_in_order(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must be below"):
        MarkedObjectParameters(**wrong)  # type: ignore[arg-type]
