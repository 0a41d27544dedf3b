"""The exit status that follows from verdicts."""

import pytest

from bpmatrix.bench.gate.verdicts import Verdict, Word, exit_status


def said(*words):
    return [Verdict("floor", f"check {i}", word, "because") for i, word in enumerate(words)]


@pytest.mark.parametrize(
    ("words", "status", "strict"),
    [
        ([Word.PASS, Word.NEW, Word.SKIPPED, Word.INFORMATION], 0, 0),
        ([Word.PASS, Word.INCONCLUSIVE], 0, 3),
        ([Word.REGRESSION, Word.INCONCLUSIVE, Word.MISSING], 1, 1),
        ([Word.MISSING, Word.PASS], 4, 4),
        ([Word.NOTHING_MEASURED], 4, 4),
        ([], 4, 4),
        ([Word.REGRESSION, Word.BROKEN, Word.MISSING], 5, 5),
    ],
)
def test_exit_status(words, status, strict):
    assert exit_status(said(*words)) == status
    assert exit_status(said(*words), strict=True) == strict
