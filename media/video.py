"""A video's frames by number, decoded when they are wanted (Matroska and MP4, whatever codec FFmpeg decodes).

Frames are counted in the order they are shown, from 0, every coded frame once: an MP4's edit list, which can hide
frames, is passed over, and so is a stored rotation, because poses and intrinsics belong to the recorded raster.

An index of when each frame is shown and where decoding can start is made when the first frame is wanted; it reads the
file once, without decoding, and shows frames that a damaged file lost. Going forward then costs nothing but decoding:
the decoder stays where it is. Any other frame is reached from the last key frame before it. A video keeps one decoder
open and the last few encoded images; both stay behind when it is pickled.

Images are handed out as JPEG files (quality 95, 4:2:0 as the video itself): rows hold encoded images, and a lossless
1920 x 1440 PNG of noise left by a video codec is six times as large for nothing to see.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._sens_header import DOWNLOAD
from ._video_file import check_video_file
from .images import encode_jpeg

__all__ = ["JPEG_QUALITY", "Video"]

JPEG_QUALITY: Final = 95
_KEPT_BYTES: Final = 256 << 20  # of encoded images: questions about several frames come back to all of a scene
_THREADS: Final = 2  # of one decoder; runs have a process for each core
_NEAR: Final = 48  # frames decoded in passing rather than looked up
_MAX_SIDE: Final = 16_384
_OPTIONS: Final = {"ignore_editlist": "1"}


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    """When each frame is shown, and where decoding can start.

    Attributes:
        shown: (n,) timestamps in order.
        keys: (k,) numbers of frames that decoding can start at, in order.
        sought: (k,) timestamps to seek to for them.
    """

    shown: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]
    sought: npt.NDArray[np.int64]


@dataclass(slots=True)
class _Decoder:
    """An open file, what it decodes next, and the frame number of that."""

    container: Any
    frames: Iterator[Any]
    position: int


class Video:
    """Random access to the frames of one video file.

    Nothing is read until it is asked for.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._decoder: _Decoder | None = None
        self._images: OrderedDict[int, bytes] = OrderedDict()
        self._kept = 0  # bytes of these

    def __repr__(self) -> str:
        return f"Video({str(self.path)!r})"

    def __reduce__(self) -> tuple[type[Video], tuple[Path]]:
        return Video, (self.path,)

    def __len__(self) -> int:
        """Number of frames; reads the whole file once.

        Raises:
            SceneError: when it is missing, cut short or no video.
        """
        return len(self._index.shown)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, from the header.

        Raises:
            SceneError: when the file is missing, cut short or no video.
        """
        container = self._open()
        try:
            codec = container.streams.video[0].codec_context
            width, height = int(codec.width), int(codec.height)
        finally:
            container.close()
        if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
            raise SceneError(f"its header claims frames of {width} x {height}", path=self.path, remedy=DOWNLOAD)
        return width, height

    def rgb(self, n: int) -> npt.NDArray[np.uint8]:
        """The pixels of a frame: (h, w, 3) uint8 RGB.

        Raises:
            SceneError: when there is no such frame, or it cannot be decoded; names it.
        """
        return self._pixels(n, "rgb24")

    def gray(self, n: int) -> npt.NDArray[np.uint8]:
        """The brightness of a frame: (h, w) uint8; errors as ``rgb``."""
        return self._pixels(n, "gray")

    def image_bytes(self, n: int) -> bytes:
        """A frame as a JPEG file, the same bytes each time; errors as ``rgb``."""
        if n in self._images:
            self._images.move_to_end(n)
        else:
            self._images[n] = encode_jpeg(self.rgb(n), JPEG_QUALITY)
            self._kept += len(self._images[n])
            while self._kept > _KEPT_BYTES and len(self._images) > 1:
                self._kept -= len(self._images.popitem(last=False)[1])
        return self._images[n]

    def check_frame(self, n: int) -> None:
        """Refuse a frame that the file does not hold, without decoding it.

        Raises:
            SceneError: when there is no such frame, or the file is missing, cut short or no video.
        """
        if not 0 <= n < len(self):
            remedy = f"it has frames 0 to {len(self) - 1}; if there should be more, {DOWNLOAD}"
            raise SceneError(f"there is no frame {n}", path=self.path, remedy=remedy)

    def _pixels(self, n: int, layout: str) -> npt.NDArray[np.uint8]:
        import av

        frame = self._frame(n)
        if (frame.width, frame.height) != self.size:
            what = f"the frame is {frame.width} x {frame.height}, the video {self.size[0]} x {self.size[1]}"
            raise self._damaged(what, n)
        try:
            pixels = frame.to_ndarray(format=layout)
        except (av.FFmpegError, ValueError) as error:
            raise self._damaged(f"its pixels cannot be converted ({error})", n) from None
        return np.ascontiguousarray(pixels, dtype=np.uint8)

    def _frame(self, n: int) -> Any:
        import av

        self.check_frame(n)
        shown = self._index.shown
        decoder, self._decoder = self._decoder, None  # one that fails is not used again
        try:
            decoder = self._placed(decoder, n)
            for frame in decoder.frames:
                if frame.pts is None or frame.pts > shown[n] or frame.is_corrupt:
                    break
                decoder.position = int(np.searchsorted(shown, frame.pts)) + 1
                if frame.pts == shown[n]:
                    self._decoder = decoder
                    return frame
        except av.FFmpegError as error:
            raise self._damaged(f"cannot be decoded ({error.strerror})", n) from None
        raise self._damaged("cannot be decoded: the video is damaged here", n)

    def _placed(self, decoder: _Decoder | None, n: int) -> _Decoder:
        """A decoder whose next frame is ``n`` or comes before it: the one there is, or from the last key frame."""
        index = self._index
        nearest = int(np.searchsorted(index.keys, n, side="right")) - 1
        key = int(index.keys[nearest]) if nearest > 0 else 0
        if decoder is not None and decoder.position <= n and (key <= decoder.position or n < decoder.position + _NEAR):
            return decoder
        # Seeking to the very beginning fails where decoding starts before the first time.
        container = decoder.container if decoder is not None and key else self._open()
        stream = container.streams.video[0]
        if key:
            container.seek(int(index.sought[nearest]), stream=stream, backward=True)
        return _Decoder(container, container.decode(stream), key)

    @cached_property
    def _index(self) -> _Index:
        import av

        container = self._open()
        shown, keys = [], {}
        # An MP4 file is searched by when a frame is decoded, which is before it is shown.
        by_decoding = "mp4" in container.format.name
        try:
            for packet in container.demux(container.streams.video[0]):
                if packet.size and packet.pts is not None:
                    shown.append(packet.pts)
                    if packet.is_keyframe:
                        keys[packet.pts] = packet.dts if by_decoding and packet.dts is not None else packet.pts
                elif packet.size:
                    raise SceneError("has frames without a time", path=self.path, remedy=DOWNLOAD)
        except av.FFmpegError as error:
            raise SceneError(f"is damaged ({error.strerror})", path=self.path, remedy=DOWNLOAD) from None
        finally:
            container.close()
        times = np.unique(np.array(shown, np.int64))
        if not len(times) or len(times) != len(shown) or not keys:
            what = "has no frames" if not shown else "has several frames at one time, or none to start decoding at"
            raise SceneError(what, path=self.path, remedy=DOWNLOAD)
        starts = np.array(sorted(keys.items()), np.int64)
        return _Index(times, np.searchsorted(times, starts[:, 0]), starts[:, 1])

    def _open(self) -> Any:
        import av

        check_video_file(self.path)
        try:
            container = av.open(str(self.path), options=_OPTIONS, metadata_errors="replace")
        except av.FFmpegError as error:
            what = f"cannot be opened as a video ({error.strerror})"
            raise SceneError(what, path=self.path, remedy=DOWNLOAD) from None
        stream = container.streams.video[0] if container.streams.video else None
        if stream is None or stream.codec_context is None:
            container.close()
            what = "holds no video" if stream is None else "is damaged, or of a codec that cannot be decoded here"
            raise SceneError(what, path=self.path, remedy=DOWNLOAD)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        return container

    def _damaged(self, what: str, n: int) -> SceneError:
        return SceneError(what, path=f"{self.path}#frame={n}", remedy=DOWNLOAD)
