"""Wrong arguments of torch.nn.functional's functions: PyTorch's exception and the words one searches for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import functional as F

X = jnp.ones((2, 3, 8, 8))

WRONG = [
    (lambda: F.linear(jnp.ones((64, 1000)), jnp.ones((10, 100))), RuntimeError, r"\(64x1000 and 100x10\)"),
    (lambda: F.linear(jnp.ones((2, 3)), jnp.ones((4, 3), jnp.bfloat16)), RuntimeError, "same dtype"),
    (lambda: F.conv2d(X, jnp.ones((4, 2, 3, 3))), RuntimeError, "to have 2 channels, but got 3 channels"),
    (lambda: F.conv2d(X[0, 0], jnp.ones((4, 3, 3, 3))), RuntimeError, r"Expected 3D \(unbatched\) or 4D"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 9, 9))), RuntimeError, "Kernel size can't be greater"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 3, 3)), stride=2, padding="same"), RuntimeError, "strided"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 3, 3)), stride=0), RuntimeError, "non-positive stride"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 3, 3)), jnp.ones(3)), RuntimeError, "expected bias"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 3, 3)), padding=(1, 2, 3)), RuntimeError, "padding must be"),
    (lambda: F.conv2d(X, jnp.ones((4, 3, 3, 3)), stride=1.5), TypeError, "stride"),
    (lambda: F.conv_transpose2d(X, jnp.ones((3, 4, 3, 3)), output_padding=1), RuntimeError, "output padding"),
    (lambda: F.max_pool2d(X, 2, padding=2), RuntimeError, "at most half"),
    (lambda: F.max_pool2d(X, 9), RuntimeError, "Output size is too small"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
    (lambda: F.softmax(X, 4), IndexError, r"expected to be in range of \[-4, 3\], but got 4"),
    (lambda: F.glu(jnp.ones((2, 3))), RuntimeError, "Halving dimension must be even"),
    (lambda: F.gelu(X, approximate="fast"), RuntimeError, "approximate"),
    (lambda: F.dropout(X, 1.5, key=jax.random.key(0)), ValueError, "between 0 and 1, but got 1.5"),
    (lambda: F.dropout(X, 0.5), ValueError, "key"),
    (lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1, 7])), IndexError, "Target 7 is out of bounds"),
    (lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([-1, 0])), IndexError, "Target -1 is out of bounds"),
    (lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1, 2, 3])), ValueError, "batch_size"),
    (lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1.0, 2.0])), RuntimeError, "scalar type Long"),
    (lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1, 2]), reduction="max"), ValueError, "max is not"),
    (
        lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1, 2]), jnp.ones(4)),
        RuntimeError,
        "weight tensor",
    ),
    (
        lambda: F.cross_entropy(jnp.ones((2, 5)), jnp.array([1, 2]), label_smoothing=2),
        RuntimeError,
        "smoothing",
    ),
    (lambda: F.binary_cross_entropy(jnp.array([1.5]), jnp.array([1.0])), RuntimeError, "between 0 and 1"),
    (lambda: F.binary_cross_entropy(jnp.ones(2), jnp.ones(3)), ValueError, "target size"),
    (lambda: F.embedding(jnp.array([5]), jnp.ones((5, 2))), IndexError, "index out of range"),
    (lambda: F.embedding(jnp.array([1.0]), jnp.ones((5, 2))), RuntimeError, "indices"),
    (lambda: F.one_hot(jnp.array([3]), 3), RuntimeError, "smaller than num_classes"),
    (lambda: F.batch_norm(jnp.ones((1, 3)), None, None, training=True), ValueError, "more than 1 value per"),
    (lambda: F.batch_norm(jnp.ones((2, 3)), jnp.ones(2), jnp.ones(3)), RuntimeError, "running_mean should"),
    (lambda: F.layer_norm(jnp.ones((2, 3)), (4,)), RuntimeError, r"Given normalized_shape=\[4\]"),
    (lambda: F.group_norm(jnp.ones((2, 3, 4)), 2), RuntimeError, "divisible by num_groups"),
    (lambda: F.pad(X, (1, 2, 3)), RuntimeError, "divisible by 2"),
    (lambda: F.pad(X, (8, 0), "reflect"), NotImplementedError, "non-constant"),
    (lambda: F.pad(X, (8, 0, 0, 0), "reflect"), RuntimeError, "less than the corresponding"),
    (lambda: F.interpolate(X), ValueError, "either size or scale_factor"),
    (lambda: F.interpolate(X, 2, mode="linear"), NotImplementedError, "4D"),
    (lambda: F.pixel_shuffle(X, 2), RuntimeError, "divisible by the square"),
    (lambda: F.fold(jnp.ones((1, 12, 11)), (4, 5), (2, 2)), RuntimeError, "sliding blocks 12"),
    (
        lambda: F.max_unpool1d(jnp.ones((1, 1, 2)), jnp.array([[[0, 9]]]), 2),
        RuntimeError,
        "invalid max index",
    ),
    (lambda: F.ctc_loss(jnp.ones((3, 1, 2)), jnp.ones((1, 2), int), [4], [2]), RuntimeError, "input_lengths"),
    (lambda: fnnet.Conv2d(3, 4, 3, groups=2), ValueError, "divisible by groups"),
    (lambda: fnnet.Dropout(-0.1), ValueError, "between 0 and 1"),
    (lambda: fnnet.BatchNorm2d(3)({}, jnp.ones((2, 3))), ValueError, "expected 4D input"),
    (lambda: fnnet.BatchNorm1d(3, affine=False)({}, jnp.ones((2, 3))), ValueError, "needs its buffer"),
    (lambda: fnnet.Dropout()({}, X, training=True), ValueError, "give the call key"),
    (lambda: fnnet.ModuleList([3]), TypeError, "expected a Layer, got int"),
    (lambda: fnnet.Sequential()[0], IndexError, "out of range"),
]


@pytest.mark.parametrize(("call", "kind", "words"), WRONG)
def test_raises(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_class_out_of_bounds_inside_jit_is_nan_and_never_a_number():
    loss = jax.jit(F.cross_entropy)(jnp.ones((2, 5)), jnp.array([1, 7]))
    assert np.isnan(loss)
    assert np.isnan(jax.jit(F.embedding)(jnp.array([5]), jnp.ones((5, 2)))).all()


def test_old_reduction_arguments_warn_and_count():
    x, y = jnp.array([1.0, 2.0]), jnp.array([0.0, 0.0])
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.mse_loss(x, y, size_average=False) == 5
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert fnnet.MSELoss(reduce=False)({}, x, y).shape == (2,)
    with pytest.warns(UserWarning, match="different to the input size"):
        F.mse_loss(x, y[:1])


def test_max_pool_gives_ties_to_the_first_and_nan_to_all():
    x = jnp.array([[[1.0, 1.0, jnp.nan, 2.0]]])
    values, indices = F.max_pool1d(x, 2, return_indices=True)
    np.testing.assert_array_equal(values, [[[1, np.nan]]])
    np.testing.assert_array_equal(indices, [[[0, 2]]])
    gradient = jax.grad(lambda x: F.max_pool1d(x, 2).sum())(x)
    np.testing.assert_array_equal(gradient, [[[1, 0, 1, 0]]])


def test_running_statistics_go_in_and_come_out():
    net = fnnet.Sequential(fnnet.BatchNorm1d(2), fnnet.Dropout(0.5))
    x = jnp.array([[0.0, 1.0], [2.0, 5.0]])
    before = net.init_buffers()
    _, after = net(net.init(jax.random.key(0)), x, buffers=before, key=jax.random.key(1), training=True)
    # 0.9 * 0 + 0.1 * mean, and 0.9 * 1 + 0.1 * unbiased variance
    np.testing.assert_allclose(after["0"]["running_mean"], [0.1, 0.3], rtol=1e-6)
    np.testing.assert_allclose(after["0"]["running_var"], [1.1, 1.7], rtol=1e-6)
    assert after["0"]["num_batches_tracked"] == 1
    assert before["0"]["num_batches_tracked"] == 0


def test_works_under_vmap_and_scan():
    layer = fnnet.Conv2d(3, 4, 3, padding=1)
    params = layer.init(jax.random.key(0))
    batches = jnp.stack([X, 2 * X])
    many = jax.vmap(lambda x: F.max_pool2d(layer(params, x), 2))(batches)
    _, scanned = jax.lax.scan(lambda carry, x: (carry, F.max_pool2d(layer(params, x), 2)), 0, batches)
    np.testing.assert_allclose(many, scanned, rtol=1e-5, atol=1e-5)


def test_max_unpool_inverts_in_1d_and_3d():
    families = ((F.max_pool1d, F.max_unpool1d, (1, 2, 6)), (F.max_pool3d, F.max_unpool3d, (1, 2, 4, 4, 4)))
    for pool, unpool, shape in families:
        x = jax.random.normal(jax.random.key(0), shape)
        values, indices = pool(x, 2, return_indices=True)
        filled = unpool(values, indices, 2)
        np.testing.assert_array_equal(filled, jnp.where(filled != 0, x, 0))
        assert (filled != 0).sum() == values.size
