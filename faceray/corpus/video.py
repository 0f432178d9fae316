"""Pictures of a video: which ones to look at, and their pixels. Decoded by FFmpeg, through PyAV."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceray.corpus.decode import Limits, Picture
from faceray.corpus.ranges import RangeFile
from faceray.corpus.status import ImageError, Status
from faceray.errors import UserError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

# No playlists: they name other files, which FFmpeg would open.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts"
_FORWARD = 5.0  # seconds; what is further ahead is looked for by its key frame
_BACK = (0.0, 5.0, 20.0, 80.0, float("inf"))  # seconds; where a seek comes out too late, the next one starts earlier
_LATE = 1.0  # seconds beyond its last frame that a video may be said to last
_MOST_DECODED = 20_000  # frames on the way to one picture
_MOST_DAMAGES = 1_000  # packets in a row that are no frames
_SCENE_CHANGE = 0.1  # mean difference of brightness, of 1, between key frames
_THUMBNAIL = 32  # pixels; side of what is compared


@dataclass(frozen=True)
class VideoOptions:
    """Which pictures of a video are looked at.

    Args:
        every: seconds from one to the next, counted from the start.
        scenes: one for each scene instead: the key frames that differ from the key frame before. The whole video is
            read when it is listed.
    """

    every: float = 1.0
    scenes: bool = False

    def __post_init__(self) -> None:
        if not self.every >= 0.01:
            raise UserError(f"--video.every must be at least 0.01, not {self.every:g}")


def sample_times(file: RangeFile, options: VideoOptions, limits: Limits) -> list[float]:
    """Seconds from the start of the pictures to look at, ascending; at least one.

    Raises:
        ImageError: NOT_AN_IMAGE without a video in it, TOO_MANY_PIXELS, TOO_LARGE if it lasts too long, UNDECODABLE,
            or what `file` raises.
    """
    with _opened(file, limits) as (container, stream):
        if options.scenes:
            return list(_scenes(container, stream))
        end = _end(container, stream)
        if end > limits.max_seconds:
            raise ImageError(Status.TOO_LARGE, f"lasts {end:.0f} seconds, limit {limits.max_seconds:g}")
        return [float(time) for time in np.arange(0, max(end, 1e-3), options.every)]


def check_video(file: RangeFile, limits: Limits) -> None:
    """Raises what `sample_times` raises; also UNDECODABLE where there is no first picture."""
    sample_times(file, VideoOptions(limits.max_seconds), limits)
    with _opened(file, limits) as (container, stream):
        next(_scenes(container, stream))


def pictures(file: RangeFile, times: list[float], limits: Limits) -> Iterator[Picture | ImageError]:
    """The picture shown at each time (seconds, ascending), upright, or why there is none. Raises nothing."""
    missing = len(times)
    try:
        with _opened(file, limits) as (container, stream):
            player = _Player(container, stream)
            for time in times:
                picture = _picture(player, time)
                missing -= 1
                yield picture
    except ImageError as error:
        yield from [error] * missing


def _picture(player: "_Player", time: float) -> Picture | ImageError:
    try:
        frame = player.at(time)
        upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))  # both anticlockwise
        return Picture(np.ascontiguousarray(upright), player.codec, None)
    except ImageError as error:
        return error
    except Exception as error:
        return _undecodable(error)


@contextmanager
def _opened(file: RangeFile, limits: Limits) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """A video and its first stream of moving pictures; whatever is raised inside becomes an ImageError."""
    import av  # FFmpeg is large: only where there are videos
    from av.stream import Disposition

    try:
        file.seek(0)
        with av.open(file, "r", options={"format_whitelist": _FORMATS}, metadata_errors="replace") as container:
            streams = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
            if not streams:
                raise ImageError(Status.NOT_AN_IMAGE, "no video in it")
            codec = streams[0].codec_context
            if codec.width * codec.height > limits.max_pixels:
                raise ImageError(Status.TOO_MANY_PIXELS, f"{codec.width} x {codec.height}, limit {limits.max_pixels}")
            codec.options = {"max_pixels": str(limits.max_pixels)}  # it may grow on the way
            codec.thread_count = 1  # workers run side by side on videos, not inside one
            yield container, streams[0]
    except ImageError:
        raise
    except Exception as error:
        raise _undecodable(error) from error


def _undecodable(error: Exception) -> ImageError:
    return ImageError(Status.UNDECODABLE, " ".join(f"{type(error).__name__}: {error}".split())[:300])


def _end(container: "InputContainer", stream: "VideoStream") -> float:
    """Seconds that the video lasts: by its last packets where they are there, since headers may say anything."""
    from av import FFmpegError, time_base

    unit = stream.time_base or 0
    known = float(stream.duration * unit) if stream.duration else (container.duration or 0) / time_base
    last = 0.0
    with suppress(FFmpegError):
        if known:
            _seek(container, stream, known)
        for packet in container.demux(stream):
            if packet.pts is not None:
                last = max(last, _seconds(stream, packet.pts + (packet.duration or 0)))
    return last or known


def _scenes(container: "InputContainer", stream: "VideoStream") -> Iterator[float]:
    """Times of the key frames that begin a scene; the first one does. UNDECODABLE if there is none."""
    stream.codec_context.skip_frame = "NONKEY"
    before: np.ndarray | None = None
    try:
        for frame in container.decode(stream):
            small = frame.reformat(_THUMBNAIL, _THUMBNAIL, "gray").to_ndarray().astype(np.float32) / 255
            if frame.pts is not None and (before is None or np.abs(small - before).mean() > _SCENE_CHANGE):
                yield max(0.0, _seconds(stream, frame.pts))
            before = small
    except ImageError:
        raise
    except Exception as error:
        if before is None:
            raise _undecodable(error) from error
    if before is None:
        raise ImageError(Status.UNDECODABLE, "no picture in the video")


def _seconds(stream: "VideoStream", pts: int) -> float:
    """From the start of the video."""
    return float((pts - (stream.start_time or 0)) * (stream.time_base or 0))


def _seek(container: "InputContainer", stream: "VideoStream", time: float) -> None:
    """To the key frame before."""
    assert stream.time_base is not None
    container.seek(int(time / stream.time_base) + (stream.start_time or 0), stream=stream, backward=True)


class _Player:
    """Shows the frame that is on screen at a time: the last one that has begun. Times ascend."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self.container, self.stream = container, stream
        self.codec = stream.codec_context.name
        self.shown: VideoFrame | None = None
        self.ahead: VideoFrame | None = None
        self.damaged = False
        self.seeks = True
        self._play()

    def at(self, time: float) -> "VideoFrame":
        """Raises ImageError with TRUNCATED if the video ends before, UNDECODABLE if it is damaged there."""
        if self.seeks and self.ahead is not None and time - self._begin(self.ahead) > _FORWARD:
            self._jump(time)
        for _ in range(_MOST_DECODED):
            if self.ahead is None or self._begin(self.ahead) > time:
                break
            self.shown, self.damaged = self.ahead, False
            self.ahead = self._next()
        else:
            raise ImageError(Status.UNDECODABLE, f"no picture within {_MOST_DECODED} frames")
        frame = self.shown or self.ahead  # the first one may begin a little late
        if frame is None or (self.ahead is None and time > self._end(frame) + _LATE):
            raise ImageError(Status.TRUNCATED, f"the video ends before {time:g} seconds")
        if self.damaged or frame.is_corrupt:
            raise ImageError(Status.UNDECODABLE, f"the video is damaged at {time:g} seconds")
        return frame

    def _play(self) -> None:
        self.frames = self.container.decode(self.stream)
        self.ahead = self._next()

    def _next(self) -> "VideoFrame | None":
        from av import FFmpegError

        for _ in range(_MOST_DAMAGES):
            try:
                return next(self.frames, None)
            except FFmpegError:  # of one packet
                self.damaged = True
                self.frames = self.container.decode(self.stream)
        return None

    def _jump(self, time: float) -> None:
        place = self._begin(self.ahead) if self.ahead else 0.0
        for back in _BACK:
            _seek(self.container, self.stream, max(0.0, time - back))
            self.shown, self.damaged = None, False
            self._play()
            if self.ahead is not None and self._begin(self.ahead) <= time:
                break
        self.seeks = self.ahead is not None and self._begin(self.ahead) >= place  # else seeking leads back: no more

    def _begin(self, frame: "VideoFrame") -> float:
        return _seconds(self.stream, frame.pts or 0)

    def _end(self, frame: "VideoFrame") -> float:
        return _seconds(self.stream, (frame.pts or 0) + (frame.duration or 0))
