"""Programs of static graphs that run under TensorFlow (`tensorflow.compat.v1`) and under `fnnet.tensorflow`.

Each is called as scenario(tf) with an empty default graph, and returns named results: arrays, or text.
"""

import numpy as np
from tensorflow_arguments import arguments, loop_gradients, wrong_arguments
from tensorflow_refusals import errors, out_of_range

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], np.float32)
L = np.array([2, 0], np.int32)


def fetched(tf, tensors, feed=None, init=True):
    with tf.Session() as session:
        if init:
            session.run(tf.global_variables_initializer())
        return session.run(tensors, feed)


def two_layer(tf, ordered=True):
    """The tutorials' program, smaller. TensorFlow may write a variable while the same run still reads it, so
    its losses differ from run to run; `ordered`, the writing waits for all that reads.
    """
    tf.set_random_seed(3)
    x = tf.placeholder(tf.float32, shape=(None, 20))
    y = tf.placeholder(tf.float32, shape=(None, 4))
    w1, w2 = tf.Variable(tf.random_normal((20, 8))), tf.Variable(tf.random_normal((8, 4)))
    loss = tf.reduce_sum((y - tf.matmul(tf.maximum(tf.matmul(x, w1), tf.zeros(1)), w2)) ** 2.0)
    grad_w1, grad_w2 = tf.gradients(loss, [w1, w2])
    next_w1, next_w2 = w1 - 1e-3 * grad_w1, w2 - 1e-3 * grad_w2
    with tf.control_dependencies([loss, next_w1, next_w2] if ordered else None):
        new_w1, new_w2 = w1.assign(next_w1), w2.assign(next_w2)
    draw = np.random.RandomState(0)
    feed = {x: draw.randn(6, 20), y: draw.randn(6, 4)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        start = session.run([w1, w2])
        losses = [session.run([loss, new_w1, new_w2], feed_dict=feed)[0] for _ in range(30)]
        end = session.run([w1, w2])
    ends = {"start1": start[0], "start2": start[1], "end1": end[0], "end2": end[1]}
    return ends | {"losses": np.array(losses)}


def elementwise(tf):
    x = tf.placeholder(tf.float32, (None, 3))
    names = "negative abs square sqrt exp log tanh sigmoid sin cos floor sign rsqrt log1p round ceil"
    results = {name: getattr(tf, name)(x) for name in names.split()}
    pairs = "add subtract multiply divide maximum minimum pow squared_difference floordiv mod"
    pairs = pairs.split(" ")
    y = tf.constant([[1.0, -2.0, 2.0]])
    results |= {name + "2": getattr(tf, name)(x, y) for name in pairs}
    for name in ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]:
        results[name] = getattr(tf, name)(x, y)
    results["operators"] = 2 * x + x / 4 - (1 - x) * x**2 - abs(-x) // 1
    results["where"] = tf.where(x > 0.0, x, -x)
    results["clip"] = tf.clip_by_value(x, -0.5, 1.0)
    results["integers"] = tf.constant([7, -7]) / 2
    results["floored"] = tf.constant([7, -7]) // 2
    results["modulo"] = tf.constant([7, -7]) % 3
    results["cast"] = tf.cast(x, tf.int32)
    results["logic"] = tf.logical_and(x > 0.0, tf.logical_not(x > 1.0)) | (x < -0.9)
    grads = ["negative", "abs", "square", "exp", "tanh", "sigmoid", "sin", "cos"]
    results |= {"d" + name: tf.gradients(results[name], x)[0] for name in grads}
    results |= {
        f"d{name}2": tf.gradients(results[name + "2"], x)[0]
        for name in pairs
        if name not in ("floordiv", "mod")
    }
    results["dmaximum_y"] = tf.gradients(results["maximum2"], y)[0]
    results["tie"] = tf.gradients(tf.maximum(x, x * 1.0), x)[0]
    with np.errstate(invalid="ignore"):
        return fetched(tf, results, {x: X}, init=False)


def reductions(tf):
    x = tf.placeholder(tf.float32, (None, 3))
    tied = tf.constant([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    results = {}
    for name in ["sum", "mean", "max", "min", "prod", "logsumexp"]:
        reduce = getattr(tf, "reduce_" + name)
        results[name] = reduce(x)
        results[name + "_1"] = reduce(x, 1)
        results[name + "_keep"] = reduce(x, axis=[0], keepdims=True)
        results["d" + name] = tf.gradients(reduce(x, -1) ** 2, x)[0]
    results["dmax_tied"] = tf.gradients(tf.reduce_max(tied, 1), tied)[0]
    results["integer_mean"] = tf.reduce_mean(tf.constant([1, 2, 4]))
    results["argmax"], results["argmin"] = tf.argmax(x, 1), tf.argmin(x)
    results["all"], results["any"] = tf.reduce_all(x > -2.0), tf.reduce_any(x > 1.9, axis=1)
    results["accuracy"] = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(x, 1), L.astype(np.int64)), tf.float32))
    return fetched(tf, results, {x: X}, init=False)


def shapes(tf):
    x = tf.placeholder(tf.float32, (None, 3), name="x")
    rows = tf.shape(x)[0]
    results = {
        "reshape": tf.reshape(x, [-1]), "reshape2": tf.reshape(x, [rows, 3, 1]),
        "transpose": tf.transpose(x), "perm": tf.transpose(tf.reshape(x, [-1, 3, 1]), [2, 0, 1]),
        "concat": tf.concat([x, x * 2.0], 1), "stack": tf.stack([x, x], axis=1),
        "unstack": tf.unstack(x, axis=1)[1], "split": tf.split(x, 3, axis=1)[2],
        "expand": tf.expand_dims(x, 1), "squeeze": tf.squeeze(tf.expand_dims(x, 1), [1]),
        "one_hot": tf.one_hot(L, 4),
        "one_hot_out": tf.one_hot([1, 5, -1], 3, on_value=2.0, off_value=-1.0),
        "tile": tf.tile(x, [1, 2]), "gather": tf.gather(x, [1, 0, 1]), "pad": tf.pad(x, [[1, 0], [0, 2]]),
        "item": x[0], "block": x[:, 1:], "last": x[-1, ::2], "newaxis": x[:, None, 0],
        "zeros_like": tf.zeros_like(x), "ones": tf.ones((2, 2)) + tf.fill([2, 2], 0.5),
        "range": tf.range(2, 9, 3), "size": tf.size(x), "rank": tf.rank(x), "rows": tf.range(rows),
        "zeros_of_rows": tf.zeros([rows, 2]),
    }  # fmt: skip
    results["dgather"] = tf.gradients(tf.gather(x * x, [1, 0, 1]), x)[0]
    results["dblock"] = tf.gradients(tf.concat([x[:, 1:] ** 2.0, x[:, :1]], 1), x)[0]
    values = fetched(tf, results, {x: X}, init=False)
    return values | {
        "text_" + name: str(tensor.shape) + tensor.dtype.name for name, tensor in results.items()
    }


def networks(tf):
    x = tf.placeholder(tf.float32, (None, 3))
    targets = tf.one_hot(L, 3) * 0.75
    losses = {
        "softmax_ce": tf.nn.softmax_cross_entropy_with_logits_v2(labels=targets, logits=x),
        "softmax_ce1": tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=x),
        "sparse_ce": tf.nn.sparse_softmax_cross_entropy_with_logits(labels=L, logits=x),
        "sigmoid_ce": tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=x),
        "l2": tf.nn.l2_loss(x), "relu": tf.nn.relu(x), "relu6": tf.nn.relu6(x * 4.0), "elu": tf.nn.elu(x),
        "leaky": tf.nn.leaky_relu(x), "softplus": tf.nn.softplus(x), "softmax": tf.nn.softmax(x),
        "log_softmax": tf.nn.log_softmax(x), "bias": tf.nn.bias_add(x, [1.0, 2.0, 3.0]),
    }  # fmt: skip
    results = dict(losses)
    for name, value in losses.items():
        results["d" + name] = tf.gradients(value**2 if name != "l2" else value, x)[0]
    results["at_zero"] = tf.gradients(tf.nn.relu(x * 0.0), x)[0]
    results["rows"] = tf.nn.embedding_lookup(x, [1, 1, 0])
    picture = tf.reshape(tf.range(2 * 5 * 5, dtype=tf.float32), (1, 5, 5, 2)) / 10.0
    kernel = tf.reshape(tf.range(3 * 3 * 2 * 2, dtype=tf.float32), (3, 3, 2, 2)) / 20.0
    results["conv_same"] = tf.nn.conv2d(picture, kernel, strides=[1, 2, 2, 1], padding="SAME")
    results["conv_valid"] = tf.nn.conv2d(picture, kernel, strides=[1, 1, 1, 1], padding="VALID")
    results["max_pool"] = tf.nn.max_pool(picture, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    return fetched(tf, results, {x: X}, init=False)


def optimizers(tf):
    train = tf.train
    made = {
        "descent": train.GradientDescentOptimizer(0.1),
        "momentum": train.MomentumOptimizer(0.1, 0.9),
        "nesterov": train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        "adam": train.AdamOptimizer(0.05),
    }
    results = {}
    for name, optimizer in made.items():
        with tf.Graph().as_default():
            a, b = tf.Variable([1.0, -2.0], name="a"), tf.Variable(0.5, name="b")
            unused = tf.Variable(1.0, name="unused")
            step = tf.Variable(0, trainable=False, name="step")
            loss = tf.reduce_sum(tf.square(a * b - [3.0, 1.0])) + b * b
            run = optimizer.minimize(loss, global_step=step)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                path = []
                for _ in range(5):
                    session.run(run)
                    path.append(session.run([loss, b, a, step, unused]))
                results[name] = np.array([values[:2] for values in path])
                results[name + "_a"], results[name + "_step"], results[name + "_unused"] = path[-1][2:]
            results[name + "_variables"] = " ".join(v.name for v in tf.global_variables())
            results[name + "_op"] = f"{run.name} {run.type}"
    return results


def gradients(tf):
    x, y = tf.placeholder(tf.float32, (3,)), tf.Variable([1.0, 2.0, 3.0])
    z = x * x * y
    hidden = tf.sin(z)
    loss = tf.reduce_sum(hidden * y)
    first = tf.gradients(loss, [x, y, z, hidden])
    second = tf.gradients(first[0], [x])[0]
    weighted = tf.gradients([z, loss], x, grad_ys=[tf.constant([1.0, 0.0, 2.0]), tf.constant(3.0)])[0]
    stopped = tf.gradients(tf.stop_gradient(z) * x, x)[0]
    feed = {x: [0.5, -1.0, 2.0]}
    results = dict(zip(["x", "y", "z", "hidden"], first, strict=True))
    results |= {"second": second, "weighted": weighted, "stopped": stopped}
    none = [tf.gradients(tf.constant(1.0), x)[0], tf.gradients(loss, tf.constant(1.0))[0]]
    none.append(tf.gradients(tf.to_float(tf.argmax(x)), x)[0])
    return fetched(tf, results, feed) | {"none": str([g is None for g in none])}


def loops(tf):
    x, w = tf.placeholder(tf.float32, (2,)), tf.Variable([0.5, -0.25])
    n = tf.placeholder(tf.int32, ())
    i, power = tf.while_loop(
        lambda i, p: i < n, lambda i, p: (i + 1, p * x + w), [tf.constant(0), tf.ones(2)]
    )
    data = tf.while_loop(lambda v: tf.reduce_sum(v) < 100.0, lambda v: v * v + 1.0, [x])
    nested = tf.while_loop(
        lambda i, s: i < 3,
        lambda i, s: (i + 1, tf.while_loop(lambda j, t: j < i, lambda j, t: (j + 1, t + w * x), [0, s])[1]),
        [0, tf.zeros(2)],
    )
    results = {"i": i, "power": power, "data": data, "nested": nested[1]}
    values = fetched(tf, results, {x: [0.9, 1.1], n: 70})
    return values | fetched(tf, {"power0": power}, {x: [0.9, 1.1], n: 0})


def branches(tf):
    x, p = tf.placeholder(tf.float32, (2,)), tf.placeholder(tf.bool, ())
    w, count = tf.Variable([0.5, -0.25]), tf.Variable(0)
    chosen = tf.cond(p, lambda: x * w, lambda: x - w)
    pair = tf.cond(p, lambda: (x, 1.0), lambda: (-x, 2.0))
    counted = tf.cond(p, lambda: tf.assign_add(count, 1), lambda: tf.assign_add(count, 10))
    grads = tf.gradients(chosen, [x, w])
    results = {}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for value in (True, False):
            feed = {x: [2.0, 3.0], p: value}
            results[f"chosen{value}"], results[f"dx{value}"], results[f"dw{value}"] = session.run(
                [chosen, *grads], feed
            )
            results[f"pair{value}"], results[f"number{value}"] = session.run(pair, feed)
            results[f"counted{value}"] = session.run(counted, feed)
            results[f"count{value}"] = session.run(count)
    return results


def scans(tf):
    x, w = tf.placeholder(tf.float32, (None, 2)), tf.Variable([0.5, -0.25])
    running = tf.scan(lambda a, e: a * w + e, x)
    begun = tf.scan(lambda a, e: a * w + e, x, initializer=tf.ones(2))
    backward = tf.scan(lambda a, e: a * w + e, x, reverse=True)
    pair = tf.scan(lambda a, e: (a[0] + e, a[1] * 2.0), x, initializer=(tf.zeros(2), tf.constant(1.0)))
    results = {"running": running, "begun": begun, "backward": backward, "sums": pair[0], "powers": pair[1]}
    results["dx"], results["dw"] = tf.gradients(running, [x, w])
    return fetched(tf, results, {x: X[:, :2]}) | {"shape": str(begun.shape)}


def order(tf):
    v = tf.Variable(1.0)
    raised = tf.assign_add(v, 10.0)
    with tf.control_dependencies([raised]):
        after = v.read_value()
        doubled = tf.identity(after * 2.0)
    lowered = tf.assign_sub(v, 1.0)
    both = tf.group(raised)
    results = {}
    with tf.Session() as session:
        session.run(v.initializer)
        results["after"], results["doubled"] = session.run([after, doubled])
        results["held"] = session.run(v)
        results["raised"] = session.run([raised, v])[1]
        results["lowered"] = session.run(lowered)
        results["group"] = str(session.run(both))
        results["end"] = session.run(v)
        results["nested"] = str(session.run({"a": [v, (v,)], "b": both}))
    return results


def seeds(tf):
    tf.set_random_seed(1)
    drawn = {
        "normal": tf.random_normal((10,)), "uniform": tf.random_uniform((7,), -1, 3),
        "truncated": tf.truncated_normal((50,), 1.0, 2.0), "seeded": tf.random_normal((4, 3), seed=7),
        "integers": tf.random_uniform((5,), 0, 10, dtype=tf.int32),
        "longs": tf.random_uniform((5,), -5, 10, dtype=tf.int64, seed=3),
        "doubles": tf.random_normal((3,), dtype=tf.float64),
        "unit_doubles": tf.random_uniform((3,), dtype=tf.float64),
        "truncated_doubles": tf.truncated_normal((5,), dtype=tf.float64),
        "dropped": tf.nn.dropout(tf.ones((8,)), keep_prob=0.5),
        "many": tf.random_normal((1001,), 0.0, 0.1),
    }  # fmt: skip
    results = {}
    for _ in range(2):  # every session begins anew
        with tf.Session() as session:
            for turn in range(3):
                results |= {f"{name}{turn}": value for name, value in session.run(drawn).items()}
    return results


def operation_seed(tf):
    a, b = tf.random_normal((3,), seed=5), tf.random_uniform((3,), seed=5)
    shape = tf.placeholder(tf.int32, (2,))
    c = tf.random_normal(shape, seed=0)
    return dict(zip("abc", fetched(tf, [a, b, c], {shape: [2, 3]}, init=False), strict=True))


def names(tf):
    x, i = tf.placeholder(tf.float32, (None, 3), name="x"), tf.placeholder(tf.int32, (None,))
    with tf.name_scope("layer"):
        w = tf.Variable(tf.zeros((3, 2)), name="w")
        inside = tf.matmul(x, w)
    with tf.name_scope("layer"):
        again = tf.nn.relu(inside + 1.0, name="out")
    with tf.name_scope("scope"):
        g = tf.Variable(tf.zeros(2), name="g")
        sums = again + g
    listed = [
        x, i, w, inside, again, g, sums, tf.add(x, 1), x + 1, x - x, 2.0 * x, x / 2.0, x**2.0, -x, abs(x),
        x[0], x > 1.0,
        tf.constant(1.0), tf.constant([1, 2], name="c"), tf.zeros((2, 2)), tf.zeros(3), tf.ones((50, 50)),
        tf.reduce_sum(x), tf.reduce_mean(x, 1), tf.argmax(x, 1), tf.cast(x, tf.int32), tf.shape(x),
        tf.equal(x, x),
        tf.reshape(x, [-1]), tf.transpose(x), tf.concat([x, x], 0), tf.stack([x, x]), tf.one_hot(i, 4),
        tf.random_normal((2,)), tf.random_uniform((2,)), tf.nn.softmax(x), tf.nn.dropout(x, 0.5),
        tf.identity(x),
        tf.placeholder(tf.float32),
        tf.while_loop(lambda a: a < 3, lambda a: a + 1, [0]), tf.cond(x[0, 0] > 0.0, lambda: x, lambda: -x),
        w.assign(w * 2.0), tf.assign_add(w, w), tf.square(tf.placeholder(tf.float32)), i / 2, i // 2, x @ w,
        tf.matmul(x, x, transpose_b=True), tf.placeholder(tf.float32, (None, None)) + x, tf.Variable(1),
        tf.Variable([2.0]),
    ]  # fmt: skip
    kinds = [tf.global_variables_initializer(), tf.group(x), tf.no_op()]
    return {
        "repr": "\n".join(map(repr, listed)),
        "str": "\n".join(map(str, listed[:8])),
        "operations": "\n".join(f"{each.name} {each.type}" for each in kinds),
        "by_name": str(tf.get_default_graph().get_tensor_by_name("layer/MatMul:0")),
        "variables": " ".join(v.name for v in tf.trainable_variables()),
    }


def recurrent_network(tf):
    tf.set_random_seed(11)
    x, labels = tf.placeholder(tf.float32, [None, 5, 3]), tf.placeholder(tf.int32, [None])
    w, u = tf.Variable(tf.random_normal([3, 4])), tf.Variable(tf.random_uniform([4, 4], -0.5, 0.5))
    start = tf.zeros([tf.shape(x)[0], 4])
    hidden = tf.scan(
        lambda h, e: tf.tanh(tf.matmul(e, w) + tf.matmul(h, u)), tf.transpose(x, [1, 0, 2]), start
    )[-1]
    scores = tf.matmul(hidden, tf.Variable(tf.truncated_normal([4, 2], stddev=0.3))) + tf.zeros([2])
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))
    optimizer = tf.train.AdamOptimizer(0.05)
    pairs = [(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in optimizer.compute_gradients(loss)]
    step = optimizer.apply_gradients(pairs)
    data = np.random.RandomState(0).randn(8, 5, 3)
    feed = {x: data, labels: data.sum((1, 2)) > 0}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = np.array([session.run([loss, step], feed)[0] for _ in range(10)])
    return {"losses": losses, "shapes": f"{hidden.shape} {scores.shape}"}


def picture_network(tf):
    tf.set_random_seed(11)
    x, labels = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.float32, [None, 3])
    keep = tf.placeholder(tf.float32)
    kernel = tf.Variable(tf.truncated_normal([3, 3, 1, 4], stddev=0.1))
    bias = tf.Variable(tf.constant(0.1, shape=[4]))
    pictures = tf.reshape(x, [-1, 8, 8, 1])
    found = tf.nn.relu(tf.nn.conv2d(pictures, kernel, strides=[1, 1, 1, 1], padding="SAME") + bias)
    pooled = tf.nn.max_pool(found, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    dropped = tf.nn.dropout(tf.reshape(pooled, [-1, 64]), keep)
    scores = tf.matmul(dropped, tf.Variable(tf.truncated_normal([64, 3], stddev=0.1)))
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=scores))
    step = tf.train.AdamOptimizer(1e-2).minimize(loss)
    right = tf.equal(tf.argmax(scores, 1), tf.argmax(labels, 1))
    draw = np.random.RandomState(0)
    feed = {x: draw.randn(12, 64), labels: np.eye(3)[draw.randint(3, size=12)], keep: 0.5}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = np.array([session.run([loss, step], feed)[0] for _ in range(10)])
        accuracy = session.run(tf.reduce_mean(tf.cast(right, tf.float32)), feed | {keep: 1.0})
    return {
        "losses": losses,
        "accuracy": accuracy,
        "shapes": f"{pooled.shape} {dropped.shape} {scores.shape}",
    }


def writing_in_a_loop(tf):
    v = tf.Variable(0.0)

    def turn(i):
        with tf.control_dependencies([tf.assign_add(v, 2.0)]):
            return [tf.identity(i + 1)]

    turns = tf.while_loop(lambda i: i < 5, turn, [tf.constant(0)])
    with tf.Session() as session:
        session.run(v.initializer)
        return {"turns": session.run(turns), "v": session.run(v)}


SCENARIOS = [
    two_layer, elementwise, reductions, shapes, networks, optimizers, gradients, loops,
    branches,
    scans, order, seeds, operation_seed, names, errors, writing_in_a_loop, recurrent_network,
    picture_network, out_of_range, arguments, loop_gradients, wrong_arguments,
]  # fmt: skip
