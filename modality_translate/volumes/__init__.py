"""What a volume is: reading, writing, geometry and patches of one 3D image."""

from modality_translate.volumes.encoding import StoredName
from modality_translate.volumes.folder import VOLUME_SUFFIXES, links_out, list_volumes, stem
from modality_translate.volumes.geometry import orient, orient_like, resample, spaced
from modality_translate.volumes.header import Header
from modality_translate.volumes.nifti import read_header, read_volume, write_volume
from modality_translate.volumes.objects import Image, Source, as_volume
from modality_translate.volumes.patches import blend, corners, cut, weights
from modality_translate.volumes.volume import Affine, Array, Forms, Grid, Shape, Volume

__all__ = [
    "VOLUME_SUFFIXES",
    "Affine",
    "Array",
    "Forms",
    "Grid",
    "Header",
    "Image",
    "Shape",
    "Source",
    "StoredName",
    "Volume",
    "as_volume",
    "blend",
    "corners",
    "cut",
    "links_out",
    "list_volumes",
    "orient",
    "orient_like",
    "read_header",
    "read_volume",
    "resample",
    "spaced",
    "stem",
    "weights",
    "write_volume",
]
