"""The engine of the page against the library: 100 steps in float64 end at the same parameters.

The library's side is its own training step with its hand-written layers, losses and rules, as
`jaxmlp.train` builds them of a recipe. The page's side runs in V8, the engine of browsers. Both get
the same parameters, batches and dropout masks, as numbers.
"""

import json

import numpy as np
import pytest

from jaxmlp.config.names import (
    ACTIVATIONS,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    LOSSES,
    OPTIMIZER_TABLE,
    SCHEDULES,
)
from jaxmlp.config.options import Config
from jaxmlp.training import TASKS
from tests.play.engine_cases import ask, difference, page, trained

pytestmark = pytest.mark.usefixtures("compile_quickly")
CLOSE = 1e-12  # relative to the largest parameter

ACTIVATION_CASES = {
    **{name: {"activation": (name,)} for name in ACTIVATIONS.names + LEARNED_ACTIVATIONS.names},
    "one for each layer": {"activation": ("relu", "prelu")},
    "leaky_relu 0.3": {"activation": ("leaky_relu",), "alpha": 0.3},
    "elu 0.3": {"activation": ("elu",), "alpha": 0.3},
    "no hidden layer": {"hidden": (), "activation": ("relu",)},
    "dropout": {"dropout": 0.3},
}
LOSS_CASES = {
    **{f"{name}, classes": {"loss": name} for name in TASKS["multiclass"].losses},
    **{f"{name}, yes or no": {"loss": name, "task": "binary"} for name in TASKS["binary"].losses},
    "binary_cross_entropy, labels": {"loss": "binary_cross_entropy", "task": "multilabel"},
    **{
        f"{name}, numbers": {"loss": name, "task": "regression"}
        for name in TASKS["regression"].losses[:-1]
    },
    "quantile": {"loss": "quantile", "task": "regression", "quantiles": (0.1, 0.5, 0.9)},
}
NUMBERS = {  # far from the usual values, so that a number that is not used is seen
    "momentum": 0.7,
    "decay": 0.6,
    "beta1": 0.7,
    "beta2": 0.95,
    "epsilon": 1e-3,
}


def rule_case(name, **more):
    """A rule with numbers of its own."""
    used = OPTIMIZER_TABLE[name].arguments.values()
    numbers = {field: value for field, value in NUMBERS.items() if field in used}
    return {"optimizer": name, "learning_rate": 0.02, "weight_decay": 0.3, **numbers, **more}


OPTIMIZER_CASES = {
    **{name: rule_case(name) for name in OPTIMIZER_TABLE},
    "adam, usual numbers": {"optimizer": "adam", "learning_rate": 0.01},
    "clipping": rule_case("momentum", clip_norm=0.1),
    "adagrad, epsilon outside": rule_case("adagrad", epsilon_inside=False),
    "adam, epsilon inside": rule_case("adam", epsilon_inside=True),
    "sutskever": {"optimizer": "momentum", "momentum_schedule": "sutskever", "momentum": 0.4},
    "prelu with adamw": rule_case("adamw", activation=("prelu",)),
}
SCHEDULE_CASES = {
    **{name: {"schedule": name} for name in SCHEDULES.names},
    "cosine to 0.3": {"schedule": "cosine", "schedule_end": 0.3},
    "5 restarts": {"schedule": "cosine_restarts", "restarts": 5, "schedule_end": 0.2},
    "schedule and momentum": {"schedule": "one_cycle", "optimizer": "momentum"},
    "schedule and decay": rule_case("schedule_free_adamw", schedule="warmup_cosine"),
}
KINDS = {
    "activation": ACTIVATION_CASES,
    "loss": LOSS_CASES,
    "optimizer": OPTIMIZER_CASES,
    "schedule": SCHEDULE_CASES,
}
CASES = {f"{kind}: {name}": given for kind, table in KINDS.items() for name, given in table.items()}


def distance(v8, start=None, **given):
    """How far the two ways end from each other, in parameters and in the mean loss."""
    told, expected = trained(start, **given)
    got = ask(v8, "follow", told)
    loss = abs(np.mean(got["losses"]) - expected["loss"]) / abs(expected["loss"])
    return max(loss, *(difference(got[kind], expected[kind]) for kind in ("params", "judged")))


@pytest.fixture(scope="module")
def v8():
    with page() as ready:
        yield ready


@pytest.fixture(scope="module")
def furthest():
    """Collect the distances, and print the largest one of each kind at the end."""
    found = {}
    yield found
    print(*(f"\n{kind}: largest difference {worst:.1e}" for kind, worst in found.items()))


@pytest.mark.parametrize("case", CASES)
def test_trains_to_the_library_s_parameters(v8, furthest, case):
    far = distance(v8, **CASES[case])
    kind = case.partition(":")[0]
    furthest[kind] = max(far, furthest.get(kind, 0.0))
    assert far <= CLOSE


@pytest.mark.parametrize("name", INITIALIZERS.names)
def test_trains_from_the_initial_values_of_the_page(v8, name):
    """The page draws the parameters, the library takes them as numbers, and both train."""
    net = {"inputs": 2, "hidden": [4, 4], "activations": ["tanh", "prelu"], "outputs": 3}
    options = {"scale": 0.5}
    asked = {"net": net, "initializer": name, "seed": 1, "options": options}
    start = json.dumps(ask(v8, "start", asked))
    assert distance(v8, start, activation=("tanh", "prelu")) <= CLOSE


# Each planted error, and one case that must see it: the text, and what stands in its place.
PLANTED = {
    "activation: tanh": ("derivative: (z, a) => 1 - a * a", "derivative: (z, a) => 1 + a * a"),
    "activation: elu 0.3": ("alpha * Math.exp(z)", "Math.exp(z)"),
    "activation: prelu": ("+= number * da[place]", "-= number * da[place]"),
    "activation: dropout": ("? value / (1 - dropout) : 0", "? value : 0"),
    "activation: gelu": ("near * Math.exp((-near * near) / 2)", "Math.exp((-near * near) / 2)"),
    "loss: cross_entropy, classes": ("value * all - y[k]", "value * all - y[k] / 2"),
    "loss: softmax_squared_error, classes": ("value * (g[k] - mean)", "value * (1 - value) * g[k]"),
    "loss: mae, numbers": ("slopesOf((z, y) => Math.sign(z - y))", "squared.slopes"),
    "loss: quantile": ("-slope(y[k] - value, k)", "slope(y[k] - value, k)"),
    "optimizer: nesterov": ("momentum({ ...options, nesterov: true })", "momentum(options)"),
    "optimizer: adam": ("c2: 1 / (1 - beta2 ** t)", "c2: 1"),
    "optimizer: lion": ("sign(beta1 * m + (1 - beta1)", "sign(beta2 * m + (1 - beta2)"),
    "optimizer: muon": ("const size = 0.2", "const size = 0.2001"),
    "optimizer: adamw": ("u - rate * lambda * params", "u + rate * lambda * params"),
    "optimizer: clipping": ("Math.min(1, norm /", "Math.max(1, norm /"),
    "optimizer: schedule_free_sgd": ("total + top * top", "total + top"),
    "schedule: step": ("{ drops = 3, factor = 0.1 }", "{ drops = 2, factor = 0.1 }"),
    "schedule: one_cycle": ("start = 1 / 25", "start = 1 / 26"),
    "schedule: 5 restarts": ("k <= restarts + 1", "k <= restarts"),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_error_is_seen(case):
    with page(*PLANTED[case]) as broken:
        assert distance(broken, **CASES[case]) > 1e3 * CLOSE


BENT = """
const table = jaxmlp[TABLE];
for (const [name, definition] of Object.entries(table)) {
  const right = definition[PART];
  if (right) table[name] = { ...definition, [PART]: (...given) => bend(right(...given)) };
}
"""


@pytest.mark.parametrize(
    ("table", "part", "kind"),
    [
        ("ACTIVATIONS", "derivative", "activation"),
        ("ACTIVATIONS", "value", "activation"),
        ("LOSSES", "gradient", "loss"),
    ],
)
def test_every_case_sees_a_derivative_that_is_a_millionth_off(table, part, kind):
    """Each activation and loss is really used, forward and backward, by its own case."""
    bend = "const bend = (x) => (typeof x === 'number' ? x * 1.000001 : x.map(bend));"
    more = bend + BENT.replace("TABLE", json.dumps(table)).replace("PART", json.dumps(part))
    own = {"one for each layer", "no hidden layer", "dropout", "quantile"}
    with page(more=more) as broken:
        for name, given in KINDS[kind].items():
            if name not in own:
                assert distance(broken, **given) > 1e3 * CLOSE, name


def test_the_page_has_every_name_of_the_library(v8):
    tables = {
        "ACTIVATIONS": ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names,
        "LOSSES": LOSSES.names,
        "INITIALIZERS": INITIALIZERS.names,
        "OPTIMIZERS": tuple(OPTIMIZER_TABLE),
        "SCHEDULES": SCHEDULES.names,
    }
    for table, names in tables.items():
        assert tuple(json.loads(v8.eval(f"JSON.stringify(Object.keys(jaxmlp.{table}))"))) == names
        for name in names:
            for fact in ("formula", "row"):
                assert v8.eval(f"jaxmlp.{table}.{name}.{fact}.length > 0"), (name, fact)
    suited = json.loads(v8.eval("JSON.stringify(jaxmlp.LOSSES_OF)"))
    one_or_many = TASKS["multiclass"].losses
    expected = {name: list(task.losses) for name, task in TASKS.items()}
    expected["binary"] += [name for name in one_or_many if name not in expected["binary"]]
    assert suited == expected


def test_the_page_has_the_usual_numbers_of_every_rule(v8):
    """What a rule falls back to on the page is what a command falls back to."""
    found = json.loads(v8.eval("JSON.stringify(jaxmlp.OPTIMIZERS)"))
    for name, entry in OPTIMIZER_TABLE.items():
        ours = found[name]
        assert ours["arguments"] == entry.arguments, name
        assert (ours["rate"], ours["weight_decay"]) == (entry.rate, entry.weight_decay), name
        assert (ours["own"], ours["schedule"]) == (entry.own, entry.schedule), name
        usual = {"beta1": Config().beta1, "decay": Config().decay} | entry.own
        given = {field: usual[field] for field in entry.arguments.values() if field in usual}
        told, _ = trained(**OPTIMIZER_CASES[name])
        few = {key: told["setting"][key] for key in ("optimizer", "loss", "schedule", "course")}
        few |= {"learning_rate": 0.01}
        whole = few | given | {"weight_decay": entry.weight_decay}
        ends = [ask(v8, "follow", told | {"setting": setting}) for setting in (few, whole)]
        assert ends[0] == ends[1], name
