"""fnnet.tensorflow against what TensorFlow 2.21 (compat.v1) gave: reference/record_tensorflow.py."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_scenarios
from tensorflow_scenarios import SCENARIOS, X

import fnnet.tensorflow as tf
from fnnet.parity import files
from fnnet.torch.doctor import examine

REFERENCE = Path(__file__).parent / "reference"
ARRAYS = np.load(REFERENCE / "tensorflow.npz")
TEXTS = json.loads((REFERENCE / "tensorflow.json").read_text(encoding="utf-8"))

FIRST_WORDS = {  # TensorFlow says more: what does not hold here, or where in its own files
    "errors/bool": "is not allowed.",
    "errors/iterate": "is not allowed.",
    "errors/len": "Please call `x.shape`",
    "errors/array": "to a numpy array.",
    "errors/feed_tensor": "cannot be a tf.Tensor object.",
    "errors/feed_text": "could not convert string to float: ",
    "out_of_range/ce": "which is outside the valid range of [0, 3).",
    "out_of_range/item": "slice index 3 of dimension 0 out of bounds.",
    "out_of_range/scan": "indices = 3 is not in [0, 2)",
}


NODE = re.compile(r"(= \w+)\[[^\]]*\](?=\()")  # an operation's attributes, as TensorFlow writes them


@pytest.fixture(autouse=True)
def empty_graph():
    with tf.Graph().as_default():
        yield


WHOLE_RUNS = ("recurrent_network", "picture_network")


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(each, id=each.__name__, marks=[pytest.mark.slow] if each.__name__ in WHOLE_RUNS else [])
        for each in SCENARIOS
    ],
)
def test_equals_tensorflow(scenario):
    found = scenario(tf)
    recorded = {
        key.split("/", 1)[1] for key in [*ARRAYS.files, *TEXTS] if key.startswith(scenario.__name__ + "/")
    }
    assert set(found) == recorded
    for name, value in found.items():
        key = f"{scenario.__name__}/{name}"
        if isinstance(value, str):
            until = FIRST_WORDS.get(key)
            cut = (lambda text, until=until: text[: text.index(until) + len(until)]) if until else str
            assert cut(value) == cut(NODE.sub(r"\1", TEXTS[key])), key
            continue
        expected = ARRAYS[key]
        assert (value.shape, value.dtype) == (expected.shape, expected.dtype), key
        exact = scenario.__name__ in ("seeds", "operation_seed") and "doubles" not in name
        if exact or value.dtype.kind != "f":
            np.testing.assert_array_equal(value, expected, err_msg=key)
        else:
            rtol, atol = (1.3e-6, 1e-5) if value.dtype == np.float32 else (1e-7, 1e-7)
            np.testing.assert_allclose(value, expected, rtol, atol, err_msg=key)


def test_plain_program_gives_what_the_ordered_one_does():
    plain = tensorflow_scenarios.two_layer(tf, ordered=False)
    np.testing.assert_allclose(plain["losses"], ARRAYS["two_layer/losses"], 1.3e-6, 1e-5)


def test_a_graph_is_compiled_once_for_fetches_and_shapes():
    x = tf.placeholder(tf.float32, (None, 3))
    y, z = x * 2.0, tf.reduce_sum(x)
    with tf.Session() as session:
        for rows in (2, 2, 4, 2, 4):
            session.run(y, {x: np.ones((rows, 3))})
        assert session.compilations == 2
        session.run([y, z], {x: X})
        session.run([y, z], {x: X + 1})
        assert session.compilations == 3
    with tf.Session() as session:  # another session of the graph finds the programs
        session.run(y, {x: X})
        assert session.compilations == 0


def test_a_fed_size_is_part_of_the_program():
    rows = tf.placeholder(tf.int32, ())
    grid = tf.zeros([rows, 2]) + tf.to_float(rows)
    with tf.Session() as session:
        assert session.run(grid, {rows: 3}).shape == (3, 2)
        np.testing.assert_array_equal(session.run(grid, {rows: 1}), [[1.0, 1.0]])


def test_fetched_arrays_are_ones_own():
    w = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        session.run(w.initializer)
        held = session.run(w)
        held += 10.0
        np.testing.assert_array_equal(session.run(w), [1.0, 2.0])
        assert isinstance(session.run(tf.reduce_sum(w)), np.float32)


def test_without_a_seed_numbers_differ():
    drawn = tf.random_normal((4,))
    first, second = (tf.Session().run(drawn) for _ in range(2))
    assert not np.array_equal(first, second)


def test_random_numbers_within_a_loop_go_on():
    tf.set_random_seed(0)
    noise = tf.scan(lambda a, e: e + tf.random_normal(()), tf.zeros(5), tf.constant(0.0))
    with tf.Session() as session:
        first, second = session.run(noise), session.run(noise)
    assert len({*first.tolist(), *second.tolist()}) == 10


def test_dropout_within_a_scan_has_the_gradient_of_its_own_mask():
    tf.set_random_seed(0)
    x = tf.placeholder(tf.float32, (6, 3))
    kept = tf.scan(lambda a, e: a + tf.nn.dropout(e, rate=0.5), x, initializer=tf.zeros(3))[-1]
    grad = tf.gradients(kept, x)[0]
    with tf.Session() as session:
        for _ in range(2):
            total, slope = session.run([kept, grad], {x: np.ones((6, 3))})
            np.testing.assert_array_equal(slope.sum(0), total)
            assert set(np.unique(slope)) == {0.0, 2.0}


def test_gradients_within_a_loop_flow_through_what_was_made_outside():
    a = tf.placeholder(tf.float32, (2,))
    b = a * a  # d(b * v) / da = 2 a v
    slopes = tf.while_loop(
        lambda i, v: i < 3, lambda i, v: (i + 1, tf.gradients(b * v, a)[0]), [0, tf.ones(2)]
    )[1]
    np.testing.assert_allclose(tf.Session().run(slopes, {a: [1.0, 0.5]}), [8.0, 1.0], rtol=1e-6)


def test_a_second_gradient_through_a_while_loop_is_refused():
    rate = tf.placeholder(tf.float32, ())
    end = tf.while_loop(lambda i, v: i < 9, lambda i, v: (i + 1, v * rate), [0, tf.constant(1.0)])[1]
    slope = tf.gradients(end, rate)[0]
    np.testing.assert_allclose(tf.Session().run(slope, {rate: 2.0}), 9 * 2.0**8)
    with pytest.raises(TypeError, match="Second-order gradient for while loops not supported"):
        tf.gradients(slope, rate)


@pytest.mark.slow
def test_a_loop_with_checks_and_variables_has_a_gradient():
    tf.set_random_seed(1)
    table, w = tf.Variable([1.0, 2.0, 3.0]), tf.Variable(2.0)
    n, ids = tf.placeholder(tf.int32, ()), tf.placeholder(tf.int32, (None,))
    kept = lambda i, v: (i + 1, v + tf.gather(table, ids[i]) * w * tf.nn.dropout(tf.ones(()), rate=0.5))  # noqa: E731
    total = tf.while_loop(lambda i, v: i < n, kept, [0, tf.constant(0.0)])[1]
    slopes = tf.gradients(total, [table, w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, by_table, by_w = session.run([total, *slopes], {n: 400, ids: [0, 1, 2, 1] * 100})
        np.testing.assert_allclose([found, by_table @ [1.0, 2.0, 3.0]], [by_w * 2.0, found], rtol=1e-5)
        assert set((by_table % 4.0).tolist()) == {0.0}, "each kept number counts twice w"
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"= 3 is not in \[0, 3\)"):
            session.run(slopes, {n: 3, ids: [0, 1, 3]})


def test_a_session_can_be_the_default_without_a_block():
    session = tf.InteractiveSession()
    assert tf.constant(2.0).eval() == 2.0
    session.close()
    session.close()
    with pytest.raises(ValueError, match="No default session"):
        tf.constant(2.0).eval()


def test_branches_and_turns_that_do_not_fit_are_told_when_the_graph_is_built():
    x, p = tf.placeholder(tf.float32, (None,)), tf.placeholder(tf.bool, ())
    tries = [
        lambda: tf.cond(p, lambda: (x, x), lambda: {"a": x, "b": x}),
        lambda: tf.while_loop(lambda i, v: i < 3, lambda i, v: i + 1, [0, x]),
        lambda: tf.scan(lambda a, e: (a, e), x),
        lambda: tf.cond(p, lambda: x, lambda: tf.cast(x, tf.int32)),
        lambda: tf.while_loop(lambda v: v < 3.0, lambda v: tf.cast(v, tf.int32), [tf.constant(0.0)]),
        lambda: tf.while_loop(lambda v: v[0] < 3.0, lambda v: tf.concat([v, v], 0), [x]),
        lambda: tf.scan(lambda a, e: a > e, x, tf.constant(0.0)),
    ]
    for build in tries:
        with pytest.raises(
            ValueError, match=r"must have|the same nested structure|enters the loop with shape"
        ):
            build()
    for build in (
        lambda: tf.cond(p, lambda: tf.zeros(2), lambda: tf.zeros(3)),
        lambda: tf.while_loop(
            lambda v: v[0] < 3.0, lambda v: tf.concat([v, v], 0), [tf.ones(2)], [tf.TensorShape([None])]
        ),
    ):
        with pytest.raises(NotImplementedError, match=r"shapes? .* is not mirrored"):
            build()


def test_a_gradient_that_would_miss_a_part_is_refused():
    w, x = tf.Variable(2.0), tf.placeholder(tf.float32, (3,))
    inner = tf.scan(lambda a, e: a + e * w.read_value(), x, tf.constant(0.0))
    with pytest.raises(NotImplementedError, match="read anew within a loop"):
        tf.gradients(inner, w)
    noisy = tf.scan(lambda a, e: a + e * tf.random_uniform(()), x, tf.constant(0.0))
    with pytest.raises(NotImplementedError, match="inside a loop, through"):
        tf.while_loop(lambda v: v < 1.0, lambda v: tf.gradients(noisy, x)[0][0] + v, [tf.constant(0.0)])


def test_a_default_session():
    w = tf.Variable(3.0)
    with tf.Session() as session:
        w.initializer.run()
        assert (w * 2.0).eval() == w.eval() * 2.0 == 6.0
        with tf.Session() as inner:
            w.initializer.run()
            assert w.eval(session=session) == 3.0
            assert inner.run(w) == 3.0
        assert w.eval() == 3.0


def test_sizes_that_a_graph_does_not_know():
    x, loose = tf.placeholder(tf.float32, (None, 6)), tf.placeholder(tf.float32)
    n = tf.placeholder(tf.int32, ())
    shapes = {
        tf.reshape(x, [n, 2, 3]): "(?, 2, 3)",
        tf.reshape(x, [n, -1]): "(?, ?)",  # 6 only if n is the number of rows
        tf.reshape(x, [tf.shape(x)[0], -1]): "(?, 6)",
        tf.zeros([n, 4]): "(?, 4)",
        x + tf.ones((5, 6)): "(5, 6)",
        tf.concat(
            [tf.placeholder(tf.float32, (None, None)), tf.ones((5, 6))], 1
        ): "(?, ?)",  # TensorFlow: (5, ?)
        x * loose: "<unknown>",
        tf.equal(loose, 1.0): "<unknown>",
        tf.reshape(tf.placeholder(tf.float32, (None, None)), [n, 7]): "<unknown>",  # TensorFlow: (?, 7)
    }
    for tensor, shape in shapes.items():
        assert str(tensor.shape) == shape, tensor
    assert x.shape[1].value == 6
    assert x.get_shape().as_list() == [None, 6]
    assert (x * loose).dtype == tf.float32
    with tf.Session() as session:
        wide = session.run(tf.reshape(x, [n, -1]), {x: np.ones((4, 6)), n: 2})
    assert wide.shape == (2, 12)


def test_variables_that_begin_equal_are_two():
    begin = tf.constant([1.0, 2.0])
    a, b = tf.Variable(begin), tf.Variable(begin)
    changed = a.assign_add([1.0, 1.0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([changed, b])
        np.testing.assert_array_equal(session.run([a, b]), [[2.0, 3.0], [1.0, 2.0]])


def test_a_name_that_is_missing_says_where():
    with pytest.raises(AttributeError, match=r"module 'fnnet\.tensorflow' has no attribute 'TensorArray'"):
        tf.TensorArray


def test_a_fault_in_a_loop_and_a_nested_row_is_told():
    table, ids = tf.constant([1.0, 2.0]), tf.placeholder(tf.int32, (None, 2))
    found = tf.scan(lambda a, row: tf.nn.embedding_lookup(table, row), ids, tf.zeros(2))
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(found, {ids: [[0, 1], [1, 1]]}), [[1.0, 2.0], [2.0, 2.0]])
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = -1 is not in \[0, 2\)"):
            session.run(found, {ids: [[0, 1], [0, -1]]})
        unused = tf.cond(ids[0, 0] > 5, lambda: tf.gather(table, ids[0]), lambda: table)
        session.run(unused, {ids: [[2, 2]]})  # the branch that is not taken does not look


def test_a_variable_is_not_fed_and_keeps_its_shape():
    w, rows = tf.Variable([1.0, 2.0]), tf.placeholder(tf.float32, (None,))
    grown = [w.assign(rows), w.assign_add(rows)]
    with tf.Session() as session:
        session.run(w.initializer)
        with pytest.raises(NotImplementedError, match="feeding a variable is not mirrored"):
            session.run(w, {w: [1.0, 2.0]})
        for each in grown:
            with pytest.raises(tf.errors.InvalidArgumentError, match="shapes must be equal"):
                session.run(each, {rows: [1.0]})
        np.testing.assert_array_equal(session.run(w), [1.0, 2.0])
    assert tf.trainable_variables() == tf.global_variables() == [w]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda x, y: tf.add(x[0], y[0], name="c"),
            r"for '{{node c}} = AddV2(strided_slice, strided_slice_1)'",
        ),
        (
            lambda x, y: tf.matmul(x, y, name="m"),
            "for '{{node m}} = MatMul(x, y)' with input shapes: [?,3], [4,2].",
        ),
        (lambda x, y: tf.matmul(y[0], y), "Shape must be rank 2 but is rank 1"),
        (lambda x, y: tf.reduce_sum(x, 5, name="r"), "for '{{node r}} = Sum(x)' with input shapes: [?,3]."),
        (lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=x, logits=x), "must equal"),
        (lambda x, y: tf.Variable(tf.ones(3)).assign(tf.ones(2)), "the shapes must be equal"),
    ],
)
def test_shapes_that_do_not_fit_are_told_when_the_graph_is_built(build, words):
    x, y = tf.placeholder(tf.float32, (None, 3), name="x"), tf.placeholder(tf.float32, (4, 2), name="y")
    with pytest.raises(ValueError, match=re.escape(words)):
        build(x, y)


def test_shapes_that_only_a_run_knows_are_told_by_it():
    x, loose = tf.placeholder(tf.float32, (None, 3)), tf.placeholder(tf.float32, (None, None))
    tries = [
        tf.subtract(x, loose, name="s"),
        tf.matmul(x, loose, name="mm"),
        tf.reshape(loose, [4], name="rs"),
    ]
    for tensor in tries:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"node {tensor.op.name}}}"):
            tf.Session().run(tensor, {x: np.zeros((5, 3)), loose: np.zeros((2, 3))})


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda: tf.add(1.0, 2.0, colour="red"), "unexpected keyword argument 'colour'"),
        (lambda: tf.nn.softmax_cross_entropy_with_logits(tf.ones(2), tf.ones(2)), "too many positional"),
        (lambda: tf.random_normal((2,), dtype=tf.float16), "a random number of float16 is not mirrored"),
        (lambda: tf.nn.max_pool(tf.ones((1, 2, 2, 1)), 2, 2, "SAME", data_format="NCHW"), "is not mirrored"),
        (lambda: tf.negative(None), "None values not supported."),
        (lambda: tf.zeros(3)["a"], "only integers, slices .* are valid indices"),
        (lambda: tf.zeros(3)[5], "out of bounds"),
        (lambda: tf.unstack(tf.placeholder(tf.float32, (None, 3))), "Cannot infer argument `num`"),
        (lambda: tf.where([True]), "missing a required argument: 'x'"),
        (lambda: tf.constant("text"), "a tensor of 'text' is not mirrored"),
        (
            lambda: tf.Session().run(tf.zeros([tf.cast(tf.reduce_sum(tf.ones(3)), tf.int32)])),
            "depends on data",
        ),
    ],
)
def test_what_is_not_there_is_refused_by_name(what, words):
    with pytest.raises((TypeError, ValueError, NotImplementedError), match=words):
        what()


def test_what_the_documentation_lists_is_there():
    text = (Path(__file__).parent.parent / "docs" / "tensorflow.md").read_text(encoding="utf-8")
    table = text[text.index("## What there is") : text.index("## Random numbers")]
    names = [name for name in re.findall(r"`(\w[\w.]*)`", table) if not name.endswith("_") and name != "tf"]
    assert len(names) > 100
    for name in names:
        found = [space for space in (tf, tf.nn, tf.train) if hasattr(space, name.rpartition(".")[2])]
        assert found or name in ("tf.math", "tf.nn", "tf.random", "tf.train", "Dimension"), name


@pytest.mark.slow
def test_the_example_runs_as_it_stands():
    script = str(files.examples() / "tensorflow_api" / "two_layer.py")
    command = [sys.executable, "-m", "fnnet", "run", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    printed = np.array([line.split() for line in done.stdout.splitlines()], np.float64)

    tf.set_random_seed(0)
    with tf.Session() as session:
        w1, w2 = session.run([tf.random_normal((1000, 100)), tf.random_normal((100, 10))])
    random = np.random.RandomState(0)
    x, y = random.randn(64, 1000), random.randn(64, 10)
    losses = []
    for _ in range(101):  # by hand, in float64
        h = x @ w1
        error = np.maximum(h, 0) @ w2 - y
        losses.append((error**2).sum())
        grad_h = 2 * error @ w2.T * (h > 0)
        w1, w2 = w1 - 1e-6 * x.T @ grad_h, w2 - 1e-6 * np.maximum(h, 0).T @ (2 * error)
    assert printed[:, 0].tolist() == list(range(0, 500, 50))
    np.testing.assert_allclose(printed[:3, 1], [losses[0], losses[50], losses[100]], rtol=1e-4)


def test_doctor_knows_the_names():
    uses = {
        use.name: use.present
        for use in examine("import tensorflow as tf\ntf.matmul\ntf.train.SessionRunHook\ntf.nn.relu")
    }
    assert uses["tensorflow.matmul"]
    assert uses["tensorflow.nn.relu"]
    assert not uses["tensorflow.train.SessionRunHook"]
