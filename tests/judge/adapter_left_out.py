"""What of op_db is not put to fnnet.torch, and what fnnet.torch does otherwise, with the reason."""

from __future__ import annotations

from judge.left_out import because

ADAPTER: dict[str, str] = {
    **because(
        "compiles CUDA source at run time",
        "jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args "
        "jiterator_binary jiterator_binary_return_by_ref jiterator_unary",
    ),
    **because("sparse tensors are not had", "sparse.* to_sparse"),
    **because("torch.masked is a prototype that fnnet does not mirror", "masked.*"),
    **because(
        "an internal of PyTorch, of another operation that is judged",
        "_batch_norm_with_update _chunk_cat _native_batch_norm_legit _segment_reduce _softmax_backward_data "
        "_unsafe_masked_index _unsafe_masked_index_put_accumulate _upsample_bilinear2d_aa "
        "max_pool2d_with_indices_backward native_dropout_backward slice native_batch_norm native_group_norm "
        "native_layer_norm grid_sampler_2d grid_sampler_3d hash_tensor "
        "torch._scaled_mm torch._scaled_mm_v2 torch.ops.aten._efficient_attention_forward "
        "torch.ops.aten._flash_attention_forward torch.ops.aten._safe_softmax.default",
    ),
    **because("not had", "svd_lowrank pca_lowrank"),
    "chalf": "JAX has no complex numbers of 32 bits",
}
"""Entries of op_db that are not put to fnnet.torch."""


def _of(property: str, reason: str, names: str) -> dict[str, str]:
    return {f"{name}: {one}": reason for name in names.split() for one in property.split(",")}


_ORDER = "PyTorch's result has the memory order of an intermediate one"
_COARSE = "one node for what PyTorch composes of several"
ADAPTER_DIFFERENCES: dict[str, str] = {
    **_of("strides", "PyTorch lays the transformed dimensions last", "fft.* stft"),
    **_of(
        "strides,offset",
        _ORDER,
        "quantile nanquantile rot90 argwhere unravel_index diagonal_scatter as_strided_scatter lu_solve "
        "linalg.lu_solve linalg.solve linalg.solve_ex linalg.tensorinv linalg.lstsq "
        "nn.functional.local_response_norm nn.functional.adaptive_max_pool1d nn.functional.avg_pool1d "
        "nn.functional.interpolate",
    ),
    **_of(
        "grad_fn",
        _COARSE,
        "unsafe_chunk unsafe_split stft istft sum_to_size einsum inner svd pinverse __rdiv__ __rsub__ "
        "nn.functional.conv1d nn.functional.conv_transpose1d nn.functional.interpolate diff",
    ),
    **_of(
        "values",
        "its values are of no meaning",
        "empty empty_like empty_strided empty_permuted new_empty new_empty_strided",
    ),
    **_of("structure", "a gradient that is zero is zeros, not None", "expand_as view_as reshape_as"),
    **_of("gradient", "a gradient that is zero is zeros, not None", "quantile nanquantile"),
    **_of(
        "inplace expanded",
        "PyTorch does not look whether elements of this one lie on each other",
        "addmv baddbmm conj_physical",
    ),
    **_of(
        "inplace,inplace too narrow,out wrong shape",
        "PyTorch gives the tensor the shape of the sum, and does not say so",
        "addbmm",
    ),
    **_of(
        "edge",
        "matrices that are empty or none and do not fit: another error, or one more",
        "cholesky addmv mv istft",
    ),
    **_of("version", "PyTorch writes twice into what it is given", "diff"),
    **_of("edge", "PyTorch looks for NaN before it computes, fnnet gives NaN", "histogram norm"),
    **_of("edge", "0-d and empty tensors are views or copies otherwise", "broadcast_tensors diagonal"),
    **_of("edge", "an empty batch has another error or none", "fft.* nn.functional.channel_shuffle"),
    **_of(
        "vmap", "draws need randomness='different' in both, by another error", "cauchy geometric log_normal"
    ),
    **_of("float16,promotion", "JAX has no complex numbers of 32 bits", "complex view_as_complex"),
    **_of("strides", "indexing a transposed tensor gives a row-major one", "__getitem__"),
    **_of("error", "wrong in two ways, of which PyTorch names the other", "ormqr narrow_copy"),
    **_of("error", "JAX refuses arrays of more than 64 dimensions itself", "amax amin aminmax"),
    **_of("error", "there is no meta device", "gradient"),
    **_of(
        "error",
        "a reflected operator called by hand on a number",
        "__radd__ __rand__ __rdiv__ __rmod__ __rmul__ __ror__ __rpow__ __rsub__ __rxor__",
    ),
}
"""What fnnet.torch does otherwise, as `entry: property` or `entry: label of the probe`, with the reason."""
