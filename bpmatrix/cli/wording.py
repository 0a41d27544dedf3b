"""Errors of the library in the words of a command: where Python has arguments, it has options."""

from __future__ import annotations

import re

import click

__all__ = ["ESTIMATOR_PARAMETERS", "in_options"]

# What `bpmatrix train --target` calls otherwise than the estimators.
ESTIMATOR_PARAMETERS = {
    "hidden": "hidden_layer_sizes",
    "activation": "activation",
    "epochs": "max_iter",
    "mini_batch_size": "batch_size",
    "learning_rate": "learning_rate_init",
    "dtype": "dtype",
    "seed": "random_state",
    "threads": "n_threads",
}

# A value as it stands in a message: learning_rate=0.1, cost="quadratic".
VALUE = r"""(?:"(?P<quoted>[^"]*)"|(?P<bare>[\w.+-]*\w))"""


def in_options(message: str, command: click.Command | None) -> str:
    r"""Return a message of the library with a command's options in place of Python's arguments.

    ``name=value`` and ``name=`` become ``--name value`` and ``--name``. A name alone is replaced
    where it has an underscore, since no other word has one. What stands in quotes or in a path is
    left alone: it may come from a file. A remark in brackets on an argument is left out where the
    command has no such option.

    Parameters
    ----------
    message : str
        What an error or a warning says.
    command : click.Command or None
        The command that met it; None where there was none.

    Examples
    --------
    >>> options = [click.Option(["--learning-rate"]), click.Option(["--cost"])]
    >>> command = click.Command("train", params=options)
    >>> in_options('Lower learning_rate, or take cost="quadratic".', command)
    'Lower --learning-rate, or take --cost quadratic.'
    """
    if command is None:
        return message
    options = {p.name: f"--{p.name.replace('_', '-')}" for p in command.params if p.name}
    declared = {opt for p in command.params for opt in p.opts}
    words = {name: option for name, option in options.items() if option in declared}
    words |= {python: words[name] for name, python in ESTIMATOR_PARAMETERS.items() if name in words}
    names = "|".join(sorted(words, key=len, reverse=True))

    def option(match: re.Match[str]) -> str:
        name, value = match["name"], match["quoted"] or match["bare"]
        if match["equals"] is None and "_" not in name:
            return match[0]
        return f"{words[name]} {value}" if value else words[name]

    pattern = rf"""(?<![\w'"./=-])(?P<name>{names})(?![\w'"/-]|\.\w)(?P<equals>=)?"""
    if names:
        message = re.sub(rf"{pattern}(?(equals){VALUE}?)", option, message)
    return re.sub(r" \([^()]*\b[a-z_]+=[,\s][^()]*\)", "", message)
