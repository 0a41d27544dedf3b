"""``bpmatrix verify``: show on this machine that the matrix gives the gradient of the loop."""

from __future__ import annotations

import click

from bpmatrix.cli.show import table

__all__ = ["command"]

# One network for each cost, and each activation function in one of them.
NETWORKS = (
    ([64, 30, 10], "sigmoid", "quadratic"),
    ([64, 30, 10], "sigmoid", "cross_entropy"),
    ([64, 40, 20, 10], "tanh", "log_likelihood"),
    ([64, 20, 10], "identity", "quadratic"),
    ([64, 30, 20, 10], "relu", "log_likelihood"),
)
SAMPLES = 50
LOOP_LIMIT, DIFFERENCES_LIMIT = 1e-12, 1e-6


@click.command("verify", short_help="Compare the gradient with the book's loop.")
def command() -> int:
    """Compare the engine's gradient with two that share nothing with it.

    For some networks on the handwritten digits: with the book's loop over single samples, and with
    central differences of the cost. Exit status 1 if one differs by more than rounding explains.

    \b
    Example:
      bpmatrix verify
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from bpmatrix import Network, datasets  # noqa: PLC0415 - NumPy and numba load here
    from bpmatrix.verify import verify  # noqa: PLC0415

    digits = datasets.load("digits")
    X, labels = digits.train.X[:, :SAMPLES], digits.train.labels[:SAMPLES]
    rows, good = [], True
    for sizes, activation, cost in NETWORKS:
        net = Network(sizes, activation=activation, cost=cost, input_scale=digits.scale, seed=1)
        agreement = verify(net, X, labels)
        fine = agreement.loop <= LOOP_LIMIT and agreement.differences <= DIFFERENCES_LIMIT
        good &= fine
        rows.append(
            (
                "-".join(map(str, sizes)),
                activation,
                cost,
                f"{agreement.loop:.1e}",
                f"{agreement.differences:.1e}",
                "same gradient" if fine else "DIFFERENT",
            )
        )
    table(("network", "activation", "cost", "from the loop", "from differences", ""), rows)
    click.echo(
        f"Relative to the largest element, over {SAMPLES} samples as one matrix, in float64."
    )
    return 0 if good else 1
