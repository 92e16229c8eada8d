"""Joins, buys, redeems and reads a statement through a client that was generated from the OpenAPI document."""

import sys

from regulars_client import Client
from regulars_client.api.account import list_entries, read_account
from regulars_client.api.earn import post_accrual
from regulars_client.api.enroll import enroll
from regulars_client.api.redeem import post_redemption
from regulars_client.models import AccrualRequestType0, Enrollment, Money, PurchaseRequest, RedemptionRequest


def carried_out(response, status):
    """Returns what a response holds, if it has the expected status."""
    if response.status_code != status:
        sys.exit(f"{response.status_code}, not {status}: {response.content.decode()}")
    return response.parsed


def main(url):
    client = Client(base_url=url)
    account = carried_out(enroll.sync_detailed("demo", client=client, body=Enrollment(member="ayse")), 201)
    welcome = account.balance.spendable
    total = Money.from_dict({"amount": 12_000, "currency": "EUR"})
    now = read_account.sync("demo", "ayse", client=client).enrolled_at
    purchase = AccrualRequestType0(purchase=PurchaseRequest(occurred_at=now, total=total))
    bought = carried_out(
        post_accrual.sync_detailed("demo", "ayse", client=client, body=purchase, idempotency_key="order-1"), 201
    )
    repeated = post_accrual.sync_detailed("demo", "ayse", client=client, body=purchase, idempotency_key="order-1")
    if repeated.headers.get("idempotency-replayed") != "true" or repeated.parsed.entry.hash_ != bought.entry.hash_:
        sys.exit(f"a repeat is not answered as the first request: {repeated.content.decode()}")
    redeemed = carried_out(
        post_redemption.sync_detailed(
            "demo", "ayse", client=client, body=RedemptionRequest(reward="free-coffee"), idempotency_key="coffee-1"
        ),
        201,
    )
    refused = post_redemption.sync_detailed(
        "demo", "ayse", client=client, body=RedemptionRequest(reward="no-such"), idempotency_key="coffee-2"
    )
    if refused.status_code != 404 or refused.parsed.code != "reward_not_found":
        sys.exit(f"a refusal is not a problem document: {refused.content.decode()}")
    statement = carried_out(list_entries.sync_detailed("demo", "ayse", client=client, limit=10), 200)
    kinds = [str(entry.kind) for entry in statement.entries]
    points = [entry.points for entry in statement.entries]
    if sum(points) != redeemed.account.balance.spendable or points[-1] != welcome:
        sys.exit(f"the entries {points} do not add up to {redeemed.account.balance}")
    print(f"joined, bought, redeemed and read {len(kinds)} entries: {', '.join(kinds)}")


main(sys.argv[1])
