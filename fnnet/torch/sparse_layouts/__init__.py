"""Tensors of the sparse layouts: strided indices and values, composed of recorded operations."""
