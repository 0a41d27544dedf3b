"""scikit-learn's own tests of its multilayer perceptrons, run on ours: `.ci/run sklearn`.

The file is that of the installed scikit-learn, with its import line changed. Each of its tests must
pass, but for those that are listed here with their reason: they must fail.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from sklearn.neural_network import tests

THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from bpmatrix import MLPClassifier, MLPRegressor"

# Those that reach into what is private, and what that is.
PRIVATE = {
    "test_gradient": "_loss_grad_lbfgs",
    "test_learning_rate_warmstart": "_optimizer.learning_rate",
    "test_adaptive_learning_rate": "_optimizer.learning_rate",
}
# Those that ask for a wording, and what ours says instead. The type of the error is theirs.
WORDING = {
    "test_nonfinite_params": "in which epoch, and how large the largest input is",
    "test_warm_start": "what to do about it, and the classes as a list",
    "test_early_stopping_stratified": "the label as it is in y, not True",
    "test_minimum_input_sample_size": "how many samples there are",
}
REASONS = {name: (AttributeError, f"private: {what}") for name, what in PRIVATE.items()} | {
    name: (AssertionError, f"wording: ours says {what}") for name, what in WORDING.items()
}


class Differences:
    """The list for pytest: a listed test that passes or is not there is an error."""

    @staticmethod
    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        gone = set(REASONS) - {item.name for item in items}
        if gone:
            raise pytest.UsageError(f"scikit-learn no longer has {', '.join(sorted(gone))}")
        for item in items:
            if item.name in REASONS:
                error, reason = REASONS[item.name]
                item.add_marker(pytest.mark.xfail(raises=error, reason=reason, strict=True))

    @pytest.fixture
    def global_random_seed(self) -> int:
        """Return a seed in place of the one that scikit-learn's conftest.py chooses."""
        return 42


def main() -> int:
    """Run the tests and return the exit status."""
    source = (Path(tests.__path__[0]) / "test_mlp.py").read_text(encoding="utf-8")
    if source.count(THEIRS) != 1:
        raise pytest.UsageError(f"scikit-learn's test_mlp.py no longer has the line: {THEIRS}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_mlp.py"
        path.write_text(source.replace(THEIRS, OURS), encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]", encoding="utf-8")  # none but this one
        options = ["-q", "-rx", "-p", "no:cacheprovider"]
        return int(pytest.main([*options, str(path)], plugins=[Differences()]))


if __name__ == "__main__":
    sys.exit(main())
