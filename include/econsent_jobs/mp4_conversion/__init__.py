"""MP4 conversion: the recording of every retained session becomes a video that plays at true speed and full length."""

from econsent_jobs.mp4_conversion.job import convert_recordings

__all__ = ["convert_recordings"]
