"""Learning rates (ch. 3): one that is too small, one that is right, one that is too large.

With the small one, the cost falls slowly and steadily; with the large one, it oscillates.
"""

from collections.abc import Sequence

import figure

from bpmatrix.nielsen import network2


def main(arguments: Sequence[str] | None = None) -> figure.Curves:
    """Train with each; return the costs on the training images."""
    args = figure.parse(__doc__, arguments, digits=30, mnist=30)
    curves = {}
    for eta in (0.025, 0.25, 2.5):
        training_data, validation_data, _, n_inputs = figure.load(args.data)
        net = network2.Network([n_inputs, 30, 10])
        print(f"\neta = {eta}")
        _, _, training_cost, _ = net.SGD(
            training_data, args.epochs, 10, eta,
            lmbda=figure.LMBDA_PER_IMAGE * len(training_data),
            evaluation_data=validation_data,
            monitor_training_cost=True,
        )  # fmt: skip
        curves[f"eta = {eta}"] = training_cost
    title = f"Cost on the training images of {args.data}"
    return figure.finish(args, range(args.epochs), curves, title, xlabel="epoch")


if __name__ == "__main__":
    main()
