"""Checkpoints: .pt and .safetensors files, read without executing anything and written atomically."""

from fnnet.checkpoint.atomic import atomically as atomically
from fnnet.checkpoint.dotted import flat as flat
from fnnet.checkpoint.dotted import nested as nested
from fnnet.checkpoint.formats import load as load
from fnnet.checkpoint.pt_write import save_pt as save_pt
from fnnet.checkpoint.refused import RefusedFileError as RefusedFileError
from fnnet.checkpoint.tree import load_flat as load_flat
from fnnet.checkpoint.tree import load_metadata as load_metadata
from fnnet.checkpoint.tree import restore as restore
from fnnet.checkpoint.tree import save as save
