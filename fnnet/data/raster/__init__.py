"""Pictures transformed as torchvision does it: functions on arrays, NumPy or JAX."""
