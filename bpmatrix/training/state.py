"""The state of training that a network carries from run to run, and its form in a model file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.checks import find
from bpmatrix.training.optimizers import OPTIMIZERS, LevenbergMarquardt, Optimizer
from bpmatrix.training.recipe import OptimizerState

Array = NDArray[Any]

# Of epochs and steps, which are continued in 64 bits; a run that only its rules end may name more.
LARGEST_COUNT = 1 << 61


@dataclass
class TrainingState:
    """The state that a network carries from run to run, so that two runs equal one long run.

    Attributes
    ----------
    seed : int
        The seed of the network.
    shuffler : numpy.random.Generator
        The generator of permutations.
    epochs : int
        The number of complete epochs.
    optimizer : Optimizer or None
        The optimizer of the last run.
    optimizer_state : OptimizerState or None
        Its state, which continues as long as the optimizer is equal.
    is_seed_drawn : bool
        Whether the seed was drawn, not chosen by the caller.
    """

    seed: int
    shuffler: np.random.Generator
    epochs: int = 0
    optimizer: Optimizer | None = None
    optimizer_state: OptimizerState | None = None
    is_seed_drawn: bool = False

    def optimizer_state_for(self, optimizer: Optimizer, theta: Array) -> OptimizerState:
        """Return the state for an optimizer: the current one if it is equal, else a new one."""
        if self.optimizer_state is None or self.optimizer_state.optimizer != optimizer:
            return OptimizerState.fresh(optimizer, theta)
        return self.optimizer_state

    def take(self, state: OptimizerState) -> None:
        """Set the optimizer and its state."""
        self.optimizer, self.optimizer_state = state.optimizer, state

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of a model file, without the moments of the optimizer."""
        state = self.optimizer_state
        return {
            "seed": self.seed,
            "epochs": self.epochs,
            "shuffler": self.shuffler.bit_generator.state,
            "optimizer": _named(self.optimizer),
            "state": state and _as_json(state),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainingState:
        """Return the state that `to_json` converted, with empty moments; any error if invalid."""
        _check_whole("seed", stored["seed"])
        _check_whole("epochs", stored["epochs"], LARGEST_COUNT)
        found = cls(stored["seed"], _generator(stored["shuffler"]), stored["epochs"])
        found.optimizer = _optimizer(stored["optimizer"])
        state = stored.get("state")  # missing in files written before there was momentum
        if state is not None:
            _check_whole("state.steps", state["steps"], LARGEST_COUNT)
            optimizer = _optimizer(state["optimizer"])
            if optimizer is None:
                raise ValueError("the state has no optimizer")
            damping = checked_damping(state.get("damping"))
            if (damping is None) == isinstance(optimizer, LevenbergMarquardt):
                raise ValueError("the damping does not fit the optimizer")
            none = np.empty((0, 0))
            found.optimizer_state = OptimizerState(optimizer, none, state["steps"], damping)
        return found


def _as_json(state: OptimizerState) -> dict[str, Any]:
    found = {"optimizer": _named(state.optimizer), "steps": state.steps}
    return found if state.damping is None else found | {"damping": state.damping}


def checked_damping(stored: Any) -> tuple[float, float] | None:
    """Return the damping of Levenberg-Marquardt in a file; ValueError if it is not valid."""
    if stored is None:
        return None
    mu, growth = map(float, stored)
    if not (0 < mu < math.inf and (growth == 0 or 2 <= growth < math.inf)):
        raise ValueError(f"damping is {stored!r}")
    return mu, growth


def _named(optimizer: Optimizer | None) -> dict[str, Any] | None:
    return None if optimizer is None else {"name": type(optimizer).__name__, **asdict(optimizer)}


def _optimizer(stored: Mapping[str, Any] | None) -> Optimizer | None:
    if stored is None:
        return None
    arguments = dict(stored)
    return find(OPTIMIZERS, arguments.pop("name"), "optimizer")(**arguments)


def _generator(state: Any) -> np.random.Generator:
    for name in ("has_uint32", "uinteger"):
        _check_whole(f"shuffler.{name}", state[name])
    for name in ("state", "inc"):
        _check_whole(f"shuffler.state.{name}", state["state"][name])
    generator = np.random.PCG64(0)
    try:
        generator.state = state
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return np.random.Generator(generator)


def _check_whole(name: str, number: object, most: float = math.inf) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
        raise ValueError(f"{name} is {number!r}")
