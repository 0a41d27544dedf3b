"""`Blocks` in the estimators: the same fits as on arrays, validation, prediction, checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from block_twin import order_of_an_epoch
from numeric import same_bits

import bpmatrix
from bpmatrix import Blocks, MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.training import slices

RNG = np.random.default_rng(7)
X = RNG.standard_normal((203, 4))
CODES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
NAMES = np.array(["ant", "bee", "cat"])[CODES]
NUMBERS = np.abs(X[:, :2]) + 0.1
WEIGHTS = RNG.integers(0, 3, 203).astype(float)
VALIDATION = X[:70] + 0.1, NAMES[:70]
REST = {"max_iter": 5, "random_state": 2, "batch_size": 20}

pytestmark = pytest.mark.filterwarnings("ignore:the solver reached max_iter")


def same(a, b) -> bool:
    """Whether two fits have the same weights and records."""
    weights = zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True)
    records = ("loss_curve_", "validation_scores_", "validation_loss_curve_", "n_iter_", "t_")
    return all(same_bits(p, q) for p, q in weights) and all(
        getattr(a, name) == getattr(b, name) for name in records
    )


def test_a_fit_records_size_and_window_of_its_blocks(tmp_path) -> None:
    model = MLPClassifier(**REST).fit(Blocks(X, NAMES, block_size=50, window=2))
    model.save(tmp_path / "model.safetensors")
    for found in (model, bpmatrix.load(tmp_path / "model.safetensors")):
        assert found.blocks_ == {"block_size": 50, "window": 2}
    model.partial_fit(Blocks([(X, NAMES)]))
    assert model.blocks_ == {"block_size": None, "window": 8}
    assert model.fit(X, NAMES).blocks_ is None
    model.save(tmp_path / "model.safetensors")
    assert bpmatrix.load(tmp_path / "model.safetensors").blocks_ is None


TARGETS = {"names": NAMES, "two": CODES > 0, "labels": np.eye(3, dtype=int)[CODES]}


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("class_weight", [None, "balanced", "some"])
def test_in_one_window_a_classifier_fits_as_on_arrays(targets, weights, class_weight) -> None:
    y = TARGETS[targets]
    if targets == "labels" and class_weight:
        return
    if class_weight == "some":
        class_weight = {"ant": 0, "bee": 2} if targets == "names" else {False: 0.5}
    model, blocked = (MLPClassifier(class_weight=class_weight, **REST) for _ in range(2))
    model.fit(X, y, weights)
    blocked.fit(Blocks(X, y, weights, block_size=17, window=12))
    assert same(model, blocked)
    assert np.array_equal(model.classes_, blocked.classes_)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_scales_of_one_block_are_those_of_the_array(class_weight) -> None:
    """Of several blocks, they are computed in another order, and may differ by rounding."""
    keywords = REST | {"standardize": True, "class_weight": class_weight}
    model = MLPClassifier(**keywords).fit(X, NAMES, WEIGHTS)
    assert same(MLPClassifier(**keywords).fit(Blocks(X, NAMES, WEIGHTS)), model)
    several = MLPClassifier(**keywords).fit(Blocks(X, NAMES, WEIGHTS, block_size=10, window=30))
    assert several.loss_curve_ == pytest.approx(model.loss_curve_, rel=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressor_fits_as_on_arrays(loss, standardize, outputs) -> None:
    y = NUMBERS[:, 0] if outputs == 1 else NUMBERS
    model, blocked = (MLPRegressor(loss, standardize=standardize, **REST) for _ in range(2))
    model.fit(X, y, WEIGHTS, X[:70], y[:70])
    blocked.fit(Blocks(X, y, WEIGHTS), X_val=Blocks(X[:70], y[:70], block_size=13))
    assert same(model, blocked)
    assert same_bits(model.predict(X), blocked.predict(Blocks(X, block_size=50)))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_over_windows_a_fit_is_that_in_the_twins_order(solver: str) -> None:
    """Each epoch is fitted to the samples in that order, without shuffling."""
    blocks = Blocks(X, NAMES, WEIGHTS + 1, block_size=11, window=4)
    model = MLPClassifier(solver=solver, **REST).fit(blocks)
    twin = MLPClassifier(solver=solver, **REST | {"shuffle": False})
    state = np.random.RandomState(2)
    for size in (4 * 100, 100, 100 * 3, 3):  # the initial weights were drawn first
        state.uniform(size=size)

    def draw(n: int) -> np.ndarray:
        places = np.arange(n)
        state.shuffle(places)
        return places

    for _ in range(5):
        order = order_of_an_epoch([11] * 18 + [5], 4, draw)
        twin.partial_fit(X[order], NAMES[order], WEIGHTS[order] + 1, ["ant", "bee", "cat"])
    assert all(map(same_bits, model.coefs_, twin.coefs_))
    assert model.loss_curve_ == twin.loss_curve_


def test_early_stopping_on_blocks_is_that_on_arrays() -> None:
    keywords = REST | {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 2}
    model, blocked = MLPClassifier(**keywords), MLPClassifier(**keywords)
    model.fit(X, NAMES, X_val=VALIDATION[0], y_val=VALIDATION[1])
    blocked.fit(Blocks(X, NAMES), X_val=Blocks(*VALIDATION, block_size=9))
    assert same(model, blocked)
    assert model.best_validation_score_ == blocked.best_validation_score_
    assert same(MLPClassifier(**keywords).fit(X, NAMES, X_val=Blocks(*VALIDATION)), model)


def test_predictions() -> None:
    model, blocks = MLPClassifier(**REST).fit(X, NAMES), Blocks(X, NAMES, block_size=31)
    assert np.array_equal(model.predict(blocks), model.predict(X))
    assert same_bits(model.predict_proba(blocks), model.predict_proba(X))
    assert model.score(blocks, NAMES) == model.score(X, NAMES)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_scores(weights) -> None:
    """Blocks have their targets and weights, and are read once."""
    for model, y in ((MLPClassifier(**REST), NAMES), (MLPRegressor(**REST), NUMBERS)):
        model.fit(X, y)
        expected = pytest.approx(model.score(X, y, weights))
        assert model.score(Blocks(X, y, weights, block_size=31)) == expected
        if weights is None:
            assert model.score(Blocks(X, block_size=31), y) == expected
            with pytest.raises(DataError, match="block 1 of X has no targets"):
                model.score(Blocks(X))
        with pytest.raises(ArgumentError, match="sample_weight cannot be combined"):
            model.score(Blocks(X, y), sample_weight=WEIGHTS)


def test_empty_blocks_are_passed_over() -> None:
    parts = [(X[:50], NAMES[:50]), (X[:0], NAMES[:0]), (X[50:], NAMES[50:])]
    model = MLPClassifier(**REST).fit(Blocks(parts))
    assert same_bits(model.predict_proba(Blocks(parts)), model.predict_proba(X))
    assert model.score(Blocks(parts)) == model.score(X, NAMES)
    for method in (model.predict, model.score):
        with pytest.raises(DataError, match="is empty"):
            method(Blocks([parts[1]]))


def test_partial_fit_and_warm_start() -> None:
    blocks = Blocks(X, NAMES, block_size=20, window=20)
    model, other = MLPClassifier(**REST), MLPClassifier(**REST)
    for _ in range(3):
        model.partial_fit(blocks, classes=["ant", "bee", "cat"])
        other.partial_fit(X, NAMES, classes=["ant", "bee", "cat"])
    assert same(model, other)
    model.set_params(warm_start=True).fit(blocks)
    other.set_params(warm_start=True).fit(X, NAMES)
    assert same(model, other)


@pytest.mark.parametrize("window", [3, 30])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_a_fit_resumes_within_windows(window, shuffle, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 1e-9)
    blocks = Blocks(X, NAMES, WEIGHTS, block_size=10, window=window)
    keywords = REST | {"shuffle": shuffle}
    model = MLPClassifier(**keywords).fit(blocks, X_val=Blocks(*VALIDATION))
    run_slice = slices.SliceRunner._run_slice
    for number in (1, 4, 9, 12, 10**6):
        left = iter(range(number))

        def run(self, *arguments: object, left=left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            run_slice(self, *arguments)

        monkeypatch.setattr(slices.SliceRunner, "_run_slice", run)
        other = MLPClassifier(**keywords)
        other.fit(blocks, X_val=Blocks(*VALIDATION), checkpoint=tmp_path)
    assert same(model, other)
    with pytest.raises(ArgumentError, match="belongs to a run with different window"):
        MLPClassifier(**keywords).fit(
            Blocks(X, NAMES, WEIGHTS, block_size=10, window=5),
            X_val=Blocks(*VALIDATION), checkpoint=tmp_path,
        )  # fmt: skip


def test_a_fit_with_validation_but_no_early_stopping_resumes(tmp_path: Path) -> None:
    """On arrays, too: its scores are None up to the first."""
    for epochs in (2, 5):
        model = MLPClassifier(**REST | {"max_iter": epochs})
        model.fit(X, NAMES, X_val=VALIDATION[0], y_val=VALIDATION[1], checkpoint=tmp_path)
    straight = MLPClassifier(**REST).fit(X, NAMES, X_val=VALIDATION[0], y_val=VALIDATION[1])
    assert same(model, straight)


def test_a_change_of_the_data_restores_the_fitted_model() -> None:
    table = X.copy()
    model = MLPClassifier(**REST).fit(X, NAMES)
    before = [W.copy() for W in model.coefs_]

    def change(_: object) -> None:
        table[5] += 1

    with pytest.raises(ValueError, match="has changed since the first pass"):
        model.set_params(callbacks=[change]).fit(Blocks(table, NAMES, block_size=10, window=3))
    assert all(map(same_bits, model.coefs_, before))


NAN = np.where(np.arange(203)[:, None] == 103, np.nan, X)


@pytest.mark.parametrize(
    ("model", "arguments", "error", "says"),
    [
        (MLPClassifier(early_stopping=True), {}, ArgumentError, "early_stopping does not hold"),
        (MLPClassifier(solver="lbfgs"), {}, ArgumentError, "lbfgs needs all samples"),
        (MLPClassifier(), {"y": NAMES}, ArgumentError, "y cannot be combined with Blocks"),
        (MLPClassifier(), {"sample_weight": WEIGHTS}, ArgumentError, "sample_weight cannot be"),
        (MLPClassifier(), {"X": Blocks(X)}, DataError, "block 1 of X has no targets"),
        (MLPClassifier(), {"X_val": Blocks(X)}, DataError, "block 1 of X_val has no targets"),
        (MLPClassifier(), {"X": Blocks(NAN, NAMES)}, ValueError, "Input X contains NaN"),
        (MLPClassifier(), {"X": Blocks(X, X[:, 0])}, ValueError, "Unknown label type"),
        (
            MLPClassifier(), {"X_val": Blocks(X, np.array(["dog"] * 203))}, DataError,
            "y has 1 unknown classes",
        ),
        (
            MLPClassifier(), {"X": Blocks(X, NAMES, 0 * WEIGHTS)}, DataError,
            "is 0 for all samples",
        ),
        (
            MLPClassifier(), {"X_val": Blocks(X, NAMES, 0 * WEIGHTS)}, DataError,
            "all validation samples have weight 0",
        ),
        (MLPRegressor("poisson"), {"X": Blocks(X, X)}, DataError, "y has numbers below"),
        (
            MLPRegressor(), {"X": Blocks(X, X), "X_val": Blocks(X[:1], X[:1])}, DataError,
            "the validation set is too small",
        ),
    ],
)  # fmt: skip
def test_wrong_blocks_change_nothing(model, arguments, error, says) -> None:
    with pytest.raises(error) as caught:
        model.fit(**{"X": Blocks(X, NAMES, block_size=50)} | arguments)
    assert says in str(caught.value)
    assert not hasattr(model, "coefs_")


def test_an_error_of_scikit_learn_names_the_block() -> None:
    with pytest.raises(ValueError, match="NaN") as caught:
        MLPClassifier().fit(Blocks(NAN, NAMES, block_size=50))
    assert caught.value.__notes__ == ["This is block 3 of X."]
