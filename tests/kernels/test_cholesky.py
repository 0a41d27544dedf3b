"""The Cholesky factor and the solution against NumPy, and matrices that have no factor."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from bpmatrix.kernels import cholesky
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.plan import LINES_IN_PANEL, PANEL_WIDTH
from bpmatrix.kernels.views import Scratch


@pytest.fixture(scope="module")
def solved():
    @njit
    def compiled(R, n, step, x, panel):
        scratch = Scratch(at(panel, 0, panel.size), at(panel, 0, 1))
        place = at(R, 0, R.size)
        if not cholesky.factorize(place, n, step, scratch):
            return False
        cholesky.solve(place, n, step, at(x, 0, n))
        return True

    def solve(A, x):
        """Solve A x = b in place; the lines of the matrix are one element longer than it."""
        n = len(A)
        R = np.full((n, n + 1), np.nan)  # the lower triangle is never read
        R[:, :n][np.triu_indices(n)] = -A[np.triu_indices(n)]
        panel = np.empty(LINES_IN_PANEL * PANEL_WIDTH)
        return compiled(R.ravel(), n, n + 1, x, panel)

    return solve


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 33, 100])
def test_the_solution_is_that_of_numpy(solved, n):
    rng = np.random.default_rng(n)
    J = rng.standard_normal((n + 5, n))
    A, b = J.T @ J + np.eye(n), rng.standard_normal(n)
    x = b.copy()
    assert solved(A, x)
    np.testing.assert_allclose(A @ x, b, rtol=0, atol=1e-12 * np.abs(A).sum(axis=1).max())


@pytest.mark.parametrize("place", [0, 7, 20])
@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan])
def test_a_matrix_that_is_not_positive_definite_has_no_factor(solved, place, value):
    A = np.eye(25)
    A[place, place] = value
    assert not solved(A, np.ones(25))
