"""Runs a state machine with the function replaced, as far as the daily review uses the language.

What is not known here is reported as a fault, so that a definition cannot pass by being misunderstood.
"""

import functools
import json

import jsonata

FIELDS = {
    "Task": {"Type", "Resource", "Arguments", "Output", "TimeoutSeconds", "Retry", "Catch", "Next"},
    "Choice": {"Type", "Choices", "Default"},
    "Succeed": {"Type", "Output"},
    "Fail": {"Type", "Error", "Cause"},
    "Map": {
        "Type",
        "Label",
        "Items",
        "ItemSelector",
        "MaxConcurrency",
        "ToleratedFailurePercentage",
        "ItemProcessor",
        "Output",
        "Next",
    },
}

PART_FIELDS = {
    "Choices": {"Condition", "Next"},
    "Retry": {"ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"},
    "Catch": {"ErrorEquals", "Output", "Next"},
}

# No execution in the checks needs more; more is a loop.
STEPS_MAX = 100

# The service's limit for the data between states.
STATE_BYTES_MAX = 256 * 1024


class Failed(Exception):
    """An execution, or a call of the function, that failed with a name."""

    def __init__(self, error, cause=""):
        super().__init__(f"{error}: {cause}")
        self.error = error


def misshapen(definition):
    """Yields unknown fields, missing states, and unreachable states."""
    states = definition["States"]
    targets = {definition["StartAt"]}
    for name, state in states.items():
        parts = [(name, FIELDS[state["Type"]], state)]
        for kind, fields in PART_FIELDS.items():
            parts += [(f"{kind} of {name}", fields, part) for part in state.get(kind, [])]
        for where, fields, part in parts:
            for field in sorted(set(part) - fields):
                yield f"{where} has a field {field}"
            targets |= {part[field] for field in ("Next", "Default") if field in part}
        if "ItemProcessor" in state:
            yield from misshapen(state["ItemProcessor"])
    for name in sorted(targets - states.keys()):
        yield f"there is no state {name}"
    for name in sorted(states.keys() - targets):
        yield f"nothing leads to the state {name}"


def run(definition, call, context, given=None):
    """Runs `definition` and returns its output; `call(payload)` replaces the function. Raises `Failed`."""
    name, value = definition["StartAt"], given
    for _ in range(STEPS_MAX):
        state = definition["States"][name]
        name, value = STEPS[state["Type"]](state, value, call, context)
        if name is None:
            return value
    raise Failed("Endless", "the execution does not end")


def task(state, value, call, context):
    states = {"input": value, "context": context}
    arguments = evaluated(state["Arguments"], states)
    attempts = 0
    while True:
        try:
            states["result"] = {"Payload": call(arguments["Payload"])}
            return state["Next"], evaluated(state["Output"], states)
        except Failed as failure:
            attempts += 1
            retrier = matching(state.get("Retry", []), failure.error)
            if retrier and attempts <= retrier["MaxAttempts"]:
                continue
            catcher = matching(state.get("Catch", []), failure.error)
            if catcher is None:
                raise
            return catcher["Next"], evaluated(catcher["Output"], states)


def matching(handlers, error):
    """Returns the first of `handlers` for `error`."""
    return next((one for one in handlers if {error, "States.ALL"} & set(one["ErrorEquals"])), None)


def choice(state, value, _call, context):
    for option in state["Choices"]:
        if evaluated(option["Condition"], {"input": value, "context": context}) is True:
            return option["Next"], value
    return state["Default"], value


def succeed(state, value, _call, context):
    output = evaluated(state["Output"], {"input": value, "context": context}) if "Output" in state else value
    return None, output


def fail(state, value, _call, context):
    raise Failed(state["Error"], evaluated(state["Cause"], {"input": value, "context": context}))


def distributed_map(state, value, call, context):
    states = {"input": value, "context": context}
    results = []
    for index, item in enumerate(evaluated(state["Items"], states)):
        inner = context | {"Map": {"Item": {"Index": index, "Value": item}}}
        selected = evaluated(state["ItemSelector"], {"input": value, "context": inner})
        # A child is an execution of its own: it does not have the map's context.
        results.append(run(state["ItemProcessor"], call, {}, selected))
    if (size := len(json.dumps(results, separators=(",", ":")))) > STATE_BYTES_MAX:
        raise Failed("States.DataLimitExceeded", f"the results of the map are {size} bytes")
    return state["Next"], evaluated(state["Output"], states | {"result": results})


STEPS = {"Task": task, "Choice": choice, "Succeed": succeed, "Fail": fail, "Map": distributed_map}


def evaluated(template, states):
    """Returns `template` with each `{% expression %}` in it evaluated."""
    if isinstance(template, dict):
        return {key: evaluated(inner, states) for key, inner in template.items()}
    if isinstance(template, list):
        return [evaluated(inner, states) for inner in template]
    if isinstance(template, str) and template.startswith("{%") and template.endswith("%}"):
        value = query(template[2:-2], states)
        # A missing value, unlike null, is an error in the service; the library returns None for both.
        if value is None and query(f"$exists({template[2:-2]})", states) is not True:
            raise Failed("States.QueryEvaluationError", f"{template} has no value")
        return value
    return template


compiled = functools.cache(jsonata.Jsonata)


def query(text, states):
    """Returns the value of the expression `text`."""
    expression = compiled(text)
    frame = expression.create_frame()
    frame.bind("states", states)
    return expression.evaluate(None, frame)
