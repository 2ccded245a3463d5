"""torch.utils.tensorboard: scalars, histograms, pictures and the like as files that TensorBoard shows.

As in PyTorch, the package `tensorboard` has to be installed.
"""

from tensorboard.summary.writer.record_writer import RecordWriter

from fnnet.torch.utils.tensorboard.writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "RecordWriter", "SummaryWriter"]
