"""bpmatrix: multilayer perceptrons, trained by backpropagation of whole mini-batches as matrices.

>>> from bpmatrix import Network, SGD, datasets
>>> digits = datasets.load("digits")
>>> net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
>>> history = net.train(digits.train.X, digits.train.labels, optimizer=SGD(learning_rate=0.5))
>>> bool(net.accuracy(digits.test.X, digits.test.labels) > 0.94)
True
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from bpmatrix.errors import MissingPackageError

if TYPE_CHECKING:
    from bpmatrix import datasets, errors, plots, progress, schedules
    from bpmatrix.architecture.activations import OwnActivation
    from bpmatrix.architecture.costs import Huber, OwnCost, Quantile
    from bpmatrix.callbacks import save_best
    from bpmatrix.errors import BpmatrixError
    from bpmatrix.estimators import MLPClassifier, MLPRegressor
    from bpmatrix.history import History
    from bpmatrix.inspection.diagnosis import diagnose
    from bpmatrix.inspection.gradcheck import verify
    from bpmatrix.loading import load
    from bpmatrix.network import Network
    from bpmatrix.network.many import train_many
    from bpmatrix.samples.blocks import Blocks
    from bpmatrix.tables.encoder import TableEncoder
    from bpmatrix.tables.model import TableModel
    from bpmatrix.training.optimizers import LBFGS, SGD, Adam, AdamW, LevenbergMarquardt, RMSprop
    from bpmatrix.training.stopping import EarlyStopping

__version__ = "0.1.0"
__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "AdamW",
    "Blocks",
    "BpmatrixError",
    "EarlyStopping",
    "History",
    "Huber",
    "LevenbergMarquardt",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "OwnActivation",
    "OwnCost",
    "Quantile",
    "RMSprop",
    "TableEncoder",
    "TableModel",
    "datasets",
    "diagnose",
    "errors",
    "load",
    "plots",
    "progress",
    "save_best",
    "schedules",
    "train_many",
    "verify",
]

# The module that defines each name. It is imported when the name is first used, so that
# `bpmatrix --help` answers at once.
_HOMES = {
    "LBFGS": "bpmatrix.training.optimizers",
    "SGD": "bpmatrix.training.optimizers",
    "Adam": "bpmatrix.training.optimizers",
    "AdamW": "bpmatrix.training.optimizers",
    "Blocks": "bpmatrix.samples.blocks",
    "BpmatrixError": "bpmatrix.errors",
    "EarlyStopping": "bpmatrix.training.stopping",
    "History": "bpmatrix.history",
    "Huber": "bpmatrix.architecture.costs",
    "LevenbergMarquardt": "bpmatrix.training.optimizers",
    "MLPClassifier": "bpmatrix.estimators",
    "MLPRegressor": "bpmatrix.estimators",
    "Network": "bpmatrix.network",
    "OwnActivation": "bpmatrix.architecture.activations",
    "OwnCost": "bpmatrix.architecture.costs",
    "Quantile": "bpmatrix.architecture.costs",
    "RMSprop": "bpmatrix.training.optimizers",
    "TableEncoder": "bpmatrix.tables.encoder",
    "TableModel": "bpmatrix.tables.model",
    "diagnose": "bpmatrix.inspection.diagnosis",
    "load": "bpmatrix.loading",
    "save_best": "bpmatrix.callbacks",
    "train_many": "bpmatrix.network.many",
    "verify": "bpmatrix.inspection.gradcheck",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'bpmatrix' has no attribute {name!r}")
    home = _HOMES.get(name, f"bpmatrix.{name}")
    try:
        if home not in sys.modules:
            # If Ctrl-C interrupts the import of NumPy, it cannot be imported again.
            with import_module("bpmatrix.signals").signals_held():
                import_module(home)
        module = import_module(home)  # waits if another thread is importing it
        return getattr(module, name) if name in _HOMES else module
    except MissingPackageError as error:
        return _stand_in(name, error)


def __dir__() -> list[str]:
    """List the public names and the module's dunder names."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def _stand_in(name: str, error: MissingPackageError) -> type:
    """Return a class that raises the error when called.

    So ``import *``, hasattr and help work without the missing package.
    """

    def refuse(*_: object, **__: object) -> NoReturn:
        raise type(error)(*error.args)

    return type(name, (), {"__new__": refuse, "__doc__": str(error), "__module__": __name__})
