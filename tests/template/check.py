"""Checks template.yaml and the recipes for events. With `--faults`, checks the checks by injecting faults one at a time."""

import argparse
import json
import pathlib
import sys

import expansion
import faults
import recipes
import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]

# With its own issuer and with a given one: conditions and SAM's resolution of parameters differ.
VARIANTS = {
    "with its own issuer": {},
    "with a given issuer, and traced": {
        "JwtIssuer": "https://issuer.example.com/",
        "JwtAudience": "regulars",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms",
        "Tracing": "Active",
        "EventBusName": "shop",
        "WebhookUrl": "https://shop.example.com/regulars",
        "WebhookSecret": "a-secret",
    },
}


def problems(text, parameters, only=None):
    """Yields each problem of the template `text` with the check that found it; of one check only, with `only`."""
    expanded, refused = expansion.expand(text, parameters)
    for problem in refused:
        yield "expansion", problem
    if expanded is None:
        return
    if only in (None, "cfn-lint"):
        for problem in expansion.lint(expanded):
            yield "cfn-lint", problem
    stack = rules.Stack(expanded, ROOT, parameters)
    for rule in rules.RULES:
        if only not in (None, rule.__name__):
            continue
        try:
            for problem in rule(stack):
                yield rule.__name__, problem
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as broken:
            # A rule that fails on the template's structure has found that the template is not as expected.
            yield rule.__name__, f"the template has another shape than expected: {broken!r}"


def check(text):
    """Prints the problems of the template; returns whether there are any."""
    wrong = False
    for variant, parameters in VARIANTS.items():
        for found_by, problem in problems(text, parameters):
            wrong = True
            print(f"template.yaml, {variant}: [{found_by}] {problem}")
    return wrong


def check_faults(text):
    """Injects each fault and prints what detects it; returns whether any was missed."""
    missed = []
    for fault in faults.FAULTS:
        caught = [
            problem
            for found_by, problem in problems(fault.planted(text), {}, fault.caught_by)
            if found_by == fault.caught_by
        ]
        if caught:
            print(f"caught {fault.name}: [{fault.caught_by}] {caught[0][:160]}")
        else:
            missed.append(fault.name)
            print(f"MISSED {fault.name}: [{fault.caught_by}] says nothing")
    idle = {rule.__name__ for rule in rules.RULES} - {fault.caught_by for fault in faults.FAULTS}
    for rule in sorted(idle):
        print(f"MISSED {rule}: no fault shows that it can fail")
    return bool(missed or idle)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--faults", action="store_true")
    arguments.add_argument("--template", type=pathlib.Path, default=ROOT / "template.yaml")
    arguments.add_argument("--expand-to", type=pathlib.Path, help="write the expanded template there, and check nothing")
    given = arguments.parse_args()
    text = given.template.read_text()
    if given.expand_to:
        expanded, refused = expansion.expand(text, {})
        print(*refused, sep="\n", end="")
        given.expand_to.write_text(json.dumps(expanded, indent=1))
        return 1 if refused else 0
    wrong = check(text) | recipes.check()
    if not wrong:
        print(f"template.yaml: nothing wrong, {len(rules.RULES)} rules and cfn-lint in {len(VARIANTS)} variants")
        wrong = given.faults and check_faults(text) | recipes.check_faults()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
