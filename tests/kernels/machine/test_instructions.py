"""The fused multiply-add and the checked build of the kernels."""

from fractions import Fraction

import compiled
import numpy as np
import pytest
import twin
from numeric import same_bits

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def hard_triples(dtype):
    """Numbers where x y + z has lost most of its digits, or is next to a tie of the rounding."""
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal(3000).astype(dtype) for _ in range(2))
    z = rng.standard_normal(3000).astype(dtype)
    z[:1000] = -(x * y)[:1000]  # what is left is the rounding error of the product
    half = np.finfo(dtype).eps / 2
    x[1000:1500], y[1000:1500] = 1 + 2 * half, 1 - half
    z[1000:1500] = np.ldexp(1.0, rng.integers(-60, 60, 500)).astype(dtype)
    # 1 + half an ULP + far below: the product decides the tie, in float64 arithmetic too.
    x[1500:2000] = half * (1 + np.finfo(dtype).eps * rng.integers(-2, 3, 500))
    y[1500:2000] = 1 + np.finfo(dtype).eps * rng.integers(-2, 3, 500)
    z[1500:2000] = 1
    return x, y, z


def rounded(number, dtype):
    """The nearest number of a type, ties to the even one."""
    near = np.dtype(dtype).type(float(number))
    around = [np.nextafter(near, np.dtype(dtype).type(-np.inf)), near]
    around.append(np.nextafter(near, np.dtype(dtype).type(np.inf)))
    odd = [int(v.view(f"u{v.itemsize}")) & 1 for v in around]
    errors = [abs(Fraction(float(v)) - number) for v in around]
    return around[min(range(3), key=lambda i: (errors[i], odd[i]))]


@DTYPES
def test_fma_rounds_once(dtype):
    """The processor's instruction, or its replacement, against exact fractions."""
    x, y, z = hard_triples(dtype)
    out = np.empty_like(x)
    compiled.fuse(x, y, z, out)
    exact = [
        rounded(Fraction(float(p)) * Fraction(float(q)) + Fraction(float(r)), dtype)
        for p, q, r in zip(x, y, z, strict=True)
    ]
    assert same_bits(out + 0, np.array(exact, dtype) + 0)


@DTYPES
def test_the_twin_rounds_once(dtype):
    """On which the tests of the tiles stand."""
    x, y, z = hard_triples(dtype)
    out = np.empty_like(x)
    compiled.fuse(x, y, z, out)
    assert same_bits(twin.fma(x, y, z) + 0, out + 0)


def test_no_shape_leaves_its_array(checked_build):
    """With BPMATRIX_CHECKED=1, no network of any shape accesses elements outside its arrays."""
    assert checked_build.first.returncode == 0, checked_build.first.stderr
    assert "every shape is inside" in checked_build.first.stdout.splitlines()


def test_a_block_outside_raises(checked_build):
    """The check finds a theta and a work array that are too short."""
    lines = checked_build.first.stdout.splitlines()
    assert {"theta is too short", "work is too short"} <= set(lines)


def test_registers_of_32_and_64_bytes_give_the_same_bits(checked_build):
    """Several runs of training, here and in a process that has no registers of 64 bytes.

    Elsewhere, the two differ in the checks alone.
    """
    here = {}
    exec(checked_build.training, here)  # the very text that the other process has run
    expected = f"training gives {here['digest_of_training']()}"
    assert expected in checked_build.first.stdout.splitlines()
