"""What of op_db is not put to fnnet.torch, and what fnnet.torch does otherwise, with the reason."""

from __future__ import annotations

from judge.left_out import because

ADAPTER: dict[str, str] = {
    **because(
        "compiles CUDA source at run time",
        "jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args "
        "jiterator_binary jiterator_binary_return_by_ref jiterator_unary",
    ),
    **because(
        "takes or gives sparse tensors, which test_printed.py holds against PyTorch", "sparse.* to_sparse"
    ),
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
        "strides",
        _ORDER,
        "linalg.lu_solve linalg.solve linalg.solve_ex linalg.tensorinv nn.functional.avg_pool1d "
        "nn.functional.local_response_norm nn.functional.adaptive_max_pool1d nn.functional.interpolate "
        "nn.functional.conv1d nn.functional.conv_transpose1d nn.functional.grid_sample resize_as_",
    ),
    **_of("strides,offset", _ORDER, "unravel_index diagonal_scatter as_strided_scatter"),
    **_of("spread", "PyTorch keeps the gaps in memory of what it copies", "select_scatter slice_scatter"),
    **_of(
        "grad_fn",
        _COARSE,
        "unsafe_chunk unsafe_split stft istft sum_to_size svd pinverse __rdiv__ __rsub__ diff fill diagflat "
        "nn.functional.interpolate nn.functional.linear_cross_entropy nn.functional.poisson_nll_loss "
        "nn.functional.multi_head_attention_forward linalg.vecdot linalg.cond linalg.tensorinv "
        "linalg.matrix_power linalg.multi_dot linalg.pinv special.ndtr "
        "fft.fft fft.ifft fft.ihfft fft.ihfft2 fft.ihfftn",
    ),
    **_of(
        "values",
        "its values are of no meaning",
        "empty empty_like empty_strided empty_permuted new_empty new_empty_strided",
    ),
    **_of(
        "version",
        "PyTorch writes another number of times into what it is given",
        "diff empty resize_ resize_as_ kron nanmean split_with_sizes_copy unbind_copy",
    ),
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
        "dimensions or elements are lacking, where nothing fits: another error, or one more",
        "cholesky addmv mv istft ormqr index_fill index_add index_reduce index_put put gradient unflatten "
        "repeat_interleave unbind unbind_copy linalg.tensorinv "
        "bincount histogramdd cumulative_trapezoid linalg.vecdot "
        "fft.* nn.functional.channel_shuffle nn.functional.instance_norm nn.functional.batch_norm "
        "nn.functional.rms_norm nn.functional.multi_margin_loss nn.functional.multilabel_margin_loss "
        "nn.functional.multilabel_soft_margin_loss nn.functional.linear_cross_entropy "
        "nn.functional.avg_pool2d nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d "
        "nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d "
        "nn.functional.scaled_dot_product_attention nn.functional.embedding nn.functional.embedding_bag "
        "nn.functional.multi_head_attention_forward nn.functional.grid_sample "
        "nn.functional.pairwise_distance",
    ),
    **_of(
        "edge",
        "PyTorch looks for NaN before it computes, fnnet gives NaN",
        "histogram norm pinverse linalg.cond linalg.lstsq linalg.eigvals linalg.eigh linalg.eigvalsh "
        "linalg.matrix_rank linalg.pinv",
    ),
    **_of(
        "edge nan",
        "NaN and infinity reach other elements: of factorizations, of padding, of sums in another order",
        "cdist geqrf qr linalg.qr linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.cholesky_ex "
        "linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve nn.functional.bilinear "
        "nn.functional.conv1d nn.functional.conv_transpose1d "
        "special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u "
        "special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w",
    ),
    **_of(
        "expanded",
        "a singular matrix gives infinities, or the error when the result is read",
        "linalg.tensorsolve linalg.tensorinv linalg.lu_factor",
    ),
    **_of(
        "turned,expanded,edge empty input", "PyTorch cannot flatten what is not row-major", "take_along_dim"
    ),
    **_of(
        "uint8,int8,int16,int32,int64", "which of equal elements is named is not determined", "topk kthvalue"
    ),
    **_of(
        "edge nan", "NaN, and 0 beside -0, are sorted by an order of the program's own", "mode sort argsort"
    ),
    **_of("edge nan", "the sequence is not sorted", "bucketize searchsorted"),
    **_of(
        "edge nan",
        "an order that is no finite number",
        "special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v "
        "special.chebyshev_polynomial_w",
    ),
    **_of("edge nan", "an infinite power", "special.zeta"),
    **_of("edge", "PyTorch does not say what it adds", "resize_ resize_as_"),
    **_of("float16,bfloat16", "PyTorch gives NaN", "matrix_exp"),
    **_of("bfloat16", "PyTorch's own result is far from its float64 one", "histc"),
    **_of("bfloat16", "PyTorch rounds after each matrix of the batch", "addbmm"),
    **_of("float16", "PyTorch's own result is far from its float64 one", "nn.functional.conv_transpose3d"),
    **_of("complex64", "another branch of the logarithm, by 2 pi i", "logaddexp"),
    **_of("complex64", "fnnet takes the complex mean", "nn.functional.l1_loss"),
    **_of("uint8,int8,int16,int32,int64", "integers are not taken", "nn.functional.poisson_nll_loss"),
    **_of("bool", "truths are not taken", "nn.functional.cosine_embedding_loss"),
    **_of("turned", "PyTorch draws in the order of the weights in memory", "multinomial"),
    **_of("out turned", "PyTorch draws in the order of the tensor in memory", "normal bernoulli"),
    **_of(
        "expanded", "PyTorch scales rows of a weight that lie on each other", "nn.functional.embedding_bag"
    ),
    **_of(
        "out turned", "PyTorch writes as if the tensor lay row by row", "narrow_copy nn.functional.avg_pool3d"
    ),
    **_of("gradient", "PyTorch's gradient of the input is that of the part", "as_strided_scatter"),
    **_of("inplace,edge", "of an input without a batch PyTorch gives a view", "nn.functional.dropout3d"),
    **_of("second gradient", "PyTorch's gradients have none", "nn.functional.linear_cross_entropy"),
    **_of("gradient,second gradient", "PyTorch refuses what depends on the phase", "linalg.eig"),
    **_of("gradient,second gradient", "the gradient depends on the phase", "linalg.eigh"),
    "linalg.pinv (hermitian): second gradient": "PyTorch's is that of a matrix that is not Hermitian",
    "linalg.norm (subgradients_at_zero): second gradient": "where the norm is 0 PyTorch's is NaN, fnnet's 0",
    **_of("second gradient", "where the function is not defined PyTorch's is finite", "special.entr"),
    **_of(
        "out leaf",
        "the tensor given is a leaf, at which PyTorch does not look",
        "histc split_with_sizes_copy",
    ),
    **_of("out float32", "PyTorch converts", "linalg.lstsq linalg.householder_product"),
    **_of("out", "PyTorch refuses a tuple", "nonzero"),
    **_of("out empty,out wrong shape", "PyTorch broadcasts into the tensor, or not", "normal"),
    **_of("out int32", "PyTorch converts", "bernoulli"),
    **_of("gradient", "draws have no gradient, where PyTorch's is 0", "normal bernoulli"),
    **_of("promotion", "a truth as exponent", "pow"),
    **_of("promotion", "a reflected operator called by hand on a tensor", "__rdiv__"),
    **_of(
        "vmap", "draws need randomness='different' in both, by another error", "cauchy geometric log_normal"
    ),
    **_of("float16,promotion", "JAX has no complex numbers of 32 bits", "complex"),
    **_of("float16", "JAX has no complex numbers of 32 bits", "view_as_complex"),
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
