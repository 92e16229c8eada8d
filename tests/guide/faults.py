"""Pages with one mistake each, and what must be said of it: they show that the checks bite."""

ENROLL = """```sh
curl -sS http://127.0.0.1:8787/v1/programs/demo/members -H 'Content-Type: application/json' -d '{ "member": "m-1" }'
"""
CLOCK = """```sh
curl -sS http://127.0.0.1:8787/local/clock
"""

FAULTS = [
    ("a command fails", "```sh\nfalse\n```\n", "the command failed"),
    ("a command fails in a pipe", "```sh\nfalse | cat\n```\n", "the command failed"),
    ("an answer is an error", "```sh\ncurl -sS http://127.0.0.1:8787/v1/programs/other\n```\n", "the answer is an error"),
    ("a value differs", f'{ENROLL}```\n\n```json\n{{ "member": "m-2", ... }}\n```\n', "/member is"),
    ("a value differs below a command", f'{CLOCK}# {{ "now": "soon" }}\n```\n', "/now is"),
    ("a date differs", f'{ENROLL}```\n\n```json\n"next_expiry": {{ "on": "2027-12-31", "points": 30 }}\n```\n', "/next_expiry/on"),
    ("a field is not shown", f"{CLOCK}# {{}}\n```\n", "/now is in the answer"),
    ("a field is shown that is not there", f'{CLOCK}# {{ "now": ..., "then": 1 }}\n```\n', "/then is shown"),
    ("an item is not shown", "```sh\nprintf '[1, 2]'\n```\n\n```json\n[ 1 ]\n```\n", "has 2 items"),
    ("nothing is answered", '```sh\ntrue\n# { "now": 1 }\n```\n', "printed no JSON"),
    ("a line is not printed", "```sh\necho one\n```\n\n```text\ntwo\n```\n", "is shown and not printed"),
    ("lines are printed the other way round", "```sh\nprintf 'one\\ntwo\\n'\n```\n\n```text\ntwo\none\n```\n", "is shown and not printed"),
    ("another cargo command is not marked", "```sh\ncargo test\n```\n", "as not run"),
    ("a mark has no reason", "<!-- not run -->\n```sh\nfalse\n```\n", "is not known"),
    ("a mark has no block", "<!-- not run: needs AWS -->\n\nText.\n", "no block follows"),
    ("a mark does not fit", "<!-- file: a.json -->\n```sh\ntrue\n```\n", "does not fit"),
    ("a block has no language", "```\ntrue\n```\n", "name the block's language"),
    ("a block does not end", "```sh\ntrue\n", "does not end"),
    ("an example is no JSON", "```json\n{ one: 1 }\n```\n", "is not JSON"),
    ("another page is not there", "<!-- goes on from: guide/none.md -->\n", "which is no page"),
]

# All that is allowed, in one page that has no fault.
SOUND = f"""
```sh
ONE=1
```

{ENROLL}```

answers, as always:

```json
{{ "member": "m-1", "enrolled_at": "2031-01-01T00:00:00Z", "version": 1, ... }}
```

```sh
echo "$ONE"; date -u +%Y-%m-%d
```

```text
1
2026-11-...
```

```sh
# A comment.
curl -sS http://127.0.0.1:8787/v1/programs/other
# {{ "code": "program_not_found", "detail": "...", "status": 404, ... }}
curl -sS http://127.0.0.1:8787/v1/programs/demo/members/m-1/entries
# {{ "entries": [ {{ "seq": 1, ... }} ], "next_cursor": null }}
```

<!-- not run: needs AWS -->
```sh
sam deploy
```

<!-- file: body.json -->
```json
{{ "now": "2027-01-01T00:00:00Z" }}
```

```sh
curl -sS -X PUT http://127.0.0.1:8787/local/clock -H 'Content-Type: application/json' -d @body.json
```

```json
{{ "now": "2027-01-01T00:00:00Z" }}
```

```sh
cargo run -q -- verify --data .regulars/local.db
```

<!-- fresh server -->

{CLOCK}```

<!-- not an answer -->
```json
{{ "purchase": {{ "…": "…" }} }}
```

```sh
cargo run -- local --auth
```

```text
regulars is listening on http://127.0.0.1:8787
```
"""


def missed(check):
    """Prints what `check` says of each fault; returns the faults of which it does not say what it must."""
    wrong = []
    said = check({"sound.md": SOUND})
    if said:
        wrong.append("a page without faults")
        print(f"MISSED a page without faults is refused: {said}")
    for name, text, expected in FAULTS:
        said = check({"page.md": text})
        if any(expected in problem for problem in said):
            print(f"caught {name}: {said[0][:140]}")
        else:
            wrong.append(name)
            print(f"MISSED {name}: {said}")
    return wrong
