"""A fit stopped at any moment and resumed produces the same bits as an uninterrupted one."""

from __future__ import annotations

import copy
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from interruptions import interruptions
from killed import Killed, killed_after
from numeric import same_bits
from scipy import sparse

import bpmatrix
from bpmatrix import MLPClassifier, MLPRegressor, Network
from bpmatrix.errors import ArgumentError, DataError, DivergenceError, ModelFileError
from bpmatrix.estimators import storage
from bpmatrix.estimators.descent import Rate
from bpmatrix.estimators.resumable import random_state_from_json, random_state_to_json
from bpmatrix.estimators.stochastic import Fit
from bpmatrix.storage import checkpoints, tensor_files
from bpmatrix.storage.checkpoints import Checkpoints
from bpmatrix.training import slices
from bpmatrix.training.checkpoint import Snapshot

RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3))
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
WEIGHTS = RNG.uniform(0.5, 2, 40)
HOW = {"hidden_layer_sizes": (6,), "batch_size": 16, "max_iter": 4, "random_state": 3}
SETTINGS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1,
            "max_iter": 9},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "shuffle": False},
    "stops early": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 9,
                    "validation_fraction": 0.3, "tol": 0.1},
    "standardized": {"standardize": True, "early_stopping": True, "validation_fraction": 0.3},
    "converges": {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 9},
    "any state": {"random_state": None, "dropout": 0.2, "early_stopping": True,
                  "validation_fraction": 0.3},
}  # fmt: skip
RECORDS = (
    "n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_",
    "best_validation_score_", "validation_loss_curve_", "_no_improvement_count",
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:the solver reached max_iter")


def fit(folder: Path | None, kind: type = MLPClassifier, **how):
    targets = LABELS if kind is MLPClassifier else X[:, 0] - X[:, 1]
    model = kind(**HOW | how)
    return model.fit(X, targets, WEIGHTS, checkpoint=folder)


def assert_equal(ours, whole) -> None:
    """Compare weights, records, the optimizer's state and what is drawn next."""
    assert same_bits(ours._parameters.flat, whole._parameters.flat)
    for name in RECORDS:
        assert getattr(ours, name) == getattr(whole, name), name
    state, expected = (model._optimizer.optimizer_state for model in (ours, whole))
    assert same_bits(state.moments, expected.moments)
    assert state.steps == expected.steps
    assert ours._optimizer.rate == whole._optimizer.rate
    drawn = (random_state_to_json(model._random_state) for model in (ours, whole))
    assert next(drawn) == next(drawn)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("per_slice", [0.0, 0.15])
def test_a_fit_killed_after_any_slice_resumes_to_the_same_bits(
    kind: type, name: str, per_slice: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With one mini-batch per slice, or several epochs; resumed with several, as if now faster."""
    how = SETTINGS[name]
    whole = None
    if "random_state" not in how:
        whole = fit(None, kind, **how)
    for moment in count(1):
        folder = tmp_path / str(moment)
        try:
            with killed_after(moment, monkeypatch), monkeypatch.context() as patches:
                patches.setattr(slices, "SECONDS_PER_SLICE", per_slice)
                first = fit(folder, kind, **how)
        except Killed:
            pass
        else:
            break
        if whole is None:  # the initial weights were drawn; the first checkpoint has the state
            state = checkpoints.read(min(folder.glob("checkpoint-*"))).values["first_state"]
            same = random_state_from_json(state)
            assert_equal(fit(folder, kind, **how), fit(None, kind, **how | {"random_state": same}))
        else:
            assert_equal(fit(folder, kind, **how), whole)
    assert moment > (4 if per_slice == 0.0 else 1)
    if whole is not None:
        assert_equal(first, whole)


@pytest.mark.filterwarnings("ignore:training was interrupted")
# Signals are deferred while a temporary file is opened; an exception from the test is not.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("per_slice", [0.0, 0.15])
def test_ctrl_c_at_any_moment_loses_nothing(
    per_slice: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last checkpoint is a consistent state: no half epoch, no order drawn twice."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", per_slice)
    how = SETTINGS["stops early"] | {"max_iter": 3}
    whole, number = fit(None, **how), 0

    def prepare():
        nonlocal number
        number += 1
        folder = tmp_path / str(number)
        return lambda: fit(folder, n_threads=1, **how)

    for _ in interruptions(KeyboardInterrupt, prepare, every=151):
        assert_equal(fit(tmp_path / str(number), **how), whole)
    assert number > 10


@pytest.mark.filterwarnings("ignore:training was interrupted")
@pytest.mark.parametrize(
    ("name", "owner", "function"),
    [("stops early", Fit, "_count_improvement"), ("sgd", Rate, "lower")],
)
def test_no_checkpoint_is_written_while_an_epoch_is_recorded(
    name: str, owner: type, function: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C when the epoch is counted and nothing else: a resumed fit would count it again."""
    how = SETTINGS[name]
    whole, called = fit(None, **how), getattr(owner, function)

    def interrupted(*given) -> None:
        called(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patches:
        patches.setattr(owner, function, interrupted)
        fit(tmp_path, **how)
    assert_equal(fit(tmp_path, **how), whole)


def test_a_callback_may_draw_from_the_generator_of_the_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A checkpoint in an epoch has the state from before its order was drawn, after callbacks."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 0.0)
    states, generator = [], np.random.RandomState(5)

    def draw(info) -> None:
        generator.random_sample(3)
        states.append(random_state_to_json(generator))

    with killed_after(8, monkeypatch), pytest.raises(Killed):
        fit(tmp_path, random_state=generator, callbacks=[draw])
    found = checkpoints.read(max(tmp_path.glob("checkpoint-*"))).values
    assert found["mini_batches_done"] > 0
    assert len(states) == 2
    assert found["random_state"] == states[-1]


def test_records_that_are_too_large_leave_the_last_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is one warning, the fit goes on, and it can be resumed from the smaller checkpoint."""
    how = HOW | {"max_iter": 8}
    whole = fit(None, **how)
    fit(tmp_path, max_iter=4)
    monkeypatch.setattr(tensor_files, "LARGEST_HEADER", _header_size(tmp_path) + 10)
    kept = sorted(tmp_path.iterdir())
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="too large for a model file.*continues") as caught:
            model = fit(tmp_path, **how)
        assert len([one for one in caught if one.category is RuntimeWarning]) == 1
        assert_equal(model, whole)
        assert sorted(tmp_path.iterdir()) == kept


def _header_size(folder: Path) -> int:
    return int.from_bytes(max(folder.glob("checkpoint-*")).read_bytes()[:8], "little")


def test_max_iter_counts_from_the_beginning(tmp_path: Path) -> None:
    """Two after one run one more epoch; a smaller number runs none."""
    whole = fit(None, max_iter=3)
    for epochs in (1, 3, 3):
        model = fit(tmp_path, max_iter=epochs)
        assert model.n_iter_ == epochs
    assert_equal(model, whole)
    assert fit(tmp_path, max_iter=2).n_iter_ == 3


def test_the_best_estimator_can_be_loaded(tmp_path: Path) -> None:
    """If early stopping keeps it."""
    model = fit(tmp_path, **SETTINGS["stops early"])
    path = tmp_path / "best.safetensors"
    for _ in range(2):
        assert (bpmatrix.load(path).predict(X) == model.predict(X)).all()
        path.unlink()  # or the process is killed before it is written
        fit(tmp_path, **SETTINGS["stops early"])
    fit(tmp_path / "other")
    assert not (tmp_path / "other" / "best.safetensors").exists()


def test_a_best_estimator_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """As for a network."""
    (tmp_path / "best.safetensors").mkdir()
    with pytest.warns(RuntimeWarning, match=r"could not write best\.safetensors .* is a folder"):
        fit(tmp_path, **SETTINGS["stops early"])


def test_a_best_estimator_that_is_too_large_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoints are written."""

    def too_large(*_: object) -> None:
        raise DataError("the header is too large")

    monkeypatch.setattr(storage, "save", too_large)
    with pytest.warns(RuntimeWarning, match=r"write best\.safetensors .*header is too") as caught:
        fit(tmp_path, **SETTINGS["stops early"])
    assert len(caught) == 1
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".safetensors"] * 2


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"alpha": 0.1}, "alpha"),
        ({"hidden_layer_sizes": (5,)}, "hidden_layer_sizes"),
        ({"random_state": 4}, "random_state"),
        ({"solver": "sgd"}, "solver"),
        ({"standardize": True}, "X"),
        ({"class_weight": {"a": 2.0, "b": 1.0, "c": 1.0}}, "class_weight"),
        ({"n_iter_no_change": 3}, "n_iter_no_change"),
    ],
)
def test_a_different_fit_is_refused_by_name(changed: dict, name: str, tmp_path: Path) -> None:
    """Before the estimator has changed."""
    fit(tmp_path)
    model = MLPClassifier(**HOW | changed)
    before = dict(vars(model))
    with pytest.raises(ArgumentError, match=rf"belongs to a run with different .*\b{name}\b"):
        model.fit(X, LABELS, WEIGHTS, checkpoint=tmp_path)
    assert vars(model) == before


def test_different_data_are_refused(tmp_path: Path) -> None:
    """Inputs, targets, weights; a sparse matrix with the same numbers is different data, too."""
    fit(tmp_path)
    for X_, y, weight, name in (
        (X + 1e-9, LABELS, WEIGHTS, "X"),
        (X, LABELS[::-1], WEIGHTS, "y"),
        (X, LABELS, None, "sample_weight"),
        (sparse.csr_matrix(X), LABELS, WEIGHTS, "X"),
    ):
        with pytest.raises(ArgumentError, match=f"belongs to a run with different {name}"):
            MLPClassifier(**HOW).fit(X_, y, weight, checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match="belongs to a run with different"):
        Network([3, 6, 3], seed=4).train(X.T, np.arange(40) % 3, checkpoint=tmp_path)


def test_what_may_change(tmp_path: Path) -> None:
    """Threads, callbacks and the printed progress."""
    fit(tmp_path, max_iter=2)
    model = fit(tmp_path, n_threads=2, callbacks=[lambda info: None], verbose=False)
    assert_equal(model, fit(None))


def test_a_warm_start_resumes_from_its_own_checkpoint(tmp_path: Path) -> None:
    """A fit with a warm start can be resumed; an error restores the estimator."""
    whole = MLPClassifier(**HOW, warm_start=True).fit(X, LABELS).fit(X, LABELS)
    model = MLPClassifier(**HOW | {"max_iter": 4}, warm_start=True).fit(X, LABELS)
    start = model._parameters.flat.copy()
    model.set_params(max_iter=2).fit(X, LABELS, checkpoint=tmp_path)
    model.set_params(max_iter=4).fit(X, LABELS, checkpoint=tmp_path)
    assert same_bits(model._parameters.flat, whole._parameters.flat)

    def fail(info) -> None:
        raise RuntimeError

    again = MLPClassifier(**HOW, warm_start=True).fit(X, LABELS)
    assert same_bits(again._parameters.flat, start)
    with pytest.raises(RuntimeError):
        again.set_params(max_iter=6, callbacks=[fail]).fit(X, LABELS, checkpoint=tmp_path)
    assert same_bits(again._parameters.flat, start)


def test_ctrl_c_while_a_warm_start_is_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The fitted estimator is unchanged: its weights and its curves."""
    model = MLPClassifier(**HOW, warm_start=True).fit(X, LABELS)
    start, curve, steps = model._parameters.flat.copy(), [*model.loss_curve_], model.t_
    state = model._optimizer.optimizer_state
    moments = state.moments.copy()
    again = copy.deepcopy(model).fit(X, LABELS, checkpoint=tmp_path)
    assert not same_bits(again._parameters.flat, start)
    resume = Checkpoints._resume

    def interrupted(*given) -> None:
        resume(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patches:
        patches.setattr(Checkpoints, "_resume", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, LABELS, checkpoint=tmp_path)
    assert same_bits(model._parameters.flat, start)
    assert (model.loss_curve_, model.t_) == (curve, steps)
    assert same_bits(state.moments, moments)
    assert_equal(model.fit(X, LABELS, checkpoint=tmp_path), again)


def test_a_fit_that_diverges_after_a_resume_shows_all_epochs(tmp_path: Path) -> None:
    """The history of the error is that of the uninterrupted fit."""
    how = {
        "hidden_layer_sizes": (8,), "activation": "identity", "solver": "sgd", "max_iter": 60,
        "learning_rate_init": 0.7, "random_state": 3,
    }  # fmt: skip
    MLPRegressor(**how | {"max_iter": 3}).fit(X, 1e3 * X[:, 0], checkpoint=tmp_path)
    found = []
    for folder in (tmp_path, None):
        with pytest.raises(DivergenceError) as caught:
            MLPRegressor(**how).fit(X, 1e3 * X[:, 0], checkpoint=folder)
        found.append(caught.value)
    columns = [dict(error.history.to_dict(), seconds=None) for error in found]
    assert columns[0] == columns[1]
    assert [e.is_best for e in found[0].history.epochs] == [
        e.is_best for e in found[1].history.epochs
    ]
    assert found[0].epoch == found[1].epoch == len(found[0].history.epochs) + 1 > 4


def test_callbacks_get_the_estimator_and_are_entered(tmp_path: Path) -> None:
    """Callbacks of networks and estimators follow the same protocol."""
    log = []

    class Recorder:
        def __enter__(self):
            log.append("begins")
            return self

        def __call__(self, info) -> None:
            log.append((info.network is model, info.is_best))

        def __exit__(self, *_: object) -> None:
            log.append("ends")

    model = MLPClassifier(**HOW | {"callbacks": [Recorder()], "max_iter": 2})
    model.fit(X, LABELS)
    assert log == ["begins", (True, True), (True, True), "ends"]


WRONG = {
    "rate": ["x", None, [1]],
    "least": [10**400, "x", {"number": "low"}],
    "order": [np.zeros(40, np.int64), np.arange(3)],
    "records": [None, [], {"pairs": [["n_iter_", 1]]}],
    "records.n_iter_": [-1, True, "1", 10**30],
    "records.t_": [None, 1.5],
    "records.loss_curve_": [None, ["x"], 1.0],
    "records.validation_scores_": [[1.0], 1.0],
    "records.best_loss_": [None, "x"],
    "random_state": [None, {}, {"bit_generator": "Popen"}],
    "random_state.state": ["x", 1, None, {}],
    # NumPy reads there without a check.
    "random_state.state.pos": [625, 10**9, -1, 10**30, [1], "x"],
    "random_state.state.key": [[], [1], [10**30] * 624, "x"],
    "random_state.has_gauss": [10**30, "x"],
    "steps": [-1, "x", 2**63],
    "best_epoch": ["x", -1, 0, 1, True],  # there is none without early stopping
    "first_state": [None, {}, {"bit_generator": "Popen"}],
    "stopped_by": [None, [], 1],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_with_values_that_no_fit_writes_is_refused(name: str, tmp_path: Path) -> None:
    """Its digest is right, so it was made on purpose. Nothing has changed after the error."""
    fit(tmp_path, max_iter=2)
    path = max(tmp_path.glob("checkpoint-*"))
    for value in WRONG[name]:
        values, arrays = checkpoints.read(path)
        place, *inner = name.split(".")
        if place in arrays:
            arrays[place] = value
        else:
            parent = values
            for key in [place, *inner][:-1]:
                parent = parent[key]
                parent = dict(parent["pairs"]) if "pairs" in parent else parent
            parent[name.rpartition(".")[2]] = value
            if place == "records" and inner:
                values["records"] = {"pairs": [list(pair) for pair in parent.items()]}
        changed = {key: kept for key, kept in values.items() if key != "version"}
        checkpoints.write(
            path.with_name("checkpoint-000077.safetensors"), Snapshot(changed, arrays)
        )
        with pytest.raises(ModelFileError, match="is not valid"):
            fit(tmp_path, max_iter=3)
