"""torch.version: which PyTorch's behaviour this is, and what it is built for."""

__version__ = "2.13.0+fnnet"
debug = False
cuda: str | None = None
git_version: str | None = None
hip: str | None = None
