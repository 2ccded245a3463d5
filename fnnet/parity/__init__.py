"""The ruler: shows that fnnet computes what PyTorch computes."""
