"""The two-layer network as a static graph of TensorFlow 1: gradients and updates are part of the graph.

Run it: python -m fnnet run examples/tensorflow_api/two_layer.py
"""

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.set_random_seed(0)

N, D_in, H, D_out = 64, 1000, 100, 10
learning_rate = 1e-6

# the graph: nothing is computed here
x = tf.placeholder(tf.float32, shape=(None, D_in))
y = tf.placeholder(tf.float32, shape=(None, D_out))
w1 = tf.Variable(tf.random_normal((D_in, H)))
w2 = tf.Variable(tf.random_normal((H, D_out)))

h_relu = tf.maximum(tf.matmul(x, w1), tf.zeros(1))
y_pred = tf.matmul(h_relu, w2)
loss = tf.reduce_sum((y - y_pred) ** 2.0)

grad_w1, grad_w2 = tf.gradients(loss, [w1, w2])
new_w1 = w1.assign(w1 - learning_rate * grad_w1)
new_w2 = w2.assign(w2 - learning_rate * grad_w2)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    random = np.random.RandomState(0)
    x_value, y_value = random.randn(N, D_in), random.randn(N, D_out)
    for step in range(500):
        loss_value, _, _ = sess.run([loss, new_w1, new_w2], feed_dict={x: x_value, y: y_value})
        if step % 50 == 0:
            print(step, loss_value)
