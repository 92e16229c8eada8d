#!/usr/bin/env python3
"""Recomputes the hash chain of a member's ledger from nothing but what the API answers.

    chain.py http://127.0.0.1:8787 demo m-1 [--token TOKEN]

Ends with 0 if the chain holds, and with 1 and a line that names the entry if it does not.
"""

import argparse
import hashlib
import json
import sys
import urllib.parse
import urllib.request


def sha256(*parts: bytes) -> bytes:
    """Returns the hash of the parts, each followed by a line feed."""
    return hashlib.sha256(b"".join(part + b"\n" for part in parts)).digest()


def get(url: str, token: str | None) -> dict:
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def read_entries(path: str, token: str | None) -> list[dict]:
    """Returns all entries, oldest first; those of merged members name their member."""
    entries, cursor = [], None
    while True:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = get(f"{path}/entries?{urllib.parse.urlencode(query)}", token)
        entries += page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries[::-1]


def check_ledger(program: str, member: str, entries: list[dict]) -> bytes:
    """Verifies one ledger, and returns the hash of its newest entry."""
    previous = sha256(b"regulars ledger 1", program.encode(), member.encode())
    for seq, entry in enumerate(entries, start=1):
        text, name = entry["text"], f"{member}: seq {seq}"
        if entry["seq"] != seq or json.loads(text)["seq"] != seq:
            raise ValueError(f"{name}: an entry is missing, stands twice or out of order")
        if json.loads(text)["id"] != entry["id"]:
            raise ValueError(f"{name}: the text is not that of the entry {entry['id']}")
        if entry["previous_hash"] != previous.hex():
            raise ValueError(f"{name}: previous_hash is not the hash of the entry before")
        previous = sha256(previous, text.encode())
        if entry["hash"] != previous.hex():
            raise ValueError(f"{name}: hash is not SHA-256 of previous_hash and text")
    return previous


def check(url: str, program: str, member: str, token: str | None) -> int:
    """Verifies the member's ledger and those merged into it, and compares the end with the account."""
    path = f"{url}/v1/programs/{urllib.parse.quote(program)}/members/{urllib.parse.quote(member)}"
    # Reading the entries first commits effects of time, so the account is read after them.
    entries = read_entries(path, token)
    account = get(path, token)
    ledgers: dict[str, list[dict]] = {}
    for entry in entries:
        ledgers.setdefault(entry.get("member", member), []).append(entry)
    heads = {owner: check_ledger(program, owner, ledger) for owner, ledger in ledgers.items()}
    if account["seq"] != len(ledgers[member]):
        raise ValueError(f"{member}: the account has {account['seq']} entries, and {len(ledgers[member])} were listed")
    if account["head_hash"] != heads[member].hex():
        raise ValueError(f"{member}: head_hash is not the hash of the newest entry")
    return len(entries)


def main() -> int:
    parser = argparse.ArgumentParser(description="Recomputes the hash chain of a member's ledger.")
    parser.add_argument("url")
    parser.add_argument("program")
    parser.add_argument("member")
    parser.add_argument("--token")
    arguments = parser.parse_args()
    try:
        count = check(arguments.url, arguments.program, arguments.member, arguments.token)
    except ValueError as fault:
        print(fault)
        return 1
    print(f"{arguments.member}: the chain of {count} entries holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
