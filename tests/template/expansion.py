"""The template as CloudFormation receives it: most errors in a SAM template only show after its expansion."""

import copy
import json
import logging
import os

# The libraries below look for a region and would otherwise query the instance metadata.
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

import cfnlint.api
from cfnlint.config import ManualArgs
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# The translator collects metrics and logs a warning if they are not published.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)

BUILT = "s3://built/"

BASIC_EXECUTION_ROLE = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

# The managed policy that SAM attaches to a traced function.
TRACING_ROLE = "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"

# Ignored rules, each with the reason.
IGNORED_LINTS: dict[str, str] = {}

STAND_INS = {
    # AWS accepts an expression here; the schema of cfn-lint 1.58 accepts numbers only.
    '"{% ${ReviewConcurrency} %}"': "8",
    "${Partition}": "aws",
    "${TierEvaluationFunctionArn}": "arn:aws:lambda:us-east-1:111122223333:function:tier-evaluation",
}

LINTED_REGIONS = ["us-east-1", "eu-central-1"]


class ManagedPolicies:
    """The managed policy that the template needs, instead of a call to AWS."""

    def load(self):
        return {"AWSLambdaBasicExecutionRole": BASIC_EXECUTION_ROLE}


def expand(text, parameters):
    """Returns the template of `text` without SAM, and the errors if it cannot be expanded."""
    template = yaml_parse(text)
    for resource in template["Resources"].values():
        if resource.get("Type") == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
            # `sam package` does the same after it has uploaded the build.
            resource["Properties"]["CodeUri"] = BUILT + resource["Properties"]["CodeUri"]
    for name, value in parameters.items():
        template["Parameters"][name]["Default"] = value
    try:
        return transform(template, dict(parameters), ManagedPolicies()), []
    except InvalidDocumentException as invalid:
        return None, [f"cannot be expanded: {cause.message}" for cause in invalid.causes]


def lint(expanded):
    """Returns the errors and warnings of cfn-lint for `expanded`, without its suggestions."""
    linted = copy.deepcopy(expanded)
    for resource in linted["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            # It parses a definition only if that is one text, and does not support substitutions in it.
            text = definition_text(resource)
            for placeholder, stand_in in STAND_INS.items():
                text = text.replace(placeholder, stand_in)
            resource["Properties"]["DefinitionString"] = text
    # SAM reads this parameter itself: Disabled is no mode of Lambda, and leaves a function without the property.
    linted["Parameters"].pop("Tracing", None)
    for resource in linted["Resources"].values():
        if resource["Properties"].get("TracingConfig") == {"Mode": {"Ref": "Tracing"}}:
            resource["Properties"]["TracingConfig"]["Mode"] = "Active"
    matches = cfnlint.api.lint(
        json.dumps(linted, indent=1),
        config=ManualArgs(regions=LINTED_REGIONS, ignore_checks=["I", *IGNORED_LINTS]),
    )
    return [f"{match.rule.id} at {'/'.join(map(str, match.path or []))}: {match.message}" for match in matches]


def definition_text(state_machine):
    """Returns the definition of an expanded state machine as the text that SAM has split into lines."""
    separator, lines = state_machine["Properties"]["DefinitionString"]["Fn::Join"]
    return separator.join(lines)


def definition_of(state_machine):
    """Returns the definition of an expanded state machine with its substitutions applied and intrinsics unchanged."""
    definition = json.loads(definition_text(state_machine))
    substitutions = state_machine["Properties"].get("DefinitionSubstitutions", {})

    def substituted(value):
        if isinstance(value, dict):
            return {key: substituted(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [substituted(inner) for inner in value]
        if isinstance(value, str):
            for name, replacement in substitutions.items():
                if value == "${" + name + "}":
                    return copy.deepcopy(replacement)
        return value

    return substituted(definition)
