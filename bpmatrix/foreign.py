"""Names from other libraries, and what to write instead: for errors only, never as aliases.

The tables map what to write, with ``{}`` for the value, to the names that mean it: ours first,
since an argument of `Network` is a foreign name to `Network.train`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar, cast

from bpmatrix.errors import UnknownArgumentError, UnknownAttributeError

Words = Mapping[str, str]
Function = TypeVar("Function", bound=Callable[..., Any])


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: line for line, words in table.items() for word in words.split()}


TRAIN: Words = _by_word({
    "targets={}": "targets y Y labels target y_train",
    "epochs={}": "epochs epoch max_iter n_epochs num_epochs nb_epoch n_iter max_epochs iterations",
    "mini_batch_size={}": "mini_batch_size batch_size batchsize minibatch_size batch",
    "optimizer=SGD(learning_rate={})": "learning_rate lr eta learning_rate_init step_size",
    "optimizer=SGD(momentum={})": "momentum",
    "optimizer=SGD(nesterov={})": "nesterov nesterovs_momentum",
    "optimizer=SGD()": "optimizer optim solver",
    "schedule=schedules.Cosine(epochs=30)": "schedule scheduler lr_scheduler lr_schedule lr_decay",
    "weight_decay={}": "weight_decay",
    "weight_decay=2 * {}": "l2 l2_reg l2_regularization",
    "weight_decay={} / {m}": "alpha",
    "weight_decay={} / X.shape[1]": "lmbda lambda_",
    "l1={}": "l1 l1_reg l1_regularization",
    "clip_norm={}": "clip_norm clipnorm max_norm max_grad_norm grad_clip clip_grad_norm",
    "dropout={}": "dropout dropout_rate dropout_prob",
    "validation=(X_validation, targets_validation)":
        "validation validation_data val_data eval_set test_data evaluation_data valid X_val y_val",
    "validation_split={}": "validation_split validation_fraction val_split val_size test_size",
    "early_stopping=EarlyStopping(patience={})": "patience n_iter_no_change",
    "early_stopping=EarlyStopping(least_change={})": "tol min_delta",
    'early_stopping=EarlyStopping(metric="validation_cost")': "monitor",
    "early_stopping=EarlyStopping()": "early_stopping",
    "restore_best={}": "restore_best restore_best_weights save_best_only",
    "callbacks=[progress.lines()] to see the epochs": "verbose display disp progress_bar",
    "callbacks=[{}]": "callbacks callback",
    "sample_weight={}": "sample_weight sample_weights",
    "class_weight={}": "class_weight class_weights",
    "shuffle={}": "shuffle",
    "n_threads={}": "n_threads n_jobs num_threads threads workers num_workers",
    "max_seconds={}": "max_seconds timeout time_limit max_time",
    "groups={}": "groups",
    "comm={}": "comm",
    "record_every={}": "record_every",
    "checkpoint={}": "checkpoint checkpoint_dir checkpoint_path resume_from_checkpoint",
    "checkpoint_seconds={}": "checkpoint_seconds",
})  # fmt: skip

NETWORK: Words = _by_word({
    "sizes={}": "sizes layers layer_sizes layers_size units",
    "sizes=[n_inputs, *{}, n_outputs]": "hidden_layer_sizes hidden_layers hidden_sizes hidden",
    "activation={}": "activation activations act hidden_activation nonlinearity",
    "output={}": "output output_activation out_activation final_activation last_activation",
    "cost={}": "cost loss criterion loss_function loss_fn objective",
    "initializer={}": "initializer init kernel_initializer weight_init weight_initializer",
    "input_scale={}": "input_scale scale rescale",
    "bias={}": "bias biases use_bias fit_intercept",
    "dtype={}": "dtype precision",
    "seed={}": "seed random_state random_seed rng",
})  # fmt: skip

OPTIMIZER: Words = _by_word({
    "learning_rate={}": "learning_rate lr eta learning_rate_init step_size",
    "momentum={}": "momentum mu",
    "nesterov={}": "nesterov nesterovs_momentum",
    "beta_1=0.9, beta_2=0.999": "betas",
    "beta_1={}": "beta_1 beta1 b1",
    "beta_2={}": "beta_2 beta2 b2",
    "rho={}": "rho alpha decay_rate",
    "epsilon={}": "epsilon eps",
})  # fmt: skip

EARLY_STOPPING: Words = _by_word({
    "patience={}": "patience n_iter_no_change wait",
    "least_change={}": "least_change min_delta tol delta threshold",
    'metric="validation_cost"': "metric monitor",
})  # fmt: skip

SCHEDULE: Words = _by_word({
    "every={}": "every step_size decay_steps",
    "factor={}": "factor gamma decay_rate",
    "epochs={}": "epochs T_max total_iters warmup_epochs decay_epochs",
    "then={}": "then after after_scheduler",
    "power={}": "power power_t",
    "patience={}": "patience wait",
    "least_change={}": "least_change min_delta threshold",
    'metric="validation_cost"': "metric monitor",
})  # fmt: skip

# Names of `Network` and other libraries, for the estimators, which use scikit-learn's.
ESTIMATOR: Words = _by_word({
    "hidden_layer_sizes={}": "hidden_layers hidden_sizes hidden layers sizes",
    "max_iter={}": "epochs n_epochs num_epochs",
    "batch_size={}": "mini_batch_size minibatch_size",
    "learning_rate_init={}": "lr eta",
    'solver="adam"': "optimizer",
    "random_state={}": "seed random_seed",
    "n_iter_no_change={}": "patience",
    "validation_fraction={}": "validation_split",
    "n_threads={}": "n_jobs",
})  # fmt: skip

# For their `fit` and `partial_fit`.
FIT: Words = _by_word({
    "y={}": "targets labels Y",
    "sample_weight={}": "weights weight sample_weights",
    "X_val=X_val, y_val=y_val": "validation_data val_data validation eval_set",
    "epochs={}": "n_epochs num_epochs max_iter",
})  # fmt: skip

TABLE_MODEL: Words = _by_word(
    {
        "seed={}": "random_state random_seed",
        "n_members={}": "members n_estimators n_models",
    }
)

# Attributes that users of other libraries look for.
ATTRIBUTES: Words = _by_word({
    "train(X, targets)": "fit partial_fit SGD learn minimize optimize update_mini_batch",
    "feedforward(X)": "forward predict_proba transform decision_function activate predict_on_batch",
    "accuracy(X, targets), or network.cost(X, targets)": "score evaluate test loss cost_function",
    "gradient(X, targets)": "backward backprop backpropagate backpropagation grad",
    "weights[0][:] = W, for layer 1": "set_weights set_params",
    'from_state_dict(state_dict, activation="relu", output="softmax")': "load_state_dict",
    "weights and network.biases": "get_weights get_params state_dict coefs_ intercepts_ W b",
    "parameters": "params theta named_parameters trainable_variables",
    "description": "summary get_config config architecture",
    "description.sizes": "sizes layers layer_sizes num_layers n_layers_ n_features_in_",
    "description.activations": "activation activations out_activation_",
    "train(X, targets, optimizer=SGD(learning_rate=0.5))": "compile optimizer learning_rate lr",
    "epochs": "n_iter_",
    "trained, or the History that train returns": "history loss_curve_ loss_ best_loss_",
    "save(path)": "save_model save_weights dump export to_file",
    "load(path)": "load_model load_weights from_file restore",
})  # fmt: skip

# Names passed as values: costs, activation functions, initializers and dtypes.
NAMES: Words = _by_word({
    "quadratic": "mse squared_error mean_squared_error mseloss",
    "absolute": "mae l1loss absolute_error mean_absolute_error",
    "huber": "huberloss smooth_l1 smoothl1loss",
    "quantile": "pinball quantile_error",
    "poisson": "poissonnllloss poisson_nll",
    "cross_entropy": "bce bceloss bcewithlogitsloss binary_crossentropy crossentropy",
    "log_likelihood": "log_loss nll nllloss crossentropyloss categorical_crossentropy"
                      " sparse_categorical_crossentropy",
    "sigmoid": "logistic expit",
    "identity": "linear none",
    "silu": "swish",
    "leaky_relu": "leakyrelu",
    "glorot": "xavier glorot_uniform glorot_normal xavier_uniform xavier_normal",
    "he": "kaiming he_uniform he_normal kaiming_uniform kaiming_normal",
    "lecun": "lecun_uniform lecun_normal",
    "standard_normal": "normal random_normal randn",
    "float64": "double float",
    "float32": "single",
})  # fmt: skip


def our_name(name: object, table: Mapping[str, Any]) -> str | None:
    """Return the name in a table that corresponds to another library's, if any.

    Examples
    --------
    >>> our_name("MSELoss", {"quadratic": 1}), our_name("hinge", {"quadratic": 1})
    ('quadratic', None)
    """
    said = str(name).lower().removesuffix("()")
    return next((word for word in (said, NAMES.get(said)) if word in table), None)


def missing_attribute(owner: object, name: str) -> UnknownAttributeError:
    """Return the error for an unknown attribute of a Network.

    Examples
    --------
    >>> print(missing_attribute(None, "fit"))
    Network has no attribute fit. Write network.train(X, targets).
    """
    cure = f"Write network.{ATTRIBUTES[name]}." if name in ATTRIBUTES else None
    error = UnknownAttributeError(f"Network has no attribute {name}", cure=cure)
    error.name, error.obj = name, owner  # Python derives its suggestion from these
    return error


def knowing(
    words: Words, elsewhere: str = "{}", others: Words = MappingProxyType({})
) -> Callable[[Function], Function]:
    """Return a decorator: unknown keywords raise an error that says what to write instead.

    A function that takes any keyword refuses only those of `words`.

    Parameters
    ----------
    words : mapping
        The foreign names for arguments of the decorated function or class.
    elsewhere, others : str and mapping, optional
        Another call, with ``{}`` for its arguments, and the foreign names for those.

    Examples
    --------
    >>> @knowing(OPTIMIZER)
    ... def descend(learning_rate): ...
    >>> descend(lr=0.1)
    Traceback (most recent call last):
    bpmatrix.errors.UnknownArgumentError: descend has no argument lr. Write learning_rate=0.1.
    """

    def decorated(target: Function) -> Function:
        decorates_class = isinstance(target, type)
        function: Any = cast("Any", target).__init__ if decorates_class else target
        name = target.__qualname__.removesuffix(".__init__")
        parameters = inspect.signature(function).parameters
        ours = [name for name in parameters if name != "self"]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        taken = {word: line for word, line in words.items() if line.partition("=")[0] in ours}

        @wraps(function)
        def checked(*args: Any, **keywords: Any) -> Any:
            if not keywords.keys() <= known:
                wrong = {k: v for k, v in keywords.items() if k in taken or not takes_any}
                if wrong.keys() - known:
                    raise _unknown(name, ours, wrong, taken, elsewhere, others)
            return function(*args, **keywords)

        known = {*ours}
        if decorates_class:
            cast("Any", target).__init__ = checked
            return target
        return cast("Function", checked)

    return decorated


def _unknown(
    name: str,
    ours: Sequence[str],
    keywords: Mapping[str, Any],
    words: Words,
    elsewhere: str,
    others: Words,
) -> UnknownArgumentError:
    """Return the error for a call with unknown keywords."""
    foreign = [word for word in keywords if word not in ours]
    here = [word for word in foreign if word in words]
    there = [word for word in foreign if word in others and word not in words]
    calls = [", ".join(_lines(here, words, keywords))] if here else []
    calls += [elsewhere.format(", ".join(_lines(there, others, keywords)))] if there else []
    text = ", and ".join(calls)
    return UnknownArgumentError(
        f"{name} has no argument{'s' * (len(foreign) > 1)} {', '.join(foreign)}",
        expected=None if len(here) + len(there) == len(foreign) else ", ".join(ours),
        cure=f"Write {text}{'' if text.endswith('...') else '.'}" if text else None,
    )


def _lines(foreign: Sequence[str], words: Words, keywords: Mapping[str, Any]) -> list[str]:
    """Return what to write for foreign names; arguments of the same object are merged."""
    m = _shown(keywords.get("batch_size", keywords.get("mini_batch_size", 10)))
    plain: list[str] = []
    objects: dict[str, list[str]] = {}
    for word in foreign:
        line = words[word].format(_shown(keywords[word]), m=m)
        if made := re.fullmatch(r"(\w+=\w+)\((.*)\)", line):
            objects.setdefault(made[1], []).extend(filter(None, [made[2]]))
        else:
            plain.append(line)
    if "optimizer=SGD" in objects:
        asked = keywords.get("optimizer", keywords.get("solver"))
        plain.append(optimizer_line(objects.pop("optimizer=SGD"), asked))
    made_of = (f"{head}({', '.join(parts)})" for head, parts in objects.items())
    return [*dict.fromkeys(plain), *made_of]


def optimizer_line(parts: Sequence[str], asked: object) -> str:
    """Return the argument for the optimizer that was passed, by name or as an object, or SGD.

    Examples
    --------
    >>> optimizer_line([], "adam"), optimizer_line(["momentum=0.8"], None)
    ('optimizer=Adam()', 'optimizer=SGD(learning_rate=0.5, momentum=0.8)')
    """
    if not (parts or asked is None or isinstance(asked, str)):
        return f"optimizer={asked!r}"
    names = (name for name in ("AdamW", "Adam", "RMSprop") if name.lower() in str(asked).lower())
    given = {part.partition("=")[0]: part for part in parts if "'" not in part}  # "adaptive"
    if kind := next(names, None):
        return f"optimizer={kind}({given.get('learning_rate', '')})"
    usual = {"learning_rate": "learning_rate=0.5"}
    if "nesterov" in given:
        usual["momentum"] = "momentum=0.9"
    return f"optimizer=SGD({', '.join((usual | given).values())})"


def _shown(value: object) -> str:
    """Return a number, a name or a short list as Python code; three dots for data."""
    if isinstance(value, str):
        value = NAMES.get(value.lower(), value)
    plain = value is None or isinstance(value, bool | int | float | str | list | tuple)
    return repr(value) if plain and len(repr(value)) < 40 else "..."
