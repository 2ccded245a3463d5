"""What of PyTorch's test data is not judged, by name, with the reason. The one place where this stands."""


def because(reason: str, names: str) -> dict[str, str]:
    """The names, each with the reason."""
    return dict.fromkeys(names.split(), reason)


OPERATIONS: dict[str, str] = {
    **because(
        "a reflected operator of Python, which the adapter derives from the operation itself",
        "__radd__ __rand__ __rdiv__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__ __rsub__ __rxor__",
    ),
    **because(
        "the copying twin of a view that is judged; an array is never a view",
        "alias_copy as_strided_copy diagonal_copy expand_copy narrow_copy permute_copy split_with_sizes_copy "
        "squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy",
    ),
    **because(
        "a method that converts a tensor or reads it, in the adapter; not a function of arrays",
        "bfloat16 bool byte cdouble cfloat chalf char double float half int long short to item T H mT mH "
        "resolve_conj resolve_neg",
    ),
    **because(
        "draws: fnnet.random is held against PyTorch's streams number by number in test_random_*.py",
        "bernoulli cauchy exponential geometric log_normal multinomial normal rand_like randint randint_like "
        "randn randn_like uniform svd_lowrank pca_lowrank",
    ),
    **because(
        "its values are of no meaning",
        "empty empty_like empty_permuted empty_strided new_empty new_empty_strided",
    ),
    **because(
        "makes, fills or resizes memory, which is the adapter's",
        "fill new_full new_ones new_zeros resize_ resize_as_ scalar_tensor zero_",
    ),
    **because(
        "an internal of PyTorch, of another operation that is judged",
        "_batch_norm_with_update _chunk_cat _native_batch_norm_legit _segment_reduce _softmax_backward_data "
        "_unsafe_masked_index _unsafe_masked_index_put_accumulate _upsample_bilinear2d_aa constant_pad_nd "
        "grid_sampler_2d grid_sampler_3d max_pool2d_with_indices_backward native_batch_norm "
        "native_dropout_backward native_group_norm native_layer_norm nonzero_static unsafe_chunk "
        "unsafe_split hash_tensor slice sum_to_size "
        "torch._scaled_mm torch._scaled_mm_v2 torch.ops.aten._efficient_attention_forward "
        "torch.ops.aten._flash_attention_forward torch.ops.aten._safe_softmax.default",
    ),
    **because(
        "compiles CUDA source at run time",
        "jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args jiterator_binary "
        "jiterator_binary_return_by_ref jiterator_unary",
    ),
    **because(
        "takes or gives sparse tensors, which test_printed.py holds against PyTorch", "sparse.* to_sparse"
    ),
    **because("torch.masked is a prototype that fnnet does not mirror", "masked.*"),
    "broadcast_shapes": "gives a shape, not arrays; the adapter has it",
    "as_strided (partial_views)": "reads the memory around a view; an array has none",
    "nn.functional.batch_norm (without_cudnn)": "the same entry for CUDA alone",
    "linalg.pinv (singular)": "of a product of two matrices; pinv itself is judged by its other two entries",
}
"""Entries of op_db; `name (variant)` is one variant, `name.*` all entries that begin with `name.`."""

VALUES_LEFT_OUT: dict[str, str] = {
    "nn.functional.rrelu": "PyTorch draws only for elements that are not positive, fnnet for all",
}
"""Entries of op_db that must run, but whose values are not compared."""

GRADIENTS_LEFT_OUT: dict[str, str] = {
    "as_strided_scatter": "PyTorch's gradient of the input is 0 where it was kept",
}
"""Entries of op_db of which only the values are compared."""

WIDER: dict[str, tuple[tuple[float, float], str]] = {
    "nn.functional.conv_transpose2d": (
        (1.3e-6, 4e-5),
        "the gradient of a bias is a float32 sum of 968 terms, whose order is XLA's: it is off by 3e-5",
    ),
}
"""Entries of op_db judged in float32 by a wider tolerance than PyTorch's: (relative, absolute), why."""

MODULES: dict[str, str] = {}
"""Entries of module_db."""

OPTIMIZERS: dict[str, str] = {}
"""Entries of optim_db."""

TRANSFORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "nn.functional.one_hot": (
        ("jit", "vmap", "cuda"),
        "without num_classes the shape of the result depends on values",
    ),
    "nn.functional.linear_cross_entropy (chunked)": (
        ("second",),
        "PyTorch computes the gradients with the value, and they have no derivatives; fnnet's have",
    ),
    "nn.functional.linear_cross_entropy (chunked_none)": (
        ("second",),
        "PyTorch computes the gradients with the value, and they have no derivatives; fnnet's have",
    ),
    "linalg.norm (subgradients_at_zero)": (
        ("second",),
        "where the norm is 0 PyTorch's second derivative is NaN, fnnet's 0",
    ),
}
"""Entries of op_db that some transformations leave out: (which, why)."""

LAYER_TRANSFORMS: dict[str, tuple[tuple[str, ...], str]] = {}
"""The same of module_db."""
