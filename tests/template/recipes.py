"""The recipes of events/recipes: each is a valid template whose rule listens to events that Regulars sends."""

import json
import pathlib
import re

import cfnlint.api
from cfnlint.config import ManualArgs
from samtranslator.yaml_helper import yaml_parse

from expansion import LINTED_REGIONS

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Faults to inject, one at a time: the recipe, a text in it, and its replacement.
FAULTS = [
    ("level-mail.yaml", "AWS::SNS::Topic\n", "AWS::SNS::Topick\n"),
    ("level-mail.yaml", "[regulars.tier.changed]", "[regulars.tier.change]"),
    ("crm-row.yaml", "$.detail.data.balance.spendable", "$.detail.data.balance.spendible"),
    ("crm-row.yaml", "- prefix: regulars/", "- prefix: loyalty/"),
    ("analyst-files.yaml", " Arn: !GetAtt Delivery.Arn", " Arn: !GetAtt Deliveries.Arn"),
]


def texts():
    """Returns the recipes by their file names."""
    return {path.name: path.read_text() for path in sorted((ROOT / "events/recipes").glob("*.yaml"))}


def types():
    """Returns the types of events that the code sends."""
    source = (ROOT / "functions/publish/src/event_type.rs").read_text()
    return set(re.findall(r'=> "(regulars\.[a-z_.]+)"', source))


def sample():
    """Returns an event of an entry, as the tests keep it."""
    sent = json.loads((ROOT / "tests/snapshots/events/publish-stream.json").read_text())["sent"]
    (event,) = (one for one in sent if one["type"] == "regulars.points.accrued")
    return event


def problems(text):
    """Yields what is wrong with a recipe."""
    for match in cfnlint.api.lint(text, config=ManualArgs(regions=LINTED_REGIONS, ignore_checks=["I"])):
        yield f"{match.rule.id} at {'/'.join(map(str, match.path or []))}: {match.message}"
    resources = yaml_parse(text)["Resources"].values()
    rules = [one["Properties"] for one in resources if one["Type"] == "AWS::Events::Rule"]
    if len(rules) != 1:
        yield f"it has {len(rules)} rules"
        return
    (rule,) = rules
    if rule.get("EventBusName") != {"Ref": "EventBusName"}:
        yield f"its rule listens to {rule.get('EventBusName')}"
    pattern = rule["EventPattern"]
    if pattern.get("source") != [{"prefix": "regulars/"}]:
        yield f"its rule matches events of {pattern.get('source')}"
    known = types()
    for name in pattern.get("detail-type", []):
        if name not in known:
            yield f"its rule matches the type {name}, which is never sent"
    for target in rule["Targets"]:
        for path in target.get("InputTransformer", {}).get("InputPathsMap", {}).values():
            if not reaches(sample(), path.removeprefix("$.detail.").split(".")):
                yield f"no event has {path}"


def reaches(event, fields):
    """Whether the event has the field at the end of these. What is inside of a null is not known."""
    for field in fields:
        if event is None:
            return True
        if not isinstance(event, dict) or field not in event:
            return False
        event = event[field]
    return True


def check():
    """Prints what is wrong with the recipes; returns whether anything is."""
    found = [f"events/recipes/{name}: {problem}" for name, text in texts().items() for problem in problems(text)]
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


def check_faults():
    """Injects each fault; returns whether any was missed."""
    missed = False
    for name, find, replacement in FAULTS:
        text = texts()[name]
        if text.count(find) != 1:
            raise ValueError(f"{name}: {find!r} is there {text.count(find)} times")
        caught = next(problems(text.replace(find, replacement)), None)
        print(f"{'caught' if caught else 'MISSED'} {replacement.strip()!r} in {name}: {str(caught)[:160]}")
        missed |= caught is None
    return missed
