"""Models that travel: to and from ONNX, PyTorch and state dicts, and out to C.

`model` is what every format is written from: a trained model as plain arrays; `layers` is what
every reader returns. `exports` has the methods of the three faces, `imports` those of `Network`.
Each format has modules of its own; the packages that some of them need are imported where they are
used.
"""
