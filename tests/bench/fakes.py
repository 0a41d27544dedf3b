"""Misbehaving contenders, and a simulated clock."""

import os
import sys
import threading
import time
from importlib import import_module

import numpy as np

from bpmatrix.bench.contenders.book import Matrix
from bpmatrix.bench.serving import UnsuitedError
from bpmatrix.bench.task import Task


class Clock:
    """A clock that functions advance."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def costs(self, seconds):
        """Return a function that takes this long."""

        def function():
            self.now += seconds

        return function


class Plain:
    """Do what a test asks a worker to do."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def echo(self, value):
        return value

    def variable(self, name):
        return os.environ.get(name)

    def sleep(self, seconds):
        time.sleep(seconds)

    def speak(self):
        sys.stdout.write("this is no reply\n")
        sys.stdout.flush()
        os.write(1, b"nor is this\n")
        return "spoken"

    def fail(self):
        raise RuntimeError("broken on purpose")

    def die(self):
        os._exit(7)

    def leave_a_thread(self, seconds):
        """Return while a thread of a pool still spins."""
        end = time.perf_counter() + seconds

        def look():
            while time.perf_counter() < end:
                pass

        threading.Thread(target=look).start()

    def threads(self):
        return threading.active_count()


class Wrong(Matrix):
    """Take the right number of steps with another learning rate."""

    def train(self, steps):
        super().train(steps)
        self.weights = [W * 1.01 for W in self.weights]


class Dying(Matrix):
    """End the process after the check, while it is timed."""

    def __init__(self, task, threads):
        super().__init__(task, threads)
        self.calls = 0

    def train(self, steps):
        self.calls += 1
        if self.calls > 6:
            os._exit(7)
        time.sleep(0.02)
        super().train(steps)


class Single(Matrix):
    """Compute in float32 only."""

    def __init__(self, task, threads):
        if task.dtype != "float32":
            raise UnsuitedError(f"does not compute in {task.dtype}")
        super().__init__(task, threads)


class Missing:
    def __init__(self, task, threads):
        import_module("no_such_library")


class Unsuited:
    def __init__(self, task, threads):
        raise UnsuitedError("has no such network")


def small_task(dtype="float64", **changes):
    """A task whose steps take microseconds."""
    rng = np.random.default_rng(0)
    arguments = {
        "sizes": (6, 4, 3),
        "activations": ("sigmoid", "sigmoid"),
        "cost": "quadratic",
        "dtype": dtype,
        "mini_batch_size": 5,
        "learning_rate": 1.0,
        "X": rng.integers(17, size=(23, 6), dtype=np.uint8).T,
        "scale": 1 / 16,
        "targets": rng.integers(3, size=23),
    }
    return Task(**arguments | changes)
