"""What TensorFlow refuses, when a graph is built and when it runs: scenarios of tensorflow_scenarios.py."""

import numpy as np

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], np.float32)


def _message(function):
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing raised"


def errors(tf):
    x = tf.placeholder(tf.float32, (None, 3), name="x")
    y = tf.placeholder(tf.float32, shape=(4, 2), name="y")
    w = tf.Variable(tf.ones((3, 2)), name="w")
    z, product = tf.maximum(x, 0.0), tf.matmul(x, w)
    anything = tf.placeholder(tf.float32, name="anything")
    session = tf.Session()
    run = session.run
    tries = {
        "uninitialized": lambda: run(product, {x: X}),
        "not_fed": lambda: run(z),
        "not_fed_y": lambda: run(y),
        "not_fed_anything": lambda: run(anything),
        "shape": lambda: run(z, {x: np.zeros((3,))}),
        "shape2": lambda: run(z, {x: np.zeros((3, 4))}),
        "key_name": lambda: run(z, {"x": X}),
        "key_unknown": lambda: run(z, {"nope:0": X}),
        "key_kind": lambda: run(z, {3: X}),
        "fetch_unknown": lambda: run("nope"),
        "fetch_unknown0": lambda: run("nope:0"),
        "fetch_output": lambda: run("x:1"),
        "fetch_int": lambda: run(3),
        "feed_tensor": lambda: run(z, {x: z}),
        "feed_text": lambda: run(z, {x: "abc"}),
        "bool": lambda: bool(x),
        "iterate": lambda: list(x),
        "len": lambda: len(x),
        "dtypes": lambda: tf.zeros(3) + tf.zeros(4, tf.int32),
        "float_to_int": lambda: tf.zeros(3, tf.int32) + 1.5,
        "assign_dtype": lambda: w.assign(tf.zeros((3, 2), tf.int32)),
        "no_session": lambda: x.eval(),
        "closed": lambda: closed(),
        "no_gradients": lambda: tf.train.GradientDescentOptimizer(0.1).minimize(tf.zeros((3,), name="n")),
        "array": lambda: np.array(x),
        "other_graph": lambda: tf.Session(graph=other()).run(z),
    }

    def closed():
        session = tf.Session()
        session.close()
        session.run(z)

    def other():
        graph = tf.Graph()
        with graph.as_default():
            tf.constant(1.0)
        return graph

    return {name: _message(function) for name, function in tries.items()}


def out_of_range(tf):
    """What a graph cannot know before it runs: the run fails, and leaves its variables as they were."""
    x, labels = tf.placeholder(tf.float32, (None, 3)), tf.placeholder(tf.int32, (None,), name="labels")
    w = tf.Variable(tf.ones((3, 3)))
    per_row = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.matmul(x, w), name="ce")
    loss = tf.reduce_mean(per_row)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    rows, item = tf.gather(x, labels, name="rows"), x[labels[0]]
    divided, left = tf.floordiv(tf.constant([7, 8]), labels), tf.mod(tf.constant([7, 8]), labels)
    total = tf.scan(lambda a, i: a + tf.gather(x, i)[0], labels, tf.constant(0.0))
    results = {}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tries = {
            "ce": [loss, step],
            "rows": rows,
            "item": item,
            "divided": divided,
            "left": left,
            "scan": total,
        }
        for name, fetch in tries.items():
            bad = [0, 1] if name in ("divided", "left") else [3, 1] if name == "item" else [1, 3]
            results[name] = _message(lambda: session.run(fetch, {x: X, labels: bad}))  # noqa: B023
        results["w"] = session.run(w)
        results["loss"] = session.run(loss, {x: X, labels: [1, 2]})
        results["found"] = session.run(rows, {x: X, labels: [1, 0]})
    return results
