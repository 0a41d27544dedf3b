"""Translate the library's error messages: options in place of Python's arguments."""

from __future__ import annotations

import re

import click

# The options of `bpmatrix train --target` and the parameters of the estimators.
ESTIMATOR_PARAMETERS = {
    "hidden": "hidden_layer_sizes",
    "activation": "activation",
    "epochs": "max_iter",
    "mini_batch_size": "batch_size",
    "learning_rate": "learning_rate_init",
    "dtype": "dtype",
    "seed": "random_state",
    "threads": "n_threads",
    "shuffle": "shuffle",
    "dropout": "dropout",
}
# The options of a `TableModel`, and of `datasets.load`.
TABLE_PARAMETERS = {"members": "n_members", "target": "label_column"}

# The value in learning_rate=0.1, cost="quadratic" or drop=['id'].
VALUE = r"""(?:"(?P<quoted>[^"]*)"|(?P<bare>[\w.+-]*\w)|\[(?P<item>[^\]]*)\])"""


def in_options(message: str, command: click.Command | None) -> str:
    r"""Return a message of the library with a command's options in place of Python's arguments.

    ``name=value`` and ``name=`` become ``--name value`` and ``--name``. A name alone is replaced if
    it has an underscore, since no other word has one. Quoted text and paths are unchanged, since
    they may come from a file. A remark in parentheses about an argument is dropped if the command
    has no such option.

    Parameters
    ----------
    message : str
        The message of an error or a warning.
    command : click.Command or None
        The command that was running, if any.

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
    of_python = ESTIMATOR_PARAMETERS | TABLE_PARAMETERS
    words |= {python: words[name] for name, python in of_python.items() if name in words}
    names = "|".join(sorted(words, key=len, reverse=True))

    def option(match: re.Match[str]) -> str:
        name, value = match["name"], match["quoted"] or match["bare"] or match["item"]
        if match["equals"] is None and "_" not in name:
            return match[0]
        return f"{words[name]} {value}" if value else words[name]

    pattern = rf"""(?<![\w'"./=-])(?P<name>{names})(?![\w'"/-]|\.\w)(?P<equals>=)?"""
    if names:
        message = re.sub(rf"{pattern}(?(equals){VALUE}?)", option, message)
    return re.sub(r" \([^()]*\b[a-z_]+=[,\s][^()]*\)", "", message)
