"""What schemathesis needs to know about the API beside its OpenAPI document."""

import re

import schemathesis

# Refusals of requests that fit the document: each is about several values, or about what is stored.
RULES = [
    r"^`\w+` is a part of `total`",
    r"[Tt]wo lines",
    r"is not an attribute of this program",
    r"^This alias is (given twice|also to be removed)",
    r"refer themselves",
    r"^(A member cannot be merged|Points cannot be transferred)",
    r"each line once",
    r"cursor",
    r"^The query parameter `(entry|code)` (is for a path|must name)",
    r"must not be after",
    r"^This reward has a fixed cost",
    # Who enrolls without an id needs a key.
    r"Idempotency-Key",
    # To JSON Schema, 1.0 is a whole number.
    r"decimals",
]

# What the local server has, so that requests reach the decisions behind the lookups.
KNOWN = {"program": "demo", "member": "m-1", "reward": "free-coffee", "version": 1, "entry": "order-1"}


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Names what exists wherever the generated value could name it."""
    if ctx.operation.path.endswith(("/erasure", "/merge")):
        # The member is needed by the operations after these.
        return path_parameters
    if path_parameters and all(re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", str(value)) for value in path_parameters.values()):
        return path_parameters | {name: value for name, value in KNOWN.items() if name in path_parameters}
    return path_parameters


@schemathesis.check
def a_request_that_fits_is_refused_only_by_a_rule(ctx, response, case):
    """A request that fits the document is malformed only by a rule about several values."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 400:
        return
    detail = response.json().get("detail", "")
    assert any(re.search(rule, detail) for rule in RULES), f"refused as malformed: {detail}"
