"""`tensorflow.compat`: only `v1`, which is `fnnet.tensorflow` itself."""

from fnnet.tensorflow.compat import v1 as v1
