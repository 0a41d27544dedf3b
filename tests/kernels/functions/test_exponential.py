"""exp and its relatives against mpmath: errors in ULP, tails, special values, the same bits.

The bounds are those of the docstrings. They come from far denser searches than a test can repeat:
millions of numbers in float64, every fifth to third number in float32.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from llvmlite import binding
from numba import float32, float64, njit
from numeric import same_bits

import bpmatrix
from bpmatrix.kernels.functions import exponential
from bpmatrix.kernels.machine.jit import OURS

# name: the bound in ULP, the exact function, and where to look for errors: where the result is
# neither constant to the last bit nor infinite. The ends of float64; float32 clips them.
FUNCTIONS = {
    "exp": (1.1, mpmath.exp, (-746.0, 709.7)),
    "expm1": (2.3, mpmath.expm1, (-45.0, 709.7)),
    "log1p": (0.9, mpmath.log1p, (-1.0 + 2.0**-53, 2.0**1023)),
    "tanh": (2.3, mpmath.tanh, (-22.0, 22.0)),
    "sigmoid": (2.0, lambda x: 1 / (1 + mpmath.exp(-x)), (-746.0, 45.0)),
    "softplus": (1.8, lambda x: mpmath.log1p(mpmath.exp(x)), (-746.0, 709.7)),
}
DTYPES = ["float64", "float32"]

inf, nan = math.inf, math.nan
# Where a function has to be exact, and what it is there.
SPECIAL_VALUES = {
    "exp": ([-inf, -1e4, -0.0, 0.0, 1e4, inf], [0.0, 0.0, 1.0, 1.0, inf, inf]),
    "expm1": ([-inf, -1e4, -0.0, 0.0, 1e4, inf], [-1.0, -1.0, -0.0, 0.0, inf, inf]),
    "log1p": ([-inf, -2.0, -1.0, -0.0, 0.0, inf], [nan, nan, -inf, -0.0, 0.0, inf]),
    "tanh": ([-inf, -1e4, -0.0, 0.0, 1e4, inf], [-1.0, -1.0, -0.0, 0.0, 1.0, 1.0]),
    "sigmoid": ([-inf, -1e4, -0.0, 0.0, 1e4, inf], [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]),
    "softplus": ([-inf, -1e4, 1e4, inf], [0.0, 0.0, 1e4, inf]),
}


def loop_over(function):
    """The loop that everybody writes, not cached: a test reads its LLVM code."""

    @njit(**OURS)
    def loop(x, out):
        for i in range(out.size):
            out[i] = function(x[i])

    return loop


LOOPS = {name: loop_over(getattr(exponential, name)) for name in FUNCTIONS}

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_type = pytest.mark.parametrize("dtype", DTYPES)


def computed(name, x):
    out = np.empty_like(x)
    LOOPS[name](x, out)
    return out


def error_in_ulp(name, x: float, y: float, dtype) -> float:
    """Distance of y from the exact result, in spacings of the type there; 0 where both overflow."""
    limits = np.finfo(dtype)
    with mpmath.workprec(160):
        exact = FUNCTIONS[name][1](mpmath.mpf(x))
        if abs(exact) >= mpmath.mpf(2) ** limits.maxexp * (
            1 - mpmath.mpf(2) ** (-2 - limits.nmant)
        ):
            return 0.0 if y == math.copysign(inf, exact) else inf
        if not math.isfinite(y):
            return inf
        exponent = max(mpmath.frexp(exact)[1] - 1, limits.minexp) if exact else limits.minexp
        return float(abs(y - exact) / mpmath.mpf(2) ** (exponent - limits.nmant))


def is_finite_input(name, x) -> bool:
    """Whether the exact result at x is a finite number."""
    return math.isfinite(x) and not (name == "log1p" and x <= -1)


def with_neighbors(x, dtype):
    x = np.asarray(x).astype(dtype)
    up, down = (np.nextafter(x, dtype(end)) for end in (inf, -inf))
    return np.concatenate([x, up, down])


def numbers_for(name, dtype):
    """Even and over all exponents, dense where terms cancel, on both sides of every seam."""
    rng = np.random.default_rng(len(name))
    limits = np.finfo(dtype)
    low, high = FUNCTIONS[name][2]
    exponents = rng.uniform(limits.minexp - limits.nmant, limits.maxexp - 1, 200)
    numbers = [np.exp2(exponents), -np.exp2(exponents), np.exp2(rng.uniform(-30, 0, 200))]
    numbers += [-numbers[-1], rng.uniform(-2, 3, 300), rng.uniform(-20, 20, 200)]
    if name == "log1p":
        exponents = np.arange(limits.minexp - limits.nmant, limits.maxexp, 5)
        exponents = np.union1d(exponents, np.arange(-55, 55))
        seams = np.exp2(exponents) * np.array([[1.0], [math.sqrt(2.0)]])
        numbers += [seams[seams < limits.max] - 1.0, rng.uniform(0.5, 2.0, 200) - 1.0]
    else:
        lowest = math.log(limits.smallest_subnormal)
        n = np.union1d(np.arange(-1077, 1026, 5), np.arange(-60, 60))
        numbers += [(n + 0.5) * math.log(2.0), math.log(limits.max), rng.uniform(low, high, 300)]
        numbers += [rng.uniform(1.01 * lowest, 0.95 * lowest, 100)]  # subnormal results
        # Where 1 + e^-x begins to lose one of its terms.
        numbers += [-(limits.nmant + 1) * math.log(2.0) + rng.uniform(-0.4, 0.4, 200)]
    numbers = np.concatenate([np.ravel(part) for part in numbers])
    numbers = with_neighbors(numbers[np.abs(numbers) <= limits.max], np.dtype(dtype).type)
    wide = numbers.astype(np.float64)
    numbers = numbers[(wide >= low) & (wide <= max(high, 800.0))]
    return numbers[[is_finite_input(name, x) for x in numbers.tolist()]]


@every_function
@every_type
def test_error_is_within_the_bound(name, dtype):
    x = numbers_for(name, dtype)
    assert x.size > 1000

    errors = [
        error_in_ulp(name, *pair, dtype)
        for pair in zip(x.tolist(), computed(name, x).tolist(), strict=True)
    ]

    worst = int(np.argmax(errors))
    assert errors[worst] <= FUNCTIONS[name][0], float(x[worst]).hex()
    # The search comes close to the bound: a bound that is far away shows nothing.
    assert errors[worst] > 0.5 * FUNCTIONS[name][0]


@njit(**OURS)
def exp_of_differences(x, y, out):
    """The loop of softmax."""
    for i in range(out.size):
        out[i] = exponential.exp_of_difference(x[i], y[i])


@every_type
def test_exp_of_a_difference_is_that_of_the_exact_difference(dtype):
    """x - y is rounded by up to half a unit of y; far to the left e^x notices each of them."""
    rng, limits = np.random.default_rng(4), np.finfo(dtype)
    far = -math.log(limits.smallest_subnormal)
    y = np.concatenate([rng.uniform(-far, far, 1500), 10.0 ** rng.uniform(-9, 9, 500)])
    x = y - np.concatenate([rng.uniform(0, far + 2, 1800), 10.0 ** rng.uniform(-20, 0, 200)])
    x, y = x.astype(dtype), y.astype(dtype)
    x = np.minimum(x, y)
    out = np.empty_like(x)
    exp_of_differences(x, y, out)

    errors = []
    for left, right, got in zip(x.tolist(), y.tolist(), out.tolist(), strict=True):
        with mpmath.workprec(160):
            exact = mpmath.exp(mpmath.mpf(left) - right)
            exponent = max(mpmath.frexp(exact)[1] - 1, limits.minexp)
            errors.append(float(abs(got - exact) / mpmath.mpf(2) ** (exponent - limits.nmant)))

    assert 0.8 < max(errors) <= 1.6


@every_type
def test_exp_of_a_difference_at_the_limits(dtype):
    """A difference that overflows, infinite numbers and NaN."""
    largest = np.finfo(dtype).max
    x = np.array([-largest, -inf, -inf, 3.0, nan, 0.0, inf], dtype)
    y = np.array([largest, largest, 0.0, inf, 0.0, nan, inf], dtype)
    out = np.empty_like(x)
    exp_of_differences(x, y, out)
    np.testing.assert_array_equal(out, np.array([0, 0, 0, 0, nan, nan, nan], dtype))


@every_function
@every_type
def test_any_number_is_within_the_bound(name, dtype):
    width = 8 * np.dtype(dtype).itemsize

    @given(st.floats(width=width, allow_nan=False))
    @example(float(np.finfo(dtype).max))
    @example(float(np.finfo(dtype).smallest_subnormal))
    @example(-float(np.finfo(dtype).smallest_normal))
    def check(x):
        y = computed(name, np.array([x], dtype)).item()
        # Beyond 1000 mpmath would need as many bits as x is large; SPECIAL_VALUES has the limits.
        if is_finite_input(name, x) and (name == "log1p" or abs(x) < 1000):
            assert error_in_ulp(name, x, y, dtype) <= FUNCTIONS[name][0]

    check()


@every_function
@every_type
def test_special_values_and_signs_of_zero(name, dtype):
    numbers, values = SPECIAL_VALUES[name]
    x = np.array([*numbers, nan, -nan], dtype)
    expected = np.array([*values, nan, nan], dtype)

    got = computed(name, x)

    np.testing.assert_array_equal(got, expected)
    valid = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[valid]), np.signbit(expected[valid]))


@every_type
@pytest.mark.parametrize("name", ["exp", "sigmoid", "softplus"])
def test_tails_keep_subnormal_values(name, dtype):
    """e^x, sigmoid and softplus agree far to the left, down to the smallest number and to 0."""
    limits = np.finfo(dtype)
    smallest = float(limits.smallest_subnormal)
    x = np.linspace(math.log(limits.smallest_normal), math.log(smallest) - 0.6, 500).astype(dtype)

    y = computed(name, x)

    exact = np.array([float(mpmath.exp(number) / smallest) for number in x.tolist()])
    assert np.abs(y / limits.smallest_subnormal - exact).max() <= 1.0
    assert 0.0 < y[-200] < limits.smallest_normal
    assert computed(name, np.array([math.log(smallest) - 1.0], dtype))[0] == 0.0


@every_type
def test_sigmoid_stays_between_0_and_1(dtype):
    x = np.linspace(-800.0, 800.0, 100_001).astype(dtype)
    y = computed("sigmoid", np.concatenate([x, x / 20, x / 400]))

    assert y.min() == 0.0
    assert y.max() == 1.0


@every_type
def test_tanh_is_odd_and_the_identity_on_tiny_numbers(dtype):
    tiny = np.finfo(dtype).smallest_subnormal * np.arange(1, 1000).astype(dtype)
    x = np.concatenate([tiny, np.geomspace(1e-30, 30.0, 5000).astype(dtype)])

    assert same_bits(computed("tanh", -x), -computed("tanh", x))
    assert same_bits(computed("tanh", tiny), tiny)
    assert same_bits(computed("expm1", tiny), tiny)
    assert same_bits(computed("log1p", tiny), tiny)


@every_function
@every_type
def test_vectors_give_the_bits_of_scalars(name, dtype):
    """A loop of length 1 runs the scalar code behind the vector loop; every length has a tail."""
    x = np.random.default_rng(3).normal(0.0, 8.0, 48).astype(dtype)
    x[::7] = [0.0, -0.0, inf, -inf, -100.0, 89.0, -1.0]
    alone = np.concatenate([computed(name, x[i : i + 1]) for i in range(x.size)])
    for length in range(1, 41):
        for offset in range(8):
            part = slice(offset, offset + length)
            got = computed(name, x[part])
            assert np.array_equal(np.isnan(got), np.isnan(alone[part]))
            assert same_bits(np.nan_to_num(got, nan=2.0), np.nan_to_num(alone[part], nan=2.0))


@every_function
@pytest.mark.parametrize("real", [float64, float32], ids=str)
def test_the_type_is_kept_inside_compiled_code(name, real):
    """NumPy would round on the way out; numba's own signature tells what was computed."""
    function = getattr(exponential, name)
    function.compile((real,))

    assert function.overloads[real,].signature.return_type == real
    assert function.nopython_signatures.count(real(real)) == 1


def has_fma() -> bool:
    x86 = binding.get_default_triple().startswith(("x86_64", "i686"))
    return not x86 or bool(binding.get_host_cpu_features().get("fma"))


@pytest.mark.skipif(not has_fma(), reason="without fused multiply-add nothing is vectorized")
@every_function
@every_type
def test_the_loop_is_vectorized_and_calls_nothing(name, dtype):
    computed(name, np.ones(4, dtype))
    (text,) = (
        text
        for signature, text in LOOPS[name].inspect_llvm().items()
        if str(signature[0].dtype) == dtype
    )

    assert re.search(rf"call <\d+ x \w+> @llvm\.fma\.v\d+f{dtype[-2:]}\(", text)
    called = set(re.findall(r"\bcall\b[^@\n]*@([\w.]+)", text))
    libm = re.compile(r"(llvm\.|numba_)?(exp2?|expm1|log|log1p|tanh|pow|fma|ldexp|frexp)f?(\.|$)")
    assert not [
        function for function in called if libm.match(function) and "llvm.fma" not in function
    ]
    assert not [function for function in called if "8bpmatrix" in function], "not inlined"
    if dtype == "float32":
        assert "double" not in re.sub(r"define.*", "", text), "float32 is computed in float64"


PROGRAM = """
import numpy as np
from bpmatrix.kernels.functions.exponential import log1p, sigmoid
from bpmatrix.kernels.machine.jit import program

@program
def mix(x, out):
    for i in range(out.size):
        out[i] = log1p(sigmoid(x[i]))

for dtype in (np.float64, np.float32):
    mix(np.ones(9, dtype), np.ones(9, dtype))
print(sum(mix.stats.cache_hits.values()), sum(mix.stats.cache_misses.values()))
"""


def test_a_second_process_finds_the_machine_code(tmp_path):
    """The constants, chosen by type at compile time, do not keep a program from its cache."""
    script = tmp_path / "mix.py"
    script.write_text(PROGRAM, encoding="utf-8")
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": str(Path(bpmatrix.__file__).parents[1]),
    }
    counts, files = [], []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, str(script)], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        counts.append(run.stdout.split())
        files.append(sorted(path.name for path in (tmp_path / "cache").rglob("*.nb*")))

    assert counts == [["0", "2"], ["2", "0"]]
    assert files[0] == files[1]
    assert len(files[0]) == 2  # one file for each type
