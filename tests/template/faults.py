"""Faults to inject into the template, one at a time, each with the check that must detect it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    """Replaces `find`, which occurs exactly once after `after`, by `replacement`."""

    name: str
    caught_by: str
    find: str
    replacement: str
    after: str = ""

    def planted(self, text):
        """Returns the template `text` with this fault."""
        start = text.find(self.after)
        if start < 0:
            raise ValueError(f"{self.name}: the template has no {self.after!r}")
        at = text.find(self.find, start)
        if at < 0:
            raise ValueError(f"{self.name}: the template has no {self.find!r} after {self.after!r}")
        if not self.after and text.count(self.find) != 1:
            raise ValueError(f"{self.name}: {self.find!r} is in the template {text.count(self.find)} times")
        return text[:at] + self.replacement + text[at + len(self.find) :]


FOLDERS = "each_folder_has_its_function_and_each_function_its_folder"
POLICIES = "no_policy_grants_more_than_named_actions_on_named_resources"
KINDS = "each_function_reaches_only_its_kinds_of_items"
READING = "the_reading_function_cannot_write"
TRACING = "functions_are_traced_only_where_it_is_asked_for"
LOGS = "everything_that_logs_has_a_group_that_forgets"
TABLE = "the_table_has_the_keys_that_the_store_asks_for"
KEPT = "what_cannot_be_made_again_outlives_the_stack"
SETTINGS = "each_function_gets_the_settings_it_reads"
ROUTES = "each_route_is_plain_and_asks_for_its_scopes"
GATEWAY = "the_gateway_checks_tokens_and_limits_callers"
RATES = "a_token_that_reads_or_is_a_members_cannot_use_up_the_rate_of_tills"
RESERVED = "concurrency_is_reserved_only_where_it_is_asked_for"
SCOPES = "each_operators_scope_is_offered_to_a_client_of_its_own"
SCHEDULE = "the_schedule_starts_the_state_machine_and_it_calls_tier_evaluation"
RUN = "a_run_reviews_every_shard_to_its_last_page"
QUEUE = "the_queue_repeats_what_failed_and_parts_with_what_keeps_failing"
LEAVING = "what_is_written_leaves_by_the_stream_and_what_cannot_waits_for_a_person"
ALARMS = "trouble_rings_an_alarm"

FAULTS = [
    # Detected by the expansion only.
    Fault("an unknown property of a function", "expansion", "CodeUri: functions/earn", "CodeUrl: functions/earn"),
    Fault("a route of an API that is not there", "expansion", "ApiId: !Ref HttpApi", "ApiId: !Ref HttpApy", "Accrue:"),
    Fault("an event of an unknown kind", "expansion", "Type: HttpApi", "Type: HttpsApi", "Redeem:"),
    Fault("an authorizer that is not there", "expansion", "DefaultAuthorizer: Jwt", "DefaultAuthorizer: Jwd"),
    Fault("a path that is computed", "expansion", "Path: /v1/programs/{program}/members\n", "Path: !Ref LogLevel\n"),
    Fault("a route that is there twice", "expansion", "{member}/rewards\n", "{member}/entries\n"),
    # Detected by cfn-lint in the expanded template.
    Fault("a misspelt property of the table", "cfn-lint", "BillingMode:", "BilingMode:"),
    Fault("a reference to nothing", "cfn-lint", "Value: !Ref Table\n", "Value: !Ref Tabel\n", "\nOutputs:"),
    Fault("an attribute that nothing returns", "cfn-lint", "!GetAtt ApiLogGroup.Arn", "!GetAtt ApiLogGroup.Nam"),
    Fault(
        "an index on an undefined attribute",
        "cfn-lint",
        "AttributeName: due_key",
        "AttributeName: due_kay",
        "IndexName: due",
    ),
    Fault("a runtime that does not exist", "cfn-lint", "Runtime: provided.al2023", "Runtime: provided.al2032"),
    Fault("a retention that is not offered", "cfn-lint", "Default: 30\n", "Default: 31\n"),
    Fault("an event age out of range", "cfn-lint", "InSeconds: 3600", "InSeconds: 360000"),
    Fault("a kind of state that is not there", "cfn-lint", "Type: Choice", "Type: Choise", "MorePages:"),
    Fault(
        "a condition that is not defined", "cfn-lint", "Condition: MakesIssuer", "Condition: MakeIssuer", "UserPool:"
    ),
    Fault("a parameter that nothing uses", "cfn-lint", "Expression: !Ref ReviewSchedule", "Expression: rate(1 day)"),
    Fault(
        "a role that needs the state machine that needs it",
        "cfn-lint",
        "Resource: !GetAtt TierEvaluationFunction.Arn",
        "Resource: !Ref ReviewStateMachine",
    ),
    # Detected by the rules only.
    Fault("a function without its folder", FOLDERS, "CodeUri: functions/redeem", "CodeUri: functions/redeme"),
    Fault("another function's binary", FOLDERS, "Binary: earn", "Binary: enroll"),
    Fault("another architecture", FOLDERS, "Architectures: [arm64]", "Architectures: [x86_64]"),
    Fault("every action of the table", POLICIES, "- dynamodb:GetItem", '- "dynamodb:*"', "EarnFunction:"),
    Fault("every get action of the table", POLICIES, "- dynamodb:GetItem", "- dynamodb:Get*", "RedeemFunction:"),
    Fault("every table", POLICIES, "Resource: !GetAtt Table.Arn", 'Resource: "*"', "ProgramFunction:"),
    Fault("every index", POLICIES, "${Table.Arn}/index/due", "${Table.Arn}/index/*"),
    Fault(
        "an index that is not there",
        POLICIES,
        "${Table.Arn}/index/by_seq",
        "${Table.Arn}/index/by_sequence",
        "AccountFunction:",
    ),
    Fault("scanning", POLICIES, "- dynamodb:Query", "- dynamodb:Scan", "RedeemFunction:"),
    Fault("deleting", POLICIES, "- dynamodb:UpdateItem", "- dynamodb:DeleteItem", "RedeemFunction:"),
    Fault(
        "a managed policy", POLICIES, "Policies:\n", "Policies:\n        - arn:aws:iam::aws:policy/x\n", "EarnFunction:"
    ),
    Fault("calling every function", POLICIES, "- lambda:InvokeFunction", "- lambda:*", "ReviewRole:"),
    Fault("program documents that a till may write", KINDS, "receipt#*", "program#*", "EarnFunction:"),
    Fault("codes that any function may write", KINDS, "[cap#*, member#*, reward#*]", "[codes#*]", "AccountFunction:"),
    Fault("every item", KINDS, "dynamodb:LeadingKeys: [", 'dynamodb:LeadingKeys: ["*", ', "RedeemFunction:"),
    Fault("a kind of item that is not there", KINDS, "alias#*", "aliases#*", "EnrollFunction:"),
    Fault("keys that are not compared", KINDS, "ForAllValues:StringLike", "ForAnyValue:StringLike", "RedeemFunction:"),
    Fault("reading and writing in one statement", KINDS, "- dynamodb:GetItem", "- dynamodb:PutItem", "EarnFunction:"),
    Fault("a scan that sees everything", KINDS, "[pk, sk]", "[pk, sk, e]"),
    Fault("a scan that names no attributes", KINDS, "SPECIFIC_ATTRIBUTES", "ALL_ATTRIBUTES"),
    Fault(
        "a scan under a condition that it passes",
        KINDS,
        "- dynamodb:GetItem",
        "- dynamodb:Scan",
        "TierEvaluationFunction:",
    ),
    Fault("a reader that deletes", READING, "- dynamodb:GetItem", "- dynamodb:DeleteItem", "AccountFunction:"),
    Fault("functions that are always traced", TRACING, "Tracing: !Ref Tracing", "Tracing: Active"),
    Fault("no log group", LOGS, "LogGroup: !Ref EarnLogGroup", "LogFormat: JSON"),
    Fault("another function's log group", LOGS, "LogGroup: !Ref EarnLogGroup", "LogGroup: !Ref EnrollLogGroup"),
    Fault(
        "logs that are kept for ever",
        LOGS,
        "RetentionInDays: !Ref LogRetentionDays",
        "LogGroupClass: STANDARD",
        "\n  RedeemLogGroup:",
    ),
    Fault("lines of calls that Lambda holds back", LOGS, "ApplicationLogLevel: INFO", "ApplicationLogLevel: WARN"),
    Fault("a line of Lambda's on each call", LOGS, "SystemLogLevel: WARN", "SystemLogLevel: INFO"),
    Fault("metrics of all stacks in one namespace", SETTINGS, "METRIC_NAMESPACE: !Sub Regulars/${AWS::StackName}", "METRIC_NAMESPACE: Regulars"),
    Fault("logs that are not JSON", LOGS, "LogFormat: JSON", "LogFormat: Text"),
    Fault("an index that keeps too little", TABLE, '[e, h, ph, nt, ac, af]', '[e, h, ph, nt, ac]'),
    Fault("an index with the facts of purchases", TABLE, '[e, h, ph, nt, ac, af]', '[e, h, ph, nt, ac, af, f]'),
    Fault("shards that are text", TABLE, "AttributeType: N", "AttributeType: S", "AttributeName: due_shard"),
    Fault("a renamed index", TABLE, "IndexName: by_seq", "IndexName: by_sequence"),
    Fault("a table without protection", KEPT, "DeletionProtectionEnabled: true", "DeletionProtectionEnabled: false"),
    Fault("a table without recovery", KEPT, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"),
    Fault("a table that goes with its stack", KEPT, "DeletionPolicy: Retain", "DeletionPolicy: Delete", "  Table:"),
    Fault("an alias key that is replaced", KEPT, "UpdateReplacePolicy: Retain", "", "AliasKey:"),
    Fault("a function without its table", SETTINGS, "TABLE_NAME: !Ref Table", "TABLE: !Ref Table"),
    Fault(
        "an alias key in the open",
        SETTINGS,
        "ALIAS_KEY_SECRET: !Ref AliasKey",
        'ALIAS_KEY: !Sub "{{resolve:secretsmanager:${AliasKey}}}"',
    ),
    Fault("every secret", POLICIES, "Resource: !Ref AliasKey", 'Resource: "*"'),
    Fault("writing the secret", POLICIES, "- secretsmanager:GetSecretValue", "- secretsmanager:PutSecretValue"),
    Fault(
        "the alias key in another function's policy",
        POLICIES,
        "              Resource: !GetAtt Table.Arn\n",
        "              Resource: !GetAtt Table.Arn\n"
        "            - Effect: Allow\n"
        "              Action: [secretsmanager:GetSecretValue]\n"
        "              Resource: !Ref AliasKey\n",
        "AccountFunction:",
    ),
    Fault("another function's scope", ROUTES, "[regulars/earn]", "[regulars/account]", "Accrue:"),
    Fault("a route for any token", ROUTES, "AuthorizationScopes: [regulars/earn]", "Authorizer: Jwt", "Accrue:"),
    Fault("a route for anybody", ROUTES, "AuthorizationScopes: [regulars/earn]", "Authorizer: NONE", "Accrue:"),
    Fault("the older payload format", ROUTES, 'Version: "2.0"', 'Version: "1.0"', "ExplainTier:"),
    Fault("a route that catches all", ROUTES, "/{member}/tier\n", "/{rest+}\n"),
    Fault("a named stage", GATEWAY, "StageName: $default", "StageName: live"),
    Fault("no limit", GATEWAY, "ThrottlingRateLimit: !Ref ApiRateLimit", "DetailedMetricsEnabled: true"),
    Fault("a client the gateway does not know", GATEWAY, "- !Ref RedeemClient", "- !Ref EarnClient"),
    Fault("an issuer that cannot be given", GATEWAY, "!GetAtt UserPool.ProviderURL", "!Ref JwtIssuer", "HttpApi:"),
    Fault(
        "a client with another scope",
        SCOPES,
        "AllowedOAuthScopes: [regulars/earn]",
        "AllowedOAuthScopes: [regulars/redeem]",
    ),
    Fault("a write for readers", ROUTES, "[regulars/earn]", "[regulars/earn, regulars/read]", "Accrue:"),
    Fault("a read that readers cannot do", ROUTES, "regulars/account, regulars/read", "regulars/account", "ExplainTier:"),
    Fault("a claim that cannot be named", SETTINGS, "MEMBER_CLAIM: !Ref MemberClaim", "MEMBER_CLAIM: member"),
    Fault("a scope of members that the pool offers", SCOPES, "ScopeName: read", "ScopeName: member"),
    Fault("a scope that is not offered", SCOPES, "ScopeName: redeem", "ScopeName: redemption"),
    Fault(
        "the wrong function",
        SCHEDULE,
        "TierEvaluationFunctionArn: !GetAtt TierEvaluationFunction.Arn",
        "TierEvaluationFunctionArn: !GetAtt AccountFunction.Arn",
    ),
    Fault("children nobody may stop", SCHEDULE, "${ReviewStateMachine.Name}/Shards:*", "${ReviewStateMachine.Name}:*"),
    Fault("children that end after five minutes", SCHEDULE, "ExecutionType: STANDARD", "ExecutionType: EXPRESS"),
    Fault("a shard too few", RUN, "[0..255]", "[1..255]"),
    Fault("the first page only", RUN, "cursor != null", "cursor = 'never'"),
    Fault("a state that is not there", RUN, "Next: MorePages", "Next: MorePage"),
    Fault("a misspelt field of a state", RUN, "MaxDelaySeconds: 60", "MaxDelay: 60"),
    Fault("a cursor that stands still", RUN, "$states.result.Payload.cursor", "$states.input.cursor"),
    Fault("a field the function does not answer", RUN, "Payload.cursor", "Payload.next_cursor"),
    Fault("the same page for ever", RUN, "Default: ShardReviewed", "Default: ReviewPage"),
    Fault("a moment for a date", RUN, "$substringBefore($states.context.Execution.StartTime, 'T')", "$now()"),
    Fault("a failure that nobody hears of", RUN, "{ 'shard_failed': 1 }", "{ 'shard_failed': 0 }"),
    Fault("a count that only the last page makes", RUN, "$states.input.failed + $states.result", "$states.result"),
    Fault(
        "names that only the last page gives",
        RUN,
        "$append($states.input.failed_accounts, $states.result.Payload.failed_accounts)",
        "$states.result.Payload.failed_accounts",
    ),
    Fault("more names than a state can hold", RUN, "Payload.failed_accounts)[[0..1]]", "Payload.failed_accounts)[[0..9]]"),
    Fault("a run over all accounts that looks at those due", RUN, "$states.input.all = true", "false"),
    Fault("a throttled call that is not repeated", RUN, "MaxAttempts: 8", "MaxAttempts: 0"),
    Fault("reading every queue", POLICIES, "- !GetAtt EarnQueue.Arn", '- "*"'),
    Fault("sending to the queue", POLICIES, "- sqs:ReceiveMessage", "- sqs:SendMessage"),
    Fault("another queue", POLICIES, "- !GetAtt EarnQueue.Arn", "- !GetAtt EarnDeadLetterQueue.Arn"),
    Fault(
        "the queue in another function's policy",
        POLICIES,
        "              Resource: !GetAtt Table.Arn\n",
        "              Resource: !GetAtt Table.Arn\n"
        "            - Effect: Allow\n"
        "              Action: [sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage]\n"
        "              Resource: !GetAtt EarnQueue.Arn\n",
        "RedeemFunction:",
    ),
    Fault("a whole batch for one message", QUEUE, "FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "EarnLateQueueSource:"),
    Fault("no dead-letter queue", QUEUE, "RedrivePolicy:", "RedriveAllowPolicy:", "EarnLateQueue:"),
    Fault(
        "a queue that is its own dead-letter queue",
        QUEUE,
        "!GetAtt EarnLateQueue.Arn",
        "!GetAtt EarnQueue.Arn",
        "EarnQueue:",
    ),
    Fault(
        "two queues that are each other's dead-letter queue",
        QUEUE,
        "!GetAtt EarnDeadLetterQueue.Arn",
        "!GetAtt EarnQueue.Arn",
        "EarnLateQueue:",
    ),
    Fault("early messages that are given up", QUEUE, "!GetAtt EarnLateQueue.Arn", "!GetAtt EarnDeadLetterQueue.Arn", "EarnQueue:"),
    Fault("early messages that are given up after an hour", QUEUE, "maxReceiveCount: 48", "maxReceiveCount: 2"),
    Fault("a second queue without a reader", QUEUE, "EventSourceArn: !GetAtt EarnLateQueue.Arn", "EventSourceArn: !GetAtt EarnQueue.Arn"),
    Fault("a message that is given up at once", QUEUE, "maxReceiveCount: 5", "maxReceiveCount: 1"),
    Fault("a visibility that is too short", QUEUE, "VisibilityTimeout: 60", "VisibilityTimeout: 59"),
    Fault("a function that outlasts the visibility", QUEUE, "Timeout: 10\n", "Timeout: 11\n"),
    Fault("dead letters that are soon gone", QUEUE, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600", "EarnDeadLetterQueue:"),
    Fault("a queue in the open", QUEUE, "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false", "EarnQueue:"),
    Fault("a queue that takes every execution", QUEUE, "Concurrency: !Ref QueueConcurrency", "Concurrency: 1000"),
    Fault("a queue that nobody reads", QUEUE, "FunctionName: !Ref EarnFunction", "FunctionName: !Ref RedeemFunction", "EarnQueueSource:"),
    Fault("every stream", POLICIES, "Resource: !GetAtt Table.StreamArn", 'Resource: "*"'),
    Fault("another bus", POLICIES, "event-bus/${EventBusName}", "event-bus/*"),
    Fault("a publisher that reads the table", POLICIES, "- dynamodb:GetRecords", "- dynamodb:GetItem"),
    Fault("another queue for what was not sent", POLICIES, "Resource: !GetAtt PublishDeadLetterQueue.Arn", "Resource: !GetAtt EarnQueue.Arn"),
    Fault("a publisher without a bus", SETTINGS, "EVENT_BUS_NAME:", "BUS_NAME:"),
    Fault("accounts that leave", LEAVING, '"prefix": "entry#"', '"prefix": "account"'),
    Fault("entries that change", LEAVING, '"eventName": ["INSERT"], "dynamodb"', '"eventName": ["MODIFY"], "dynamodb"', "PublishStreamSource:"),
    Fault("events from now on", LEAVING, "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"),
    Fault("a whole batch for one event", LEAVING, "FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "PublishStreamSource:"),
    Fault("a batch that is never cut", LEAVING, "BisectBatchOnFunctionError: true", "BisectBatchOnFunctionError: false"),
    Fault("records that are retried until they are gone", LEAVING, "MaximumRecordAgeInSeconds: 21600", "MaximumRecordAgeInSeconds: 86400"),
    Fault("records that are given up at once", LEAVING, "MaximumRetryAttempts: 100", "MaximumRetryAttempts: 1"),
    Fault("unsent events that are soon forgotten", LEAVING, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 3600", "PublishDeadLetterQueue:"),
    Fault("a webhook on another bus", LEAVING, "EventBusName: !If [MakesEventBus, !Ref EventBus, !Ref EventBusName]", "EventBusName: default", "WebhookRule:"),
    Fault("a webhook that gets everything", LEAVING, "- prefix: regulars/", '- prefix: ""'),
    Fault("a webhook that gets the envelope", LEAVING, "InputPath: $.detail", "InputPath: $"),
    Fault("a webhook without dead letters", LEAVING, "DeadLetterConfig:\n            Arn: !GetAtt WebhookDeadLetterQueue.Arn", "DeadLetterConfig:\n            Arn: !GetAtt EarnQueue.Arn"),
    Fault("dead letters from anyone", LEAVING, "aws:SourceArn: !GetAtt WebhookRule.Arn", "aws:SourceArn: !GetAtt DailyReview.Arn"),
    Fault("a lag nobody watches", ALARMS, "MetricName: IteratorAge", "MetricName: Duration"),
    Fault("unsent events nobody watches", ALARMS, "!GetAtt PublishDeadLetterQueue.QueueName", "!GetAtt EarnQueue.QueueName", "PublishDeadLettersAlarm:"),
    Fault("unsent events whose age nobody watches", ALARMS, "!GetAtt PublishDeadLetterQueue.QueueName", "!GetAtt EarnQueue.QueueName", "PublishDeadLettersAgeAlarm:"),
    Fault("posts that failed and nobody watches", ALARMS, "!GetAtt WebhookDeadLetterQueue.QueueName", "!GetAtt EarnQueue.QueueName"),
    Fault("dead letters nobody watches", ALARMS, "!GetAtt EarnDeadLetterQueue.QueueName", "!GetAtt EarnQueue.QueueName"),
    Fault("failed accounts nobody watches", ALARMS, "MetricName: AccountsNotReviewed\n      Stat", "MetricName: Other\n      Stat"),
    Fault("refused messages nobody watches", ALARMS, "MetricName: MessagesRefused\n      Stat", "MetricName: Other\n      Stat"),
    Fault("a throttle nobody watches", ALARMS, "MetricName: Throttles", "MetricName: Errors", "FunctionThrottlesAlarm:"),
    Fault("a function whose errors nobody watches", ALARMS, "!Ref RedeemFunction", "!Ref EarnFunction", "FunctionErrorsAlarm:"),
    Fault("a queue whose age nobody watches", ALARMS, "!GetAtt EarnQueue.QueueName", "!GetAtt EarnLateQueue.QueueName", "QueueAgeAlarm:"),
    Fault("a latency nobody watches", ALARMS, "MetricName: Latency", "MetricName: IntegrationLatency"),
    Fault("refused callers nobody counts", ALARMS, '|| ($.status = "403") ', ""),
    Fault("refused callers counted in another log", ALARMS, "!Ref ApiLogGroup", "!Ref EarnLogGroup", "RefusedCallersMetric:"),
    Fault("a status that the log has not", ALARMS, '"status":"$context.status",', ""),
    Fault("a review that may be missing for ever", ALARMS, "TreatMissingData: breaching", "TreatMissingData: notBreaching"),
    Fault("a review that may be missing for two days", ALARMS, "EvaluationPeriods: 26", "EvaluationPeriods: 48"),
    Fault(
        "a catalogue at the rate of tills",
        RATES,
        "        GET /v1/programs/{program}/members/{member}/rewards:\n",
        "        GET /v1/programs/{program}/members/{member}/reward:\n",
    ),
    Fault("members at the rate of readers", RATES, "!Ref MemberRouteRateLimit", "!Ref ReadRouteRateLimit", "RouteSettings:"),
    Fault("concurrency that is always reserved", RESERVED, "!If [ReservesEarn, !Ref EarnReservedConcurrency, !Ref AWS::NoValue]", "10"),
    Fault(
        "an alarm that rings nowhere",
        ALARMS,
        "!If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]",
        "[]",
        "FunctionErrorsAlarm:",
    ),
]
