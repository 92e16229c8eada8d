"""Rules of the template beyond validity. Each yields its violations; its docstring states the rule."""

import json
import re
import tomllib

import state_machine
from expansion import BASIC_EXECUTION_ROLE, TRACING_ROLE, definition_of

# Ledger entries are never deleted, and only a review of all accounts scans.
READ_ACTIONS = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
ACTIONS = READ_ACTIONS | {"dynamodb:PutItem", "dynamodb:UpdateItem"}
SCANNING = "tier-evaluation"

# The prefixes of partition keys, and the functions that write items under them. All functions write accounts, and the counters
# to which an ended hold returns.
WRITERS = {
    "alias#*": {"enroll"},
    "cap#*": None,
    "codes#*": {"program", "redeem"},
    "member#*": None,
    "program#*": {"program"},
    "receipt#*": {"earn"},
    "reward#*": None,
}

# A scan names no keys; this limits it to the keys of items.
NAMES_ONLY = {
    "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk"]},
    "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}

# The actions of the event source mapping on a queue, with the function's role.
QUEUE_ACTIONS = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}

# The action of the function with aliases on the secret of their key.
SECRET_ACTIONS = {"secretsmanager:GetSecretValue"}
READING_SECRET = "enroll"

# What the platform does in the name of the function that reads the table's stream, and what that function does with the bus.
PUBLISHING = "publish"
STREAM_ACTIONS = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
LIST_STREAMS = {"dynamodb:ListStreams"}
BUS_ACTIONS = {"events:PutEvents"}
DEAD_LETTER_ACTIONS = {"sqs:SendMessage"}

# What leaves the engine: what the keys of new items begin with.
LEAVES = [("member#", "entry#"), ("program#", "version#")]

DAY = 24 * 60 * 60

WITHOUT_RESOURCE = {
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}

SHARDS = 256


class Stack:
    """An expanded template, its checkout, and the parameters of its expansion."""

    def __init__(self, expanded, root, parameters):
        self.resources = expanded["Resources"]
        self.root = root
        self.parameters = parameters

    def of_type(self, kind):
        return {name: one for name, one in self.resources.items() if one["Type"] == kind}

    def functions(self):
        """Returns the functions by the name of their folder, each as logical id and properties."""
        return {
            one["Properties"]["Code"]["S3Key"].removeprefix("functions/"): (logical_id, one["Properties"])
            for logical_id, one in self.of_type("AWS::Lambda::Function").items()
        }

    def the(self, kind):
        """Returns logical id and resource of the only resource of `kind`."""
        ((logical_id, one),) = self.of_type(kind).items()
        return logical_id, one

    def routes(self):
        """Yields path, method, operation and the name of the function of each route."""
        names = {logical_id: name for name, (logical_id, _) in self.functions().items()}
        _, api = self.the("AWS::ApiGatewayV2::Api")
        for path, methods in api["Properties"]["Body"]["paths"].items():
            for method, operation in methods.items():
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                function = uri.split("/functions/${")[1].split(".Arn}")[0]
                yield path, method, operation, names[function]

    def sources(self):
        """Returns the properties of each event source by the name of its function."""
        names = {logical_id: name for name, (logical_id, _) in self.functions().items()}
        found = {}
        for one in self.of_type("AWS::Lambda::EventSourceMapping").values():
            found.setdefault(names[one["Properties"]["FunctionName"]["Ref"]], []).append(one["Properties"])
        return found

    def statements(self):
        """Yields the owner's logical id and each statement of each policy."""
        for logical_id, role in self.of_type("AWS::IAM::Role").items():
            for policy in role["Properties"].get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield logical_id, statement
        for logical_id, policy in self.of_type("AWS::IAM::Policy").items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield logical_id, statement


def listed(value):
    return value if isinstance(value, list) else [value]


def each_folder_has_its_function_and_each_function_its_folder(stack):
    """functions/NAME is a crate with one binary NAME, and one function is built from it, for the target platform."""
    folders = {manifest.parent.name: manifest for manifest in (stack.root / "functions").glob("*/Cargo.toml")}
    functions = stack.functions()
    for name in sorted(folders.keys() - functions.keys()):
        yield f"functions/{name} has no function in the template"
    for name in sorted(functions.keys() - folders.keys()):
        yield f"{functions[name][0]} is built from functions/{name}, which is not there"
    for name in sorted(functions.keys() & folders.keys()):
        logical_id, properties = functions[name]
        binaries = [one["name"] for one in tomllib.loads(folders[name].read_text()).get("bin", [])]
        if binaries != [name]:
            yield f"functions/{name} builds {binaries}, not one binary {name}"
        built = stack.resources[logical_id].get("Metadata", {})
        if built.get("BuildMethod") != "rust-cargolambda" or built.get("BuildProperties") != {"Binary": name}:
            yield f"{logical_id} is not built with rust-cargolambda as {name}"
        for key, wanted in (("Runtime", "provided.al2023"), ("Handler", "bootstrap"), ("Architectures", ["arm64"])):
            if properties.get(key) != wanted:
                yield f"{logical_id} has {key} {properties.get(key)}, not {wanted}"


def no_policy_grants_more_than_named_actions_on_named_resources(stack):
    """No action has a wildcard; no resource is `*` unless its actions require it; functions reach only the table, earn its queues, enroll the alias key, publish the stream and the bus."""
    table_id, table = stack.the("AWS::DynamoDB::Table")
    indexes = {
        one["IndexName"]
        for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
        for one in table["Properties"].get(kind, [])
    }
    on_table = {"Fn::GetAtt": [table_id, "Arn"]}
    on_index = [{"Fn::Sub": f"${{{table_id}.Arn}}/index/{index}"} for index in sorted(indexes)]
    roles = {properties["Role"]["Fn::GetAtt"][0] for _, properties in stack.functions().values()}
    on_queues = {
        stack.functions()[name][1]["Role"]["Fn::GetAtt"][0]: [one["EventSourceArn"] for one in sources]
        for name, sources in stack.sources().items()
    }
    secret_id, _ = stack.the("AWS::SecretsManager::Secret")
    reading_secret = stack.functions()[READING_SECRET][1]["Role"]["Fn::GetAtt"][0]
    scanning = stack.functions()[SCANNING][1]["Role"]["Fn::GetAtt"][0]
    publishing = stack.functions()[PUBLISHING][1]["Role"]["Fn::GetAtt"][0]
    (source,) = stack.sources()[PUBLISHING]
    own_bus = {"Fn::GetAtt": [stack.the("AWS::Events::EventBus")[0], "Arn"]}
    given_bus = {
        "Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
    }
    of_publishing = {
        frozenset(STREAM_ACTIONS): [{"Fn::GetAtt": [table_id, "StreamArn"]}],
        frozenset(LIST_STREAMS): [{"Fn::Sub": f"${{{table_id}.Arn}}/stream/*"}],
        frozenset(BUS_ACTIONS): [{"Fn::If": ["MakesEventBus", own_bus, given_bus]}],
        frozenset(DEAD_LETTER_ACTIONS): [source["DestinationConfig"]["OnFailure"]["Destination"]],
    }
    for owner, statement in stack.statements():
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{owner} grants everything but something"
            continue
        actions = set(listed(statement["Action"]))
        for action in sorted(actions):
            if "*" in action:
                yield f"{owner} grants {action}"
        for resource in listed(statement["Resource"]):
            if resource == "*" and not actions <= WITHOUT_RESOURCE:
                yield f"{owner} grants {sorted(actions)} on *"
            if owner in roles:
                wanted = [on_table, *on_index] if actions == {"dynamodb:Query"} else [on_table]
                if actions == QUEUE_ACTIONS:
                    wanted = on_queues.get(owner, [])
                if actions == SECRET_ACTIONS:
                    wanted = [{"Ref": secret_id}] if owner == reading_secret else []
                if owner == publishing:
                    wanted = of_publishing.get(frozenset(actions), [])
                if resource not in wanted:
                    yield f"{owner} grants {sorted(actions)} on {json.dumps(resource)}"
        allowed = ACTIONS | {"dynamodb:Scan"} if owner == scanning else ACTIONS
        if owner == publishing:
            continue
        if owner in roles and actions not in (QUEUE_ACTIONS, SECRET_ACTIONS) and not actions <= allowed:
            yield f"{owner} grants {sorted(actions - allowed)}"
    for logical_id, role in stack.of_type("AWS::IAM::Role").items():
        for managed in role["Properties"].get("ManagedPolicyArns", []):
            allowed = {BASIC_EXECUTION_ROLE, TRACING_ROLE} if is_traced(stack) else {BASIC_EXECUTION_ROLE}
            if logical_id not in roles or managed not in allowed:
                yield f"{logical_id} has the managed policy {managed}"
    if len(roles) != len(stack.functions()):
        yield "functions share a role"


def each_function_reaches_only_its_kinds_of_items(stack):
    """Statements on the table name the partition keys that they reach, for reading and writing separately; a scan sees keys only.

    The keys are compared with what the code calls by the system's own tests.
    """
    owners = {properties["Role"]["Fn::GetAtt"][0]: name for name, (_, properties) in stack.functions().items()}
    for owner, statement in stack.statements():
        actions = set(listed(statement["Action"]))
        if owner not in owners or actions == QUEUE_ACTIONS or not any(one.startswith("dynamodb:") for one in actions):
            continue
        if owners[owner] == PUBLISHING:
            # It reads the stream and nothing of the table.
            continue
        condition = statement.get("Condition")
        if "dynamodb:Scan" in actions:
            if actions != {"dynamodb:Scan"} or condition != NAMES_ONLY:
                yield f"{owner} scans under {json.dumps(condition)}, together with {sorted(actions)}"
            continue
        if json.dumps(statement["Resource"]).endswith('/index/due"}'):
            if condition is not None:
                yield f"{owner} queries the index of due accounts under {json.dumps(condition)}, which its keys cannot meet"
            continue
        keys = (condition or {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        if not keys or condition != {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}:
            yield f"{owner} grants {sorted(actions)} under {json.dumps(condition)}"
        writes = actions - READ_ACTIONS
        if writes and actions & READ_ACTIONS:
            yield f"{owner} grants {sorted(actions)} in one statement"
        for key in keys:
            if key not in WRITERS:
                yield f"{owner} grants {sorted(actions)} on {key}, which no item has"
            elif writes and WRITERS[key] is not None and owners[owner] not in WRITERS[key]:
                yield f"{owner} writes {key}"


def is_traced(stack):
    return stack.parameters.get("Tracing") == "Active"


def functions_are_traced_only_where_it_is_asked_for(stack):
    """With the parameter Tracing, each function is traced and may send its traces; without it neither."""
    for logical_id, properties in stack.functions().values():
        role = stack.resources[properties["Role"]["Fn::GetAtt"][0]]["Properties"]
        found = (properties.get("TracingConfig"), TRACING_ROLE in role["ManagedPolicyArns"])
        if found != (({"Mode": {"Ref": "Tracing"}}, True) if is_traced(stack) else (None, False)):
            yield f"{logical_id} has the tracing {found[0]}, and {'a' if found[1] else 'no'} right to send traces"


def the_reading_function_cannot_write(stack):
    """The account function reads; it commits effects of time, and deletes nothing."""
    _, properties = stack.functions()["account"]
    role = properties["Role"]["Fn::GetAtt"][0]
    for owner, statement in stack.statements():
        if owner == role and set(listed(statement["Action"])) - READ_ACTIONS - {"dynamodb:PutItem", "dynamodb:UpdateItem"}:
            yield f"{owner} grants {statement['Action']}"


def everything_that_logs_has_a_group_that_forgets(stack):
    """Functions, the API and the state machine have log groups of their own, each with a retention."""
    groups = stack.of_type("AWS::Logs::LogGroup")
    for logical_id, group in groups.items():
        if "RetentionInDays" not in group["Properties"]:
            yield f"{logical_id} keeps its logs for ever"
    wanted = {}
    for logical_id, properties in stack.functions().values():
        logging = properties.get("LoggingConfig", {})
        wanted[logical_id] = logging.get("LogGroup", {}).get("Ref")
        if logging.get("LogFormat") != "JSON":
            yield f"{logical_id} does not log JSON"
        if logging.get("ApplicationLogLevel") != "INFO":
            yield f"{logical_id} may lose the lines of its calls, and the metrics in them"
        if logging.get("SystemLogLevel") != "WARN":
            yield f"{logical_id} has Lambda's lines at {logging.get('SystemLogLevel')}"
    stage_id, stage = stack.the("AWS::ApiGatewayV2::Stage")
    destination = stage["Properties"].get("AccessLogSettings", {}).get("DestinationArn", {})
    wanted[stage_id] = destination.get("Fn::GetAtt", [None])[0]
    machine_id, machine = stack.the("AWS::StepFunctions::StateMachine")
    for one in machine["Properties"].get("LoggingConfiguration", {}).get("Destinations", [{}]):
        destination = one.get("CloudWatchLogsLogGroup", {}).get("LogGroupArn", {})
        wanted[machine_id] = destination.get("Fn::GetAtt", [None])[0]
    for owner, group in wanted.items():
        if group not in groups:
            yield f"{owner} has no log group of its own"
        elif list(wanted.values()).count(group) > 1:
            yield f"{owner} shares the log group {group}"


def the_table_has_the_keys_that_the_store_asks_for(stack):
    """pk and sk; by_seq on pk and seq with all attributes of an entry except facts; due on due_shard and due_key with keys only."""
    _, table = stack.the("AWS::DynamoDB::Table")
    properties = table["Properties"]

    def keys(schema):
        return [(one["AttributeName"], one["KeyType"]) for one in schema]

    def index(one):
        projection = one["Projection"]
        return (
            one["IndexName"],
            keys(one["KeySchema"]),
            projection["ProjectionType"],
            sorted(projection.get("NonKeyAttributes", [])),
        )

    types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
    for what, found, wanted in (
        ("attributes", types, {"pk": "S", "sk": "S", "seq": "N", "due_shard": "N", "due_key": "S"}),
        ("keys", keys(properties["KeySchema"]), [("pk", "HASH"), ("sk", "RANGE")]),
        (
            "local indexes",
            [index(one) for one in properties.get("LocalSecondaryIndexes", [])],
            [("by_seq", [("pk", "HASH"), ("seq", "RANGE")], "INCLUDE", ["ac", "af", "e", "h", "nt", "ph"])],
        ),
        (
            "global indexes",
            [index(one) for one in properties.get("GlobalSecondaryIndexes", [])],
            [("due", [("due_shard", "HASH"), ("due_key", "RANGE")], "KEYS_ONLY", [])],
        ),
    ):
        if found != wanted:
            yield f"the table's {what} are {found}, not {wanted}"


def what_cannot_be_made_again_outlives_the_stack(stack):
    """The table and the alias key outlive the stack, and the table can be restored."""
    _, table = stack.the("AWS::DynamoDB::Table")
    _, secret = stack.the("AWS::SecretsManager::Secret")
    for what, one in (("table", table), ("alias key", secret)):
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if one.get(policy) != "Retain":
                yield f"the {what} has {policy} {one.get(policy)}"
    properties = table["Properties"]
    for what, found, wanted in (
        ("deletion protection", properties.get("DeletionProtectionEnabled"), True),
        ("recovery", properties.get("PointInTimeRecoverySpecification"), {"PointInTimeRecoveryEnabled": True}),
        ("encryption", properties.get("SSESpecification"), {"SSEEnabled": True}),
        ("billing", properties.get("BillingMode"), "PAY_PER_REQUEST"),
        ("stream", properties.get("StreamSpecification"), {"StreamViewType": "NEW_IMAGE"}),
    ):
        if found != wanted:
            yield f"the table's {what} is {found}, not {wanted}"


def each_function_gets_the_settings_it_reads(stack):
    """All functions have TABLE_NAME, LOG_LEVEL, METRIC_NAMESPACE and the names of claims; enroll alone has the name of the alias key's secret, never the key; publish alone has the bus."""
    table_id, _ = stack.the("AWS::DynamoDB::Table")
    secret_id, _ = stack.the("AWS::SecretsManager::Secret")
    for name, (logical_id, properties) in stack.functions().items():
        variables = properties.get("Environment", {}).get("Variables", {})
        wanted = {"TABLE_NAME": {"Ref": table_id}, "LOG_LEVEL": variables.get("LOG_LEVEL")}
        wanted["METRIC_NAMESPACE"] = {"Fn::Sub": "Regulars/${AWS::StackName}"}
        for claim in ("Member", "Program"):
            wanted[f"{claim.upper()}_CLAIM"] = stack.parameters.get(f"{claim}Claim", {"Ref": f"{claim}Claim"})
        if name == "enroll":
            wanted["ALIAS_KEY_SECRET"] = {"Ref": secret_id}
        if name == PUBLISHING:
            wanted["EVENT_BUS_NAME"] = the_bus(stack)
        if variables != wanted or not wanted["LOG_LEVEL"]:
            yield f"{logical_id} gets {variables}, not {wanted}"


def the_bus(stack):
    """Returns what names the bus that gets the events."""
    return {"Fn::If": ["MakesEventBus", {"Ref": stack.the("AWS::Events::EventBus")[0]}, {"Ref": "EventBusName"}]}


# Operators' scopes that do not belong to one function.
OPERATOR_SCOPES = {"adjust", "read"}


def called_functions(stack):
    """Returns the names of the functions that callers reach."""
    return set(stack.functions()) - {PUBLISHING}


# The documents that machines read, for everyone.
PUBLIC = {("/v1/openapi.json", "get"), ("/v1/program.schema.json", "get")}


def each_route_is_plain_and_asks_for_its_scopes(stack):
    """No route catches all, and each but the public documents asks for its function's scope or for adjusting, and besides for reading where it is a GET, or a member's.

    Which routes are open to members is compared with the code by the system's own tests.
    """
    served = set()
    offered = {f"regulars/{name}" for name in called_functions(stack) | OPERATOR_SCOPES | {"member"}}
    for path, method, operation, function in stack.routes():
        served.add(function)
        match operation.get("security"):
            case [{"NONE": []}] | [] | None if (path, method) in PUBLIC:
                pass
            case [{"Jwt": scopes, **others}] if not others and set(scopes) <= offered:
                if not {f"regulars/{function}", "regulars/adjust"} & set(scopes):
                    yield f"{method} {path} of {function} asks for {scopes}"
                if ("regulars/read" in scopes) != (method == "get"):
                    yield f"{method} {path} asks for {scopes}"
            case security:
                yield f"{method} {path} asks for {security}"
        if operation["x-amazon-apigateway-integration"].get("payloadFormatVersion") != "2.0":
            yield f"{method} {path} does not use payload format 2.0"
        if "x-amazon-apigateway-any-method" in method or "$default" in path or "+" in path:
            yield f"{method} {path} catches more than one route"
        if not path.startswith("/v1/programs/{program}") and (path, method) not in PUBLIC:
            yield f"{method} {path} is not under a program"
    for name in sorted(stack.functions().keys() - served - {PUBLISHING}):
        yield f"{name} has no route"


def the_gateway_checks_tokens_and_limits_callers(stack):
    """The authorizer uses the given issuer or else the pool; the stage is the default one and throttles."""
    _, api = stack.the("AWS::ApiGatewayV2::Api")
    schemes = api["Properties"]["Body"]["components"]["securitySchemes"]
    jwt = schemes["Jwt"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
    clients = [{"Ref": one} for one in stack.of_type("AWS::Cognito::UserPoolClient")]
    own = {"issuer": {"Fn::GetAtt": ["UserPool", "ProviderURL"]}, "audience": clients}
    given = {
        "issuer": stack.parameters.get("JwtIssuer", {"Ref": "JwtIssuer"}),
        "audience": [stack.parameters.get("JwtAudience", {"Ref": "JwtAudience"})],
    }
    for key in ("issuer", "audience"):
        # SAM may resolve a parameter or keep the reference.
        found = json.dumps(jwt.get(key))
        for parameter, value in stack.parameters.items():
            found = found.replace(json.dumps({"Ref": parameter}), json.dumps(value))
        found = json.loads(found)
        condition, pool, parameter = found.get("Fn::If", [None, None, None]) if isinstance(found, dict) else [None] * 3
        if (
            condition != "MakesIssuer"
            or parameter != given[key]
            or sorted(map(str, listed(pool))) != sorted(map(str, listed(own[key])))
        ):
            yield f"the authorizer's {key} is {found}"
    _, stage = stack.the("AWS::ApiGatewayV2::Stage")
    properties = stage["Properties"]
    if properties.get("StageName") != "$default":
        yield f"the stage is {properties.get('StageName')}"
    if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(properties.get("DefaultRouteSettings", {})):
        yield "the stage does not throttle"


def a_token_that_reads_or_is_a_members_cannot_use_up_the_rate_of_tills(stack):
    """Routes that members may call, and those that only read, have rates of their own; the others share the stage's."""
    _, stage = stack.the("AWS::ApiGatewayV2::Stage")
    wanted = {}
    for path, method, operation, _ in stack.routes():
        scopes = [] if (path, method) in PUBLIC else operation["security"][0]["Jwt"]
        kind = "MemberRoute" if "regulars/member" in scopes else "ReadRoute" if method == "get" else None
        if kind is not None:
            rates = {f"Throttling{limit}": {"Ref": f"{kind}{limit}"} for limit in ("RateLimit", "BurstLimit")}
            wanted[f"{method.upper()} {path}"] = rates
    found = stage["Properties"].get("RouteSettings", {})
    for route in sorted(wanted.keys() | found.keys()):
        if found.get(route) != wanted.get(route):
            yield f"{route} has the rates {found.get(route)}, not {wanted.get(route)}"


def concurrency_is_reserved_only_where_it_is_asked_for(stack):
    """Each function has its own parameter for reserved concurrency, which reserves nothing when it is 0."""
    for name, (logical_id, properties) in stack.functions().items():
        prefix = "".join(word.capitalize() for word in name.split("-"))
        wanted = {"Fn::If": [f"Reserves{prefix}", {"Ref": f"{prefix}ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
        if properties.get("ReservedConcurrentExecutions") != wanted:
            yield f"{logical_id} reserves {properties.get('ReservedConcurrentExecutions')}"


def each_operators_scope_is_offered_to_a_client_of_its_own(stack):
    """The pool offers the operators' scopes, each to one machine client that may request no other, and none to members."""
    names = called_functions(stack) | OPERATOR_SCOPES
    _, server = stack.the("AWS::Cognito::UserPoolResourceServer")
    scopes = {one["ScopeName"] for one in server["Properties"]["Scopes"]}
    if scopes != names or server["Properties"]["Identifier"] != "regulars":
        yield f"the resource server {server['Properties']['Identifier']} offers {sorted(scopes)}"
    clients = {}
    for logical_id, client in stack.of_type("AWS::Cognito::UserPoolClient").items():
        properties = client["Properties"]
        clients[properties.get("ClientName")] = properties.get("AllowedOAuthScopes")
        if (
            properties.get("AllowedOAuthFlows") != ["client_credentials"]
            or properties.get("GenerateSecret") is not True
        ):
            yield f"{logical_id} is not a machine client"
    if clients != {name: [f"regulars/{name}"] for name in names}:
        yield f"the clients may ask for {clients}"
    for logical_id, one in stack.resources.items():
        if one["Type"].startswith("AWS::Cognito::") and one.get("Condition") != "MakesIssuer":
            yield f"{logical_id} is made although an issuer was given"


def the_schedule_starts_the_state_machine_and_it_calls_tier_evaluation(stack):
    """Schedule, state machine and function are connected, and each role may do only what it needs."""
    machine_id, machine = stack.the("AWS::StepFunctions::StateMachine")
    _, schedule = stack.the("AWS::Scheduler::Schedule")
    target = schedule["Properties"]["Target"]
    if target["Arn"] != {"Ref": machine_id}:
        yield f"the schedule starts {target['Arn']}"
    if machine["Properties"].get("StateMachineType") != "STANDARD":
        yield f"the state machine is {machine['Properties'].get('StateMachineType')}"
    function_id, _ = stack.functions()["tier-evaluation"]
    arn = {"Fn::GetAtt": [function_id, "Arn"]}
    review = definition_of(machine)["States"]["ReviewShards"]
    page = review["ItemProcessor"]["States"]["ReviewPage"]
    if page["Arguments"]["FunctionName"] != arn:
        yield f"the state machine calls {page['Arguments']['FunctionName']}"
    if review["ItemProcessor"]["ProcessorConfig"] != {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}:
        yield f"the map is {review['ItemProcessor']['ProcessorConfig']}"
    if review.get("ToleratedFailurePercentage") != 0:
        yield "the map tolerates children that could not run"
    if machine["Properties"].get("DefinitionSubstitutions", {}).get("ReviewConcurrency") is None:
        yield "the map's concurrency is not the parameter's"

    def grants(role):
        for owner, statement in stack.statements():
            roles = stack.resources[owner]["Properties"].get("Roles", [{"Ref": owner}])
            if {"Ref": role} in roles:
                for action in listed(statement["Action"]):
                    yield action, listed(statement["Resource"])

    starter = dict(grants(target["RoleArn"]["Fn::GetAtt"][0]))
    if starter != {"states:StartExecution": [{"Ref": machine_id}]}:
        yield f"the schedule's role grants {starter}"
    reviewer = dict(grants(machine["Properties"]["RoleArn"]["Fn::GetAtt"][0]))
    if reviewer.get("lambda:InvokeFunction") != [arn] or reviewer.get("states:StartExecution") != [{"Ref": machine_id}]:
        yield "the state machine's role cannot call the function or start its children"
    for action in ("states:DescribeExecution", "states:StopExecution"):
        if not any(f"/{review.get('Label')}:*" in json.dumps(one) for one in reviewer.get(action, [])):
            yield f"the state machine's role does not grant {action} on the map's children"


class Reviews:
    """Replaces tier-evaluation: answers page by page and records its input."""

    def __init__(self, pages=None, broken=None, failing=None):
        self.pages = pages or {}
        self.broken = broken or {}
        self.failing = failing or {}
        self.asked = []

    def __call__(self, payload):
        self.asked.append(payload)
        shard = payload["shard"]
        if self.broken.get(shard, 0) > 0:
            self.broken[shard] -= 1
            raise state_machine.Failed("Lambda.TooManyRequestsException")
        page = 0 if payload["cursor"] is None else int(payload["cursor"].removeprefix("page-"))
        last = self.pages.get(shard, 1) - 1
        cursor = None if page >= last else f"page-{page + 1}"
        failed = self.failing.get(shard, 0)
        return {
            "shard": shard,
            "through": payload["through"],
            "cursor": cursor,
            "reviewed": 10,
            "changed": 2,
            "conflicted": 1,
            "failed": failed,
            "conflicted_accounts": [account("conflicted", shard, page, 0)],
            "failed_accounts": [account("failed", shard, page, number) for number in range(min(failed, 20))],
        }


def account(kind, shard, page, number):
    """Returns the name of an account, with the maximum length."""
    return {"program": "p" * 64, "member": f"{kind}-{shard}-{page}-{number}".ljust(64, "x")}


def outcome(definition, reviews, given=None):
    """Returns the output of a run with the input `given`, or its failure."""
    context = {"Execution": {"StartTime": "2026-11-22T23:59:58.123Z"}}
    try:
        return state_machine.run(definition, reviews, context, given or {})
    except state_machine.Failed as failure:
        return str(failure)


def a_run_reviews_every_shard_to_its_last_page(stack):
    """Runs the definition: all shards, one date, every cursor followed, throttling retried, a failing shard reported."""
    _, machine = stack.the("AWS::StepFunctions::StateMachine")
    definition = definition_of(machine)
    if faults := list(state_machine.misshapen(definition)):
        yield from faults
        return

    reviews = Reviews(pages={17: 3}, failing={17: 1, 200: 30})
    found = outcome(definition, reviews)
    calls = SHARDS + 2
    places = [(shard, 0) for shard in range(SHARDS)]
    places.insert(18, (17, 1))
    wanted = {
        "shards": SHARDS,
        "reviewed": 10 * calls,
        "changed": 2 * calls,
        "conflicted": calls,
        "failed": 33,
        "conflicted_accounts": [account("conflicted", shard, page, 0) for shard, page in places],
        "failed_accounts": [account("failed", *place) for place in [(17, 0, 0), (17, 1, 0), (200, 0, 0), (200, 0, 1)]],
        "failed_shards": [],
    }
    if found != wanted:
        yield f"a run ends with {found}, not {wanted}"
    pages = [(shard, None) for shard in range(SHARDS)]
    pages[18:18] = [(17, "page-1"), (17, "page-2")]
    if [(one.get("shard"), one.get("cursor")) for one in reviews.asked] != pages:
        yield f"a run asks for {reviews.asked[:20]}..., {len(reviews.asked)} pages in all"
    asked = {"through": "2026-11-22", "all": False}
    if any(set(one) != {"shard", "cursor", *asked} or one != one | asked for one in reviews.asked):
        yield f"a run asks for {reviews.asked[0]}"

    reviews = Reviews(pages={17: 3}, failing=dict.fromkeys(range(SHARDS), 30))
    found = outcome(definition, reviews, {"all": True})
    if not isinstance(found, dict) or found["failed"] != 30 * calls or len(found["failed_accounts"]) != 2 * SHARDS:
        yield f"where accounts of every shard fail a run ends with {str(found)[:1000]}"
    if any(one["all"] is not True for one in reviews.asked):
        yield "a run over all accounts asks for less"

    reviews = Reviews(broken={3: 2})
    found = outcome(definition, reviews)
    if len(reviews.asked) != SHARDS + 2 or not isinstance(found, dict) or found["failed_shards"]:
        yield f"with a call that is throttled twice a run ends with {found}"

    reviews = Reviews(broken={3: 1000, 200: 1000})
    found = outcome(definition, reviews)
    if found != "ReviewIncomplete: Shards that could not be reviewed: 3, 200":
        yield f"with two shards that fail a run ends with {found}"
    if {one["shard"] for one in reviews.asked} != set(range(SHARDS)):
        yield "a shard that fails keeps others from being reviewed"


def the_queue_repeats_what_failed_and_parts_with_what_keeps_failing(stack):
    """Messages fail one by one, are not redelivered during processing, are retried for a day, and then wait for an operator."""
    sources = {name: one for name, one in stack.sources().items() if name != PUBLISHING}
    if list(sources) != ["earn"]:
        yield f"queues are read by {sorted(sources)}"
        return
    for source in sources["earn"]:
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"the queue's batches are answered as {source.get('FunctionResponseTypes')}"
        if source.get("BatchSize") != 10:
            yield f"a batch has {source.get('BatchSize')} messages"
    queues = stack.of_type("AWS::SQS::Queue")
    for logical_id, queue in queues.items():
        if queue["Properties"].get("SqsManagedSseEnabled") is not True:
            yield f"{logical_id} is not encrypted"
    read = {source["EventSourceArn"]["Fn::GetAtt"][0]: source for source in sources["earn"]}
    after = {logical_id: redrive_target(queue) for logical_id, queue in queues.items()}
    first = sorted(read.keys() - set(after.values()))
    chain = first[:1]
    while chain and after[chain[-1]] in queues.keys() - set(chain):
        chain.append(after[chain[-1]])
    if len(chain) != 3 or len(first) != 1 or set(read) != set(chain[:2]) or after[chain[-1]] is not None:
        yield f"a message goes the way {chain}, of which {sorted(read)} are read"
        return
    concurrency = [read[logical_id].get("ScalingConfig", {}).get("MaximumConcurrency") for logical_id in chain[:2]]
    if concurrency not in ([stack.parameters.get("QueueConcurrency"), 2], [{"Ref": "QueueConcurrency"}, 2]):
        yield f"the queues' concurrency is {concurrency}"
    _, function = stack.functions()["earn"]
    tried, late, dead = (queues[logical_id]["Properties"] for logical_id in chain)
    for queue in (tried, late):
        if queue.get("VisibilityTimeout", 30) < 6 * function["Timeout"]:
            yield f"a message is given again after {queue.get('VisibilityTimeout', 30)} s, while the function may work on it"
    times = [queue["RedrivePolicy"].get("maxReceiveCount") for queue in (tried, late)]
    if times[0] != 5 or times[1] * late.get("VisibilityTimeout", 30) != DAY:
        yield f"a message is parted with after {times} times, of them the last every {late.get('VisibilityTimeout')} s"
    # The retention of a message counts from when it was sent, also after it is moved.
    kept = dead.get("MessageRetentionPeriod", 4 * DAY)
    if kept != 14 * DAY or any(queue.get("MessageRetentionPeriod", 4 * DAY) != 4 * DAY for queue in (tried, late)):
        yield f"a message that keeps failing is kept for {kept} s after it was sent"


def what_is_written_leaves_by_the_stream_and_what_cannot_waits_for_a_person(stack):
    """Entries and versions wake publish, alone and from the start; failures are cut off and retried for hours, and then named in a queue; the webhook keeps what it cannot post."""
    table_id, _ = stack.the("AWS::DynamoDB::Table")
    (source,) = stack.sources()[PUBLISHING]
    patterns = [json.loads(one["Pattern"]) for one in source.get("FilterCriteria", {}).get("Filters", [])]
    wanted = [
        {
            "eventName": ["INSERT"],
            "dynamodb": {"Keys": {"pk": {"S": [{"prefix": pk}]}, "sk": {"S": [{"prefix": sk}]}}},
        }
        for pk, sk in LEAVES
    ]
    if patterns != wanted:
        yield f"publish is woken by {json.dumps(patterns)}"
    for key, value in (
        ("EventSourceArn", {"Fn::GetAtt": [table_id, "StreamArn"]}),
        ("StartingPosition", "TRIM_HORIZON"),
        ("FunctionResponseTypes", ["ReportBatchItemFailures"]),
        ("BisectBatchOnFunctionError", True),
        ("BatchSize", 100),
    ):
        if source.get(key) != value:
            yield f"publish's source has {key} {source.get(key)}"
    if not 60 * 60 <= source.get("MaximumRecordAgeInSeconds", -1) <= DAY / 2:
        yield f"a record is retried for {source.get('MaximumRecordAgeInSeconds')} s, and the stream keeps it for a day"
    if not 10 <= source.get("MaximumRetryAttempts", -1) <= 1000:
        yield f"a record is retried {source.get('MaximumRetryAttempts')} times"
    queues = stack.of_type("AWS::SQS::Queue")
    (rule_id, rule), (_, policy) = stack.the("AWS::Events::Rule"), stack.the("AWS::SQS::QueuePolicy")
    if rule["Properties"].get("EventBusName") != the_bus(stack):
        yield f"{rule_id} listens to {rule['Properties'].get('EventBusName')}"
    if rule["Properties"].get("EventPattern") != {"source": [{"prefix": "regulars/"}]}:
        yield f"{rule_id} matches {rule['Properties'].get('EventPattern')}"
    (target,) = rule["Properties"]["Targets"]
    destination_id, _ = stack.the("AWS::Events::ApiDestination")
    if target.get("Arn") != {"Fn::GetAtt": [destination_id, "Arn"]} or target.get("InputPath") != "$.detail":
        yield f"{rule_id} sends {target.get('InputPath')} to {target.get('Arn')}"
    if target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds") != DAY:
        yield f"{rule_id} retries as {target.get('RetryPolicy')}"
    dead = (source["DestinationConfig"]["OnFailure"]["Destination"], target.get("DeadLetterConfig", {}).get("Arn"))
    for queue_id in (one["Fn::GetAtt"][0] if one else None for one in dead):
        if queue_id not in queues:
            yield f"{queue_id} is no queue for what could not be sent"
        elif queues[queue_id]["Properties"].get("MessageRetentionPeriod") != 14 * DAY:
            yield f"{queue_id} keeps messages for {queues[queue_id]['Properties'].get('MessageRetentionPeriod')} s"
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    if statement.get("Resource") != dead[1] or statement.get("Condition") != {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule_id, "Arn"]}}
    }:
        yield f"the webhook's dead letters come from {statement.get('Condition')} into {statement.get('Resource')}"


def redrive_target(queue):
    """Returns the logical id of the dead-letter queue of this queue."""
    return queue["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn", {}).get("Fn::GetAtt", [None])[0]


# Counts the callers that the gateway or a function rejected, in the gateway's access log.
REFUSED_CALLERS = '{ ($.status = "401") || ($.status = "403") }'

# Metrics in the functions' logs that must ring an alarm. The system tests assert that the functions write them.
EMBEDDED = ["AccountsNotReviewed", "MessagesRefused"]


# CloudWatch's limit for one alarm.
METRICS_MAX = 10


def trouble_rings_an_alarm(stack):
    """Alarms cover each function's errors and throttles, the API's faults, latency and rejected callers, the review, queues and table."""
    watched = set()
    rung = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for logical_id, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        if len(properties.get("Metrics", [])) > METRICS_MAX:
            yield f"{logical_id} has more metrics than an alarm may have"
        metrics = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one]
        for metric in metrics or [properties]:
            dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
            watched.add((str(metric["Namespace"]), metric["MetricName"], json.dumps(dimensions, sort_keys=True)))
        for kind in ("AlarmActions", "OKActions"):
            if properties.get(kind) != rung:
                yield f"{logical_id} has {kind} {properties.get(kind)}"
    (api_id, _), (table_id, _) = stack.the("AWS::ApiGatewayV2::Api"), stack.the("AWS::DynamoDB::Table")
    machine_id, _ = stack.the("AWS::StepFunctions::StateMachine")
    group_id, _ = stack.the("AWS::Scheduler::ScheduleGroup")
    table = {"TableName": {"Ref": table_id}}
    read = {source["EventSourceArn"]["Fn::GetAtt"][0] for sources in stack.sources().values() for source in sources}
    publishing_id, _ = stack.functions()[PUBLISHING]
    (of_stream,) = stack.sources()[PUBLISHING]
    not_sent = of_stream["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    wanted = [
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": {"Fn::GetAtt": [logical_id, "QueueName"]}})
        for logical_id in sorted(stack.of_type("AWS::SQS::Queue").keys() - read)
    ]
    wanted += [
        ("AWS/ApiGateway", "5xx", {"ApiId": {"Ref": api_id}, "Stage": "$default"}),
        ("AWS/ApiGateway", "Latency", {"ApiId": {"Ref": api_id}, "Stage": "$default"}),
        ("AWS/States", "ExecutionsSucceeded", {"StateMachineArn": {"Ref": machine_id}}),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": {"Fn::GetAtt": ["EarnQueue", "QueueName"]}}),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": {"Fn::GetAtt": [not_sent, "QueueName"]}}),
        ("AWS/Lambda", "IteratorAge", {"FunctionName": {"Ref": publishing_id}}),
        ("AWS/States", "ExecutionsFailed", {"StateMachineArn": {"Ref": machine_id}}),
        ("AWS/States", "ExecutionsTimedOut", {"StateMachineArn": {"Ref": machine_id}}),
        ("AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": {"Ref": group_id}}),
        ("AWS/DynamoDB", "ReadThrottleEvents", table),
        ("AWS/DynamoDB", "WriteThrottleEvents", table),
        ("AWS/DynamoDB", "WriteThrottleEvents", table | {"GlobalSecondaryIndexName": "due"}),
        ("AWS/DynamoDB", "SystemErrors", table | {"Operation": "TransactWriteItems"}),
    ]
    for logical_id, _ in stack.functions().values():
        for metric in ("Errors", "Throttles"):
            wanted.append(("AWS/Lambda", metric, {"FunctionName": {"Ref": logical_id}}))
    _, stage = stack.the("AWS::ApiGatewayV2::Stage")
    access_log = stage["Properties"]["AccessLogSettings"]
    namespace = {"Fn::Sub": "Regulars/${AWS::StackName}"}
    wanted += [(namespace, metric, {}) for metric in EMBEDDED]
    filters = stack.of_type("AWS::Logs::MetricFilter")
    if [counted["Properties"]["FilterPattern"] for counted in filters.values()] != [REFUSED_CALLERS]:
        yield f"the log of the API is counted by {sorted(filters)}"
    for filter_id, counted in filters.items():
        properties = counted["Properties"]
        (metric,) = properties["MetricTransformations"]
        wanted.append((metric["MetricNamespace"], metric["MetricName"], {}))
        if {"Fn::GetAtt": [properties["LogGroupName"]["Ref"], "Arn"]} != access_log["DestinationArn"]:
            yield f"{filter_id} reads {properties['LogGroupName']}"
        if '"status":"$context.status"' not in access_log["Format"]:
            yield f"{filter_id} counts statuses that the log has not"
    for logical_id, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        span = properties.get("Period", 0) * properties["EvaluationPeriods"]
        is_missing = properties["ComparisonOperator"] == "LessThanThreshold"
        if is_missing and (properties.get("TreatMissingData") != "breaching" or span != 26 * 60 * 60):
            yield f"{logical_id} waits {span} s, and takes no data as {properties.get('TreatMissingData')}"
    for namespace, metric, dimensions in wanted:
        if (str(namespace), metric, json.dumps(dimensions, sort_keys=True)) not in watched:
            yield f"no alarm watches {namespace} {metric} of {dimensions}"


RULES = [
    each_folder_has_its_function_and_each_function_its_folder,
    no_policy_grants_more_than_named_actions_on_named_resources,
    each_function_reaches_only_its_kinds_of_items,
    functions_are_traced_only_where_it_is_asked_for,
    the_reading_function_cannot_write,
    everything_that_logs_has_a_group_that_forgets,
    the_table_has_the_keys_that_the_store_asks_for,
    what_cannot_be_made_again_outlives_the_stack,
    each_function_gets_the_settings_it_reads,
    each_route_is_plain_and_asks_for_its_scopes,
    the_gateway_checks_tokens_and_limits_callers,
    a_token_that_reads_or_is_a_members_cannot_use_up_the_rate_of_tills,
    concurrency_is_reserved_only_where_it_is_asked_for,
    each_operators_scope_is_offered_to_a_client_of_its_own,
    the_schedule_starts_the_state_machine_and_it_calls_tier_evaluation,
    a_run_reviews_every_shard_to_its_last_page,
    the_queue_repeats_what_failed_and_parts_with_what_keeps_failing,
    what_is_written_leaves_by_the_stream_and_what_cannot_waits_for_a_person,
    trouble_rings_an_alarm,
]
