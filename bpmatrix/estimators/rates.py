"""The learning rate of an epoch, and what happens when the training gets no better."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rate"]

SMALLEST = 1e-6


@dataclass
class Rate:
    """A learning rate that follows one of scikit-learn's rules.

    Attributes
    ----------
    first : float
        That of the first epoch.
    rule : {"constant", "invscaling", "adaptive"}
        Stays; falls with the samples that were seen; is divided by 5 instead of a stop.
    power : float
        The exponent of "invscaling".
    now : float
        That of the coming epoch.
    """

    first: float
    rule: str
    power: float
    now: float

    @classmethod
    def of(cls, first: float, rule: str, power: float) -> Rate:
        """Begin."""
        return cls(float(first), rule, power, float(first))

    def end_epoch(self, samples: int) -> None:
        """Take note of an epoch's end, after so many samples in all."""
        if self.rule == "invscaling":
            self.now = self.first / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower the rate where it is adaptive; return whether training may go on."""
        if self.rule != "adaptive" or self.now <= SMALLEST:
            return False
        self.now /= 5.0
        return True
