"""A second, minimal reader of ScanNet's files, from the format's description; shares no code with the package."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np


def read_sens(path: Path) -> SimpleNamespace:
    data = path.read_bytes()
    at = 0

    def take(form: str) -> tuple:
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values

    (version, length) = take("IQ")
    name = data[at : at + length].decode()
    at += length
    matrices = [np.array(take("16f")).reshape(4, 4) for _ in range(4)]
    color_codec, depth_codec, cw, ch, dw, dh, shift, count = take("iiIIIIfQ")
    frames = []
    for _ in range(count):
        pose = np.array(take("16f")).reshape(4, 4)
        t_color, t_depth, color_size, depth_size = take("4Q")
        image = cv2.imdecode(np.frombuffer(data, np.uint8, color_size, at), cv2.IMREAD_COLOR)[..., ::-1]
        at += color_size
        depth = np.frombuffer(zlib.decompress(data[at : at + depth_size]), "<u2").reshape(dh, dw)
        at += depth_size
        frames.append(SimpleNamespace(pose=pose, image=image, depth=depth, times=(t_color, t_depth)))
    (imu,) = take("Q")
    at += 128 * imu
    return SimpleNamespace(
        version=version, name=name, intrinsic_color=matrices[0], extrinsic_color=matrices[1],
        intrinsic_depth=matrices[2], extrinsic_depth=matrices[3], codecs=(color_codec, depth_codec),
        color_size=(cw, ch), depth_size=(dw, dh),
        shift=shift, frames=frames, imu=imu, rest=len(data) - at,
    )  # fmt: skip


def read_ply(path: Path) -> SimpleNamespace:
    data = path.read_bytes()
    end = data.index(b"end_header\n") + len(b"end_header\n")
    header = data[:end].decode().splitlines()
    counts = {line.split()[1]: int(line.split()[2]) for line in header if line.startswith("element")}
    types = {"float": "<f4", "uchar": "u1", "ushort": "<u2"}
    fields, inside = [], ""
    for line in header:
        words = line.split()
        if words[0] == "element":
            inside = words[1]
        elif words[0] == "property" and inside == "vertex":
            fields.append((words[2], types[words[1]]))
    vertices = np.frombuffer(data, np.dtype(fields), counts["vertex"], end)
    faces = np.frombuffer(data, np.dtype([("n", "u1"), ("v", "<i4", 3)]), counts["face"], end + vertices.nbytes)
    assert end + vertices.nbytes + faces.nbytes == len(data)
    assert (faces["n"] == 3).all()
    return SimpleNamespace(
        header=header, fields=[name for name, _ in fields], vertices=vertices, faces=faces["v"],
        positions=np.stack([vertices[k] for k in "xyz"], 1),
    )  # fmt: skip


def read_facts(path: Path) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in path.read_text().splitlines())


def alignment(path: Path) -> np.ndarray:
    return np.array(read_facts(path)["axisAlignment"].split(), float).reshape(4, 4)


def vertex_objects(folder: Path) -> tuple[np.ndarray, dict[int, str]]:
    """Each vertex's objectId (-1 none) and the objects' labels."""
    scene = folder.name
    segments = np.array(json.loads((folder / f"{scene}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"])
    owner: dict[int, int] = {}
    labels = {}
    for group in json.loads((folder / f"{scene}.aggregation.json").read_text())["segGroups"]:
        labels[group["objectId"]] = group["label"]
        owner.update(dict.fromkeys(group["segments"], group["objectId"]))
    return np.array([owner.get(int(s), -1) for s in segments]), labels
