"""scikit-learn's callbacks (`set_callbacks`): a fit is a task, its epochs are its subtasks.

They come with scikit-learn 1.9. With an older version, estimators have no `set_callbacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bpmatrix.history import EpochInfo

if TYPE_CHECKING:
    from bpmatrix.estimators.gate import FitArguments
    from bpmatrix.estimators.stochastic import Fit

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Takes the place of scikit-learn's class, and adds nothing."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method itself."""
        return method


class CallbackSupport(CallbackSupportMixin):
    """An estimator with `set_callbacks`, if the installed scikit-learn has it."""


# scikit-learn's attributes of an estimator. A copy shares them, as in scikit-learn: callbacks ask
# for a copy after each epoch, and a copy of a callback would open connections of its own.
SKLEARN_CALLBACKS = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
)


@contextmanager
def fit_task(estimator: Any, given: FitArguments) -> Iterator[Callable[[Fit], None]]:
    """Begin the task of a fit, and end it unless the fit fails.

    Without callbacks of scikit-learn, and for `partial_fit`, nothing is called.

    Parameters
    ----------
    estimator : MultilayerPerceptron
        The estimator, with checked parameters.
    given : FitArguments
        The arguments of `fit`.

    Yields
    ------
    join : function
        Makes the epochs of a `Fit` subtasks.
    """
    if given.incremental or not getattr(estimator, "_skl_callbacks", None):
        yield lambda fit: None
        return
    weight = given.sample_weight
    metadata = None if weight is None else {"sample_weight": weight}
    data = {"estimator": estimator, "X": given.X, "y": given.y, "metadata": metadata}
    # Callbacks may ask for a copy of the estimator, which needs no other attributes.
    data_of_end = data | {"reconstruction_attributes": dict}

    def join(fit: Fit) -> None:
        epoch: Any = None

        def begin() -> None:
            nonlocal epoch
            epoch = context.subcontext(task_name="epoch").call_on_fit_task_begin(**data)

        def end(_: EpochInfo) -> bool:
            return bool(epoch.call_on_fit_task_end(**data_of_end))

        fit.begin_epoch, fit.callbacks = begin, (*fit.callbacks, end)

    try:
        epochs = 0 if estimator.solver == "lbfgs" else estimator.max_iter
        context = estimator._init_callback_context(max_subtasks=epochs)  # noqa: SLF001 - theirs
        context.call_on_fit_task_begin(**data)
        yield join
        context.call_on_fit_task_end(**data_of_end)
    finally:
        _tear_down(estimator)


@with_callbacks
def _tear_down(estimator: Any) -> None:
    """Do nothing: the decorator tears down the callbacks that were set up."""
