"""Arguments by place and by name, and gradients of loops: scenarios of tensorflow_scenarios.py."""

import numpy as np

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], np.float32)

CALLS = {
    "add": lambda tf: tf.add(X, 1.0, "n"),
    "maximum": lambda tf: tf.maximum(X, 0.0, "n"),
    "exp": lambda tf: tf.exp(X, "n"),
    "sum": lambda tf: tf.reduce_sum(X, 1, True, "n"),
    "sum_old": lambda tf: tf.reduce_sum(X, reduction_indices=[0], keep_dims=True, name="n"),
    "argmax": lambda tf: tf.argmax(X, 1, "n", output_type=tf.int32),
    "matmul": lambda tf: tf.matmul(X, X, adjoint_b=True, name="n"),
    "zeros": lambda tf: tf.zeros([2, 3], tf.int32, "n"),
    "fill": lambda tf: tf.fill([2, 2], 7, "n"),
    "pad": lambda tf: tf.pad(X, [[1, 1], [0, 2]], "CONSTANT", "n", 5),
    "split": lambda tf: tf.split(X, [1, -1], 1, 2, "n")[1],
    "squeeze": lambda tf: tf.squeeze([[[1.0], [2.0]]], squeeze_dims=[0], name="n"),
    "transpose": lambda tf: tf.transpose(X, [1, 0], "n", conjugate=False),
    "gather": lambda tf: tf.gather(X, [1, 0], None, "n", axis=1),
    "one_hot": lambda tf: tf.one_hot([0, 2], 3, on_value=5, off_value=-1, name="n"),
    "constant": lambda tf: tf.constant([1, 2], tf.float32, [4], "n", verify_shape=False),
    "preferred": lambda tf: tf.convert_to_tensor(X, name="n", preferred_dtype=tf.float64),
    "softmax": lambda tf: tf.nn.softmax(X, -1, "n"),
    "bias": lambda tf: tf.nn.bias_add(X, [1.0, 2.0, 3.0], "NHWC", "n"),
    "normal": lambda tf: tf.random_normal([3], 1.0, 2.0, tf.float32, 3, "n"),
    "uniform": lambda tf: tf.random_uniform([3], -1, 1, tf.float32, 5, "n"),
    "xor": lambda tf: tf.logical_xor([True, False], True, "n"),
    "dilated": lambda tf: tf.nn.conv2d(
        np.ones((1, 7, 7, 1), "f4"), filters=np.ones((3, 3, 1, 1), "f4"), strides=1, padding="VALID",
        use_cudnn_on_gpu=False, dilations=[1, 2, 2, 1], name="n",
    ),
    "bordered": lambda tf: tf.nn.conv2d(
        np.ones((1, 3, 3, 1), "f4"), np.ones((3, 3, 1, 1), "f4"), 1, [[0, 0], [1, 1], [2, 0], [0, 0]],
        name="n",
    ),
}  # fmt: skip


def arguments(tf):
    tf.set_random_seed(7)
    made = {}
    for name, call in CALLS.items():
        with tf.name_scope(name):
            made[name] = call(tf)
    with tf.Session() as session:
        results = session.run(made, feed_dict=None, options=None, run_metadata=None)
    results["names"] = " ".join(tensor.name for tensor in made.values())

    w = tf.Variable([1.0, 2.0], True, caching_device=None, name="w", dtype=tf.float32)
    twice = tf.Variable(w.initialized_value() * 2.0, collections=None, validate_shape=True, name="twice")
    count = tf.Variable(0, trainable=False, name="count")
    grown = tf.assign_add(w, [1.0, 1.0], use_locking=True, name="grown")
    loss = tf.reduce_sum(w * w * twice)
    sgd = tf.train.MomentumOptimizer(learning_rate=0.1, momentum=0.9, use_locking=True, name="G")
    step = sgd.minimize(
        loss, global_step=count, var_list=[w], gate_gradients=sgd.GATE_OP, aggregation_method=None,
        colocate_gradients_with_ops=True, name="step", grad_loss=tf.constant(0.5),
    )  # fmt: skip
    a = tf.constant(2.0)
    b = 2.0 * a
    apart = tf.gradients(a + b, [a, b], None, "apart", False, False, None, stop_gradients=[a, b])
    none = tf.gradients(a, tf.constant([1.0]), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    session = tf.Session()
    with session.as_default():
        tf.global_variables_initializer().run()
        results["grown"] = grown.eval()
        step.run()
        step.run()
        w_now, slot = w.eval(session), sgd.get_slot(w, "momentum")
        results |= {"w": w_now, "twice": twice.eval(), "count": count.eval(), "slot": slot.eval()}
        results["apart"], results["none"] = np.array(session.run(apart)), session.run(none)[0]
        w.load([5.0, 6.0], session)
        results["loaded"] = session.run(w)
    results["said"] = f"{step.name} {slot.name} {sgd.get_name()} {sgd.get_slot_names()} {grown.name}"
    return results


def loop_gradients(tf):
    """Through loops of a number of turns that is fixed, fed, or found on the way; nested; in an optimizer."""
    x, n = tf.placeholder(tf.float32, (2,)), tf.placeholder(tf.int32, ())
    w = tf.Variable([[0.5, 0.1], [-0.2, 0.3]])

    def turn(i, h):
        return i + 1, tf.tanh(tf.reshape(tf.matmul(tf.reshape(h, [1, 2]), w), [2]) + x)

    many = tf.while_loop(lambda i, h: i < n, turn, [0, x], parallel_iterations=1, swap_memory=True)[1]
    found = tf.while_loop(lambda v: tf.reduce_sum(v) < 50.0, lambda v: v * 1.5 + x * w[0], [x])
    nested = tf.while_loop(
        lambda i, s: i < 3,
        lambda i, s: (
            i + 1,
            tf.while_loop(lambda j, t: j <= i, lambda j, t: (j + 1, t * x + w[1]), [0, s])[1],
        ),
        [0, x],
    )[1]
    at_most = tf.while_loop(lambda i: i < 50, lambda i: i + 1, [0], maximum_iterations=7)
    alone = tf.while_loop(lambda i: i < 5, lambda i: [i + 1], [0], return_same_structure=True)
    scanned = tf.scan(lambda a, e: a * e, x, tf.constant(2.0), 10, True, False, True, True, "s")
    results = {"at_most": at_most, "alone": alone[0], "scanned": scanned}
    for name, end in {"many": many, "found": found, "nested": nested}.items():
        by_x, by_w = tf.gradients(end, [x, w])
        results |= {f"{name}": end, f"{name}_x": by_x, f"{name}_w": by_w}
    still = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * x), [0, x], back_prop=False)[1]
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(many))
    feed = {x: [0.9, 0.4], n: 40}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = session.run(results, feed)
        values |= {k + "0": v for k, v in session.run({"many_x": results["many_x"]}, {**feed, n: 0}).items()}
        session.run(step, {**feed, n: 700})
        values["trained"] = session.run(w)
    return values | {"still": str(tf.gradients(still, x))}


def wrong_arguments(tf):
    x = tf.placeholder(tf.float32, (2,), name="x")
    n = tf.placeholder(tf.int32, (), name="n")
    run = tf.Session().run
    tries = {
        "loop_of_no_function": lambda: tf.while_loop(3, lambda i: i + 1, [0]),
        "loop_without_body": lambda: tf.while_loop(lambda i: i < 3, 3, [0]),
        "loop_of_nothing": lambda: tf.while_loop(lambda: True, lambda: [], []),
        "loop_of_numbers": lambda: tf.while_loop(lambda i: i + 1, lambda i: i + 1, [0]),
        "loop_grows": lambda: tf.while_loop(
            lambda v: v[0] < 3.0, lambda v: tf.concat([v, v], 0), [tf.constant([1.0, 2.0], name="c")]
        ),
        "cond_of_python": lambda: tf.cond(True, lambda: x, lambda: x),
        "cond_of_no_function": lambda: tf.cond(n > 0, 1, lambda: x),
        "cond_of_one_branch": lambda: tf.cond(n > 0, lambda: x),
        "cond_of_none": lambda: tf.cond(n > 0, lambda: None, lambda: x),
        "cond_of_types": lambda: tf.cond(n > 0, lambda: x, lambda: n),
        "variable_of_nothing": lambda: tf.Variable(),
        "variable_of_no_shape": lambda: tf.Variable(tf.placeholder(tf.float32, (None,), name="rows")),
        "constant_too_long": lambda: tf.constant([1, 2, 3], shape=[2]),
        "fed_too_large": lambda: run(n * 2, {n: 2**40}),
        "product": lambda: tf.matmul(tf.ones((2, 3)), tf.ones((2, 3)), name="m"),
        "sum_of_shapes": lambda: tf.add(x, tf.ones(3), name="s"),
    }

    def message(function):
        try:
            function()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "nothing raised"

    return {name: message(function) for name, function in tries.items()}
