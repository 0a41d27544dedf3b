"""`Blocks`: its arguments, and what it tells."""

from __future__ import annotations

import numpy as np
import pytest

from bpmatrix import Blocks
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, ShapeError

X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2


def test_it_says_what_it_holds() -> None:
    blocks = Blocks(X, Y, block_size=6, window=2)
    assert repr(blocks) == "Blocks(ndarray, 20 samples in 4 blocks, window=2)"
    assert repr(Blocks(lambda: [X])) == "Blocks(<lambda>, window=8)"


def test_parts_that_are_missing_are_left_out() -> None:
    assert [len(block) for block in Blocks(X)] == [1]
    assert [len(block) for block in Blocks(X, Y.tolist(), np.ones(20))] == [3]


def test_further_axes_are_flattened() -> None:
    ((images,),) = Blocks(X.reshape(5, 3, 4))
    assert np.array_equal(images, X.reshape(5, 12))


def test_some_blocks_in_another_order() -> None:
    blocks = Blocks(X, block_size=6)
    assert [block.X[0, 0] for block in blocks.read([3, 0])] == [54, 0]


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "says"),
    [
        ((X, Y[:5]), {}, ShapeError, "y and X do not have the same number of samples"),
        ((X, Y, Y[:5]), {}, ShapeError, "sample_weight and X do not have"),
        ((X[:0],), {}, DataError, "is empty"),
        ((X,), {"block_size": 0}, ArgumentError, "block_size is not valid"),
        ((X,), {"window": 2.5}, ArgumentError, "window is not valid"),
        ((lambda: [X], Y), {}, ArgumentError, "y does not apply to a function"),
        ((lambda: [X],), {"block_size": 3}, ArgumentError, "block_size does not apply"),
        ((3,), {}, ArrayTypeError, "X is not a source of blocks"),
    ],
)
def test_wrong_arguments(arguments, keywords, error, says) -> None:
    with pytest.raises(error) as caught:
        Blocks(*arguments, **keywords)
    assert says in str(caught.value)
