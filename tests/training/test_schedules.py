"""The schedules: formulas, rejected arguments, and PyTorch's schedules if it is installed."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo
from bpmatrix.schedules import Cosine, InverseScaling, ReduceOnPlateau, Step, Warmup

ALL = [
    Step(3), Cosine(7), InverseScaling(), Warmup(2), Warmup(2, Cosine(5)), ReduceOnPlateau(),
]  # fmt: skip


def past(*costs: float) -> list[EpochInfo]:
    return [EpochInfo(e, 99, c, None, None, None, 1.0, 0.1) for e, c in enumerate(costs, 1)]


# -------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Step(every=1, factor=0.5), [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16]),
        (Step(every=2, factor=0.25), [1, 1, 1 / 4, 1 / 4, 1 / 16]),
        (Step(every=9, factor=0.25), [1] * 5),
        (Step(every=1, factor=0), [1, 0, 0, 0, 0]),
        (Step(every=1, factor=1), [1] * 5),
        # cos(0), cos(pi/3), cos(2 pi/3), cos(pi) are 1, 1/2, -1/2, -1; then constant.
        (Cosine(epochs=3), [1, 3 / 4, 1 / 4, 0, 0]),
        (Cosine(epochs=3, least=0.2), [1, 0.8, 0.4, 0.2, 0.2]),
        (Cosine(epochs=1, least=0.5), [1, 0.5, 0.5, 0.5, 0.5]),
        (Cosine(epochs=3, least=1), [1] * 5),
        (InverseScaling(power=1), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (InverseScaling(power=0.5), [1, 2**-0.5, 3**-0.5, 1 / 2, 5**-0.5]),
        (InverseScaling(power=0), [1] * 5),
        (Warmup(epochs=4), [1 / 4, 1 / 2, 3 / 4, 1, 1]),
        (Warmup(epochs=1), [1] * 5),
        pytest.param(
            Warmup(epochs=2, then=lambda epoch: 1 / epoch),
            [1 / 2, 1 / 2, 1 / 3, 1 / 4, 1 / 5],
            id="Warmup, then a function",
        ),
    ],
    ids=str,
)
def test_factors_of_the_first_epochs(schedule, expected: list[float]) -> None:
    """A few roundings of numbers of at most 1: a power, a cosine, three products."""
    given = [schedule(epoch) for epoch in (1, 2, 3, 4, 5)]
    assert given == pytest.approx(expected, rel=8 * np.finfo(float).eps, abs=1e-16)
    assert all(type(factor) is float for factor in given)


@pytest.mark.parametrize(
    ("schedule", "costs", "expected"),
    [
        (ReduceOnPlateau(0.5, patience=1), [], 1),
        (ReduceOnPlateau(0.5, patience=1), [3, 2, 1], 1),
        (ReduceOnPlateau(0.5, patience=1), [3, 3], 1 / 2),
        (ReduceOnPlateau(0.5, patience=1), [3, 4, 5], 1 / 4),
        (ReduceOnPlateau(0.5, patience=2), [3, 4, 5], 1 / 2),
        # Not back to 3: no improvement; after a reduction the count starts again.
        (ReduceOnPlateau(0.5, patience=2), [3, 5, 4, 5], 1 / 2),
        (ReduceOnPlateau(0.5, patience=2), [3, 5, 4, 5, 3], 1 / 4),
        (ReduceOnPlateau(0.5, patience=2), [3, 5, 2, 5], 1),
        (ReduceOnPlateau(0.5, patience=1, least=0.4), [3, 4, 5], 0.4),
        # Small steps that add up to more than least_change are an improvement.
        (ReduceOnPlateau(0.5, patience=2, least_change=1), [3, 2.5, 1.5, 1.25], 1),
        (ReduceOnPlateau(0.5, patience=2, least_change=1), [3, 2.5, 2], 1 / 2),
        (ReduceOnPlateau(0.5, patience=1), [math.nan, 3], 1 / 2),
        (ReduceOnPlateau(0.5, patience=1), [3, math.inf], 1 / 2),
    ],
    ids=str,
)
def test_factor_after_a_past(schedule, costs: list[float], expected: float) -> None:
    assert schedule.after(past(*costs)) == expected
    assert schedule.after(past(*costs)) == expected, "nothing is remembered"


@pytest.mark.parametrize(
    ("metric", "figures", "expected"),
    [
        (None, {}, 0.5),  # the validation cost rises
        ("validation_accuracy", {}, 1.0),
        ("validation_cost", {}, 0.5),
        ("cost", {}, 1.0),
        ("accuracy", {}, 0.5),
        (None, {"validation_accuracy": None}, 0.5),
        (None, {"validation_accuracy": None, "validation_cost": None}, 1.0),
    ],
)
def test_the_metric_of_a_plateau(metric: str | None, figures: dict, expected: float) -> None:
    """A lower cost or a higher accuracy is an improvement; None is the metric of best_epoch."""
    epochs = []
    for e in (0, 1):
        known = {
            "cost": 1.0 - e / 2, "accuracy": 0.9 - e / 2, "validation_cost": 1.0 + e,
            "validation_accuracy": 0.25 + e / 2,
        } | figures  # fmt: skip
        epochs.append(EpochInfo(e + 1, 9, learning_rate=1.0, seconds=0.1, **known))
    assert ReduceOnPlateau(0.5, patience=1, metric=metric).after(epochs) == expected


# ----------------------------------------------------------------------------------- descriptions


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_they_are_frozen_and_equal_by_value(schedule) -> None:
    assert schedule == copy.deepcopy(schedule) == pickle.loads(pickle.dumps(schedule))
    assert hash(schedule) == hash(copy.deepcopy(schedule))
    with pytest.raises(FrozenInstanceError):
        setattr(schedule, fields(schedule)[0].name, 1)
    assert repr(schedule).startswith(type(schedule).__name__ + "(")


def test_numpy_numbers_become_pythons() -> None:
    """So that equal schedules also have the same repr."""
    assert repr(Step(np.int8(3), np.float32(0.5))) == "Step(every=3, factor=0.5)"
    assert repr(Cosine(np.uint8(3), np.float64(0))) == "Cosine(epochs=3, least=0.0)"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Step, {"every": 0}),
        (Step, {"every": 1.5}),
        (Step, {"every": 2, "factor": 1.5}),
        (Step, {"every": 2, "factor": -0.1}),
        (Cosine, {"epochs": 0}),
        (Cosine, {"epochs": 3, "least": 2}),
        (Cosine, {"epochs": 3, "least": math.nan}),
        (InverseScaling, {"power": -1}),
        (InverseScaling, {"power": math.inf}),
        (Warmup, {"epochs": 0}),
        (Warmup, {"epochs": 1, "then": 0.5}),
        (Warmup, {"epochs": 1, "then": Step}),
        (Warmup, {"epochs": 1, "then": ReduceOnPlateau()}),
        (ReduceOnPlateau, {"factor": 2}),
        (ReduceOnPlateau, {"patience": 0}),
        (ReduceOnPlateau, {"least_change": -1}),
        (ReduceOnPlateau, {"metric": "loss"}),
        (ReduceOnPlateau, {"least": None}),
    ],
)
def test_wrong_arguments_are_named(kind: type, arguments: dict) -> None:
    wrong = list(arguments)[-1]
    with pytest.raises(ArgumentError, match=wrong):
        kind(**arguments)


# ------------------------------------------------------------------------------- PyTorch's formulas


def test_a_schedule_after_a_warm_up_must_return_a_factor() -> None:
    with pytest.raises(ArgumentError, match=r"factor of `then`.*got None"):
        Warmup(epochs=2, then=lambda epoch: None)(1)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def rates_of_torch(torch, make, metrics=None, epochs: int = 12) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make(torch.optim.lr_scheduler)(optimizer), []
    for e in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([] if metrics is None else [metrics[e]]))
    return rates


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Step(3, 0.3), lambda s: lambda o: s.StepLR(o, step_size=3, gamma=0.3)),
        # One period: PyTorch's rises again after it.
        (Cosine(12, 0.1), lambda s: lambda o: s.CosineAnnealingLR(o, T_max=12, eta_min=0.1)),
        (
            Warmup(4),
            lambda s: lambda o: s.LinearLR(o, start_factor=1 / 4, total_iters=3),
        ),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_the_same_rates_as_pytorch(torch, ours, theirs) -> None:
    """PyTorch multiplies the previous rate: a few roundings in each of twelve epochs."""
    expected = rates_of_torch(torch, theirs)
    tolerance = 12 * 8 * np.finfo(float).eps
    assert [ours(e) for e in range(1, 13)] == pytest.approx(expected, rel=tolerance, abs=tolerance)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 4),
    st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.0, 0.125]),
)  # fmt: skip
def test_the_same_plateaus_as_pytorch(
    torch, costs: list[int], patience: int, least_change: float, least: float
) -> None:
    """PyTorch waits one epoch more than its patience."""
    expected = rates_of_torch(
        torch,
        lambda s: lambda o: s.ReduceLROnPlateau(
            o, factor=0.5, patience=patience - 1, threshold=least_change, threshold_mode="abs",
            min_lr=least, eps=0.0,
        ),
        metrics=costs,
        epochs=len(costs),
    )  # fmt: skip
    ours = ReduceOnPlateau(0.5, patience, least_change, least=least)
    assert [ours.after(past(*costs[:e])) for e in range(len(costs))] == expected
