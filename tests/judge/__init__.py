"""PyTorch's own test data (torch.testing._internal) as judge of fnnet's functions, layers and optimizers.

`python tests/judge --help` says how to run it; PyTorch is needed. What is left out is named in `left_out.py`.
"""
