"""Models that travel: to and from ONNX, PyTorch and state dicts, and out to C.

`model` is what every format is written from: a trained model as plain arrays. `exports` has the
methods of the three faces. Each format has a module of its own; the packages that some of them need
are imported where they are used.
"""
