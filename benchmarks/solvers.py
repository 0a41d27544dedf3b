"""Fitting functions: the end of each method on five problems after the same processor time."""

import io
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from typing import Any

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import LBFGS, Adam, LevenbergMarquardt, Network
from bpmatrix.array_types import Array
from bpmatrix.training.optimizers import Optimizer

SECONDS, SEEDS, TARGET = 3.0, 7, 5.0
# How far a recorded cost may be from one computed by NumPy.
TOLERANCE = 1e-9
Problem = tuple[Array, Array, list[int]]
# The error after the budget, relative to the standard deviation, and the seconds per step.
Result = tuple[float, float]


def problems() -> dict[str, Problem]:
    """Return inputs, standardized targets and sizes of five smooth functions, by name."""
    rng, found = np.random.default_rng(0), {}
    x = np.linspace(-2 * np.pi, 2 * np.pi, 120)[np.newaxis]
    found["sin 1-8-1"] = x / 3.6, np.sin(x), [1, 8, 1]
    x = np.linspace(-5, 5, 200)[np.newaxis]
    found["sinc 1-12-1"] = x / 2.9, np.sinc(x), [1, 12, 1]
    X = rng.random((2, 500))
    a, b = 9 * X
    franke = (
        0.75 * np.exp(-((a - 2) ** 2) / 4 - (b - 2) ** 2 / 4)
        + 0.75 * np.exp(-((a + 1) ** 2) / 49 - (b + 1) / 10)
        + 0.5 * np.exp(-((a - 7) ** 2) / 4 - (b - 3) ** 2 / 4)
        - 0.2 * np.exp(-((a - 4) ** 2) - (b - 7) ** 2)
    )
    found["Franke 2-20-1"] = (X - 0.5) * 3.46, franke[np.newaxis], [2, 20, 1]
    u, s = rng.random((2, 1199))
    torque = u * (1 - 0.55 * (s - 0.45) ** 2) * (1 - np.exp(-4 * u)) / (1 + 0.3 * s**3) - 0.08 * s
    nox = np.exp(2.2 * u - 1.1 * s) * u**1.5 / (1 + np.exp(8 * (s - 0.8)))
    nox += 0.05 * np.sin(6 * u * s)
    found["engine 2-12-2"] = (np.array([u, s]) - 0.5) * 3.46, np.array([torque, nox]), [2, 12, 2]
    B = rng.random((8, 768))
    heat = (B[0] * 1.5 + 0.3) * (B[1] - B[2]) ** 2 * 4 + 3 * np.tanh(3 * (B[3] - 0.5)) * B[4]
    heat += B[5] * np.sqrt(B[6] + 0.1) + np.sin(5 * B[7]) * 0.5
    found["building 8-20-1"] = (B - 0.5) * 3.46, heat[np.newaxis], [8, 20, 1]
    return {
        name: (
            np.asfortranarray(X),
            np.asfortranarray((Y - Y.mean(1, keepdims=True)) / Y.std(1, keepdims=True)),
            sizes,
        )
        for name, (X, Y, sizes) in found.items()
    }


def started(sizes: list[int], seed: int) -> Array:
    """Return the first parameters, laid out as `Network.parameters`."""
    rng, parts = np.random.default_rng(100 + seed), []
    for l in (1, 2):
        parts.append(rng.normal(size=sizes[l] * sizes[l - 1]) / np.sqrt(sizes[l - 1]))
        parts.append(rng.normal(size=sizes[l]) * (1.0 if l == 1 else 0.1))
    return np.concatenate(parts)


def errors(theta: Array, X: Array, Y: Array, sizes: list[int]) -> tuple[Array, Array]:
    """Return the errors and the hidden activations, by NumPy."""
    n, h, k = sizes
    W, V = theta[: h * n].reshape(h, n), theta[h * (n + 1) : h * (n + 1) + k * h].reshape(k, h)
    A = np.tanh(W @ X + theta[h * n : h * (n + 1), np.newaxis])
    return V @ A + theta[-k:, np.newaxis] - Y, A


def jacobian(theta: Array, X: Array, A: Array, sizes: list[int]) -> Array:
    """Return the derivatives of all errors, output by output, as the prototype forms them."""
    n, h, k = sizes
    V, D = theta[h * (n + 1) : h * (n + 1) + k * h].reshape(k, h), (1 - A) * (1 + A)
    J, last = np.zeros((k, X.shape[1], len(theta))), h * (n + 1)
    for o in range(k):
        d = (V[o][:, np.newaxis] * D).T
        J[o, :, : h * n] = (d[:, :, np.newaxis] * X.T[:, np.newaxis, :]).reshape(len(d), -1)
        J[o, :, h * n : last] = d
        J[o, :, last + o * h : last + (o + 1) * h] = A.T
        J[o, :, last + h * k + o] = 1
    return J.reshape(k * X.shape[1], -1)


def rms(E: Array) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt((E**2).mean()))


def prototype(theta: Array, X: Array, Y: Array, sizes: list[int], seconds: float) -> Result:
    """Levenberg-Marquardt in NumPy and SciPy: M. T. Hagan and M. B. Menhaj (1994)."""
    from scipy.linalg import cho_factor, cho_solve  # noqa: PLC0415 - an extra

    start, steps, mu = time.process_time(), 0, 1e-3
    E, A = errors(theta, X, Y, sizes)
    f, diagonal, ended = (E**2).sum(), np.arange(len(theta)), False
    while not ended and time.process_time() - start < seconds:
        J = jacobian(theta, X, A, sizes)
        H, g, ended = J.T @ J, J.T @ E.ravel(), True
        while mu < 1e12:
            damped = H.copy()
            damped[diagonal, diagonal] += mu
            try:
                step = cho_solve(cho_factor(damped, check_finite=False), g, check_finite=False)
            except np.linalg.LinAlgError:
                mu *= 10
                continue
            E_new, A_new = errors(theta - step, X, Y, sizes)
            if (f_new := (E_new**2).sum()) < f:
                theta, E, A, ended = theta - step, E_new, A_new, f - f_new < 1e-15 * f
                f, mu, steps = f_new, max(mu / 10, 1e-15), steps + 1
                break
            mu *= 10
    return rms(E), (time.process_time() - start) / max(1, steps)


def scipy_lm(theta: Array, X: Array, Y: Array, sizes: list[int], seconds: float) -> Result:
    """MINPACK's Levenberg-Marquardt, with our NumPy Jacobian."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - an extra

    start, best, steps = time.process_time(), [np.inf], 0

    def function(point: Array) -> Array:
        E, _ = errors(point, X, Y, sizes)
        best[0] = min(best[0], rms(E))
        if time.process_time() - start > seconds:
            raise TimeoutError
        return E.ravel()

    def slope(point: Array) -> Array:
        nonlocal steps
        steps += 1
        return jacobian(point, X, errors(point, X, Y, sizes)[1], sizes)

    tolerances = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    with suppress(TimeoutError):
        least_squares(function, theta, slope, method="lm", max_nfev=10**6, **tolerances)
    return best[0], (time.process_time() - start) / max(1, steps)


def pyrenn_lm(theta: Array, X: Array, Y: Array, sizes: list[int], seconds: float) -> Result:
    """The package pyrenn, which draws its own first weights."""
    import pyrenn  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    del theta
    start, steps, net = time.process_time(), 0, pyrenn.CreateNN(sizes)
    while time.process_time() - start < seconds:
        with redirect_stdout(io.StringIO()):
            net = pyrenn.train_LM(X, Y, net, k_max=5, E_stop=0.0)
        steps += 5
    spent = time.process_time() - start
    return rms(pyrenn.NNOut(X, net).reshape(Y.shape) - Y), spent / steps


def ours(optimizer: Optimizer, **keywords: Any) -> Callable[..., Result]:
    """Return a contender: `Network.train` with an optimizer; its answer is checked by NumPy."""

    def contender(theta: Array, X: Array, Y: Array, sizes: list[int], seconds: float) -> Result:
        net = Network(sizes, activation=["tanh", "identity"], cost="quadratic", seed=1)
        net.parameters[:] = theta
        net.train(X, Y, epochs=0, optimizer=optimizer, **keywords)  # loads the program
        start, stopped = time.process_time(), "epochs"
        is_over = [lambda _: time.process_time() - start >= seconds]
        together = isinstance(optimizer, LevenbergMarquardt)
        while stopped == "epochs" and time.process_time() - start < seconds:
            stopped = net.train(
                X, Y, epochs=100 if together else 10**6, optimizer=optimizer, n_threads=1,
                callbacks=() if together else is_over, **keywords,
            ).stopped_by  # fmt: skip
        spent, E = time.process_time() - start, errors(net.parameters, X, Y, sizes)[0]
        if abs(rms(E) ** 2 * len(Y) / 2 - net.cost(X, Y)) > TOLERANCE:
            raise click.ClickException("the cost differs from NumPy's")
        return rms(E), spent / max(1, net.epochs)

    return contender


CONTENDERS: dict[str, Callable[..., Result]] = {
    "LevenbergMarquardt": ours(LevenbergMarquardt()),
    "NumPy prototype": prototype,
    "pyrenn": pyrenn_lm,
    "SciPy least_squares": scipy_lm,
    "LBFGS": ours(LBFGS()),
    "Adam": ours(Adam(0.003), mini_batch_size=32),
}


@click.command()
@QUICK
def solvers(quick: bool) -> None:
    """RMSE over standard deviation on five functions, at equal processor time; speed per step."""
    seconds, seeds = (0.05, 1) if quick else (SECONDS, SEEDS)
    report = Report(
        f"RMSE / standard deviation after {seconds:g} s of processor time, median of {seeds}"
        " seeds (microseconds per step)"
    )
    report.columns("problem", *CONTENDERS, "prototype / ours, per step", "pyrenn / ours")
    notes = [f"target: a step {TARGET:g} times as fast as the prototype's and pyrenn's"]
    for name, (X, Y, sizes) in problems().items():
        cells, speeds = [], {}
        for contender, fit in CONTENDERS.items():
            try:
                found = [fit(started(sizes, s), X, Y, sizes, seconds) for s in range(seeds)]
            except ImportError as error:
                notes.append(f"skipped {contender}: {error}")
                cells.append("")
                continue
            end, speeds[contender] = np.median(found, axis=0)
            cells.append(f"{end:.1e} ({speeds[contender] * 1e6:.0f})")
        own = speeds["LevenbergMarquardt"]
        for other in ("NumPy prototype", "pyrenn"):
            ratio = speeds[other] / own if other in speeds else None
            cells.append("" if ratio is None else f"{ratio:.1f} {verdict(ratio, TARGET)}")
        report.row(name, *cells)
    report.finish(notes)
