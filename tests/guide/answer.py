"""Compares an answer with the one that a page shows, where `...` and what differs in each run stand for anything."""

import json
import re

ANY = "\0any"
MORE = "\0more"
DOTS = re.compile(r"\.\.\.|…")
# Texts of these forms differ in each run, and any other of the same form will do.
FORMS = [
    re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"),
    re.compile(r"[0-9a-f]{64}"),
    re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}"),
    re.compile(r"[0-9a-f]{32}"),
]
# Fields whose text or number is made anew by each run.
MADE = {"request_id", "next_cursor", "cursor", "seconds"}


def pattern(text):
    """Returns the JSON `text`, or the fields of an object without its braces, with `...` as `ANY` and `MORE`."""
    text = _without_dots(text.strip())
    if re.match(r'"[^"]*"\s*:', text):
        return json.loads("{" + text.rstrip(",") + f', "{MORE}": 0}}'.replace("\0", "\\u0000"))
    return json.loads(text)


def _without_dots(text):
    """Replaces each `...` that stands outside a text by a value that JSON can hold."""
    out, brackets, at = [], [], 0
    while at < len(text):
        if text[at] == '"':
            end = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL).match(text, at + 1)
            if not end:
                raise ValueError("a text has no closing quote")
            out.append(text[at : end.end()])
            at = end.end()
            continue
        dots = DOTS.match(text, at)
        if dots:
            before = "".join(out).rstrip()[-1:]
            word = "any" if before == ":" or not brackets else "more"
            in_object = word == "more" and brackets[-1] == "{"
            out.append(f'"\\u0000{word}"' + (": 0" if in_object else ""))
            at = dots.end()
            continue
        if text[at] in "{[":
            brackets.append(text[at])
        elif text[at] in "}]" and brackets:
            brackets.pop()
        out.append(text[at])
        at += 1
    return "".join(out)


def differences(shown, actual, at=""):
    """Yields where `actual` is not what the pattern `shown` allows."""
    if shown == ANY:
        return
    if isinstance(shown, dict) and isinstance(actual, dict):
        more = any(DOTS.fullmatch(name) or name == MORE for name in shown)
        for name, value in shown.items():
            if DOTS.fullmatch(name) or name == MORE:
                continue
            if name not in actual:
                yield f"{at}/{name} is shown, and the answer has no such field"
            elif not (name in MADE and value is not None and type(actual[name]) is type(value)):
                yield from differences(value, actual[name], f"{at}/{name}")
        for name in actual:
            if name not in shown and not more:
                yield f"{at}/{name} is in the answer ({_short(actual[name])}), and not shown"
    elif isinstance(shown, list) and isinstance(actual, list):
        more = shown[-1:] in ([MORE], ["..."], ["…"])
        expected = shown[:-1] if more else shown
        if len(actual) < len(expected) or (len(actual) > len(expected) and not more):
            yield f"{at} has {len(actual)} items, and {len(expected)} are shown"
        for index, (one, other) in enumerate(zip(expected, actual)):
            yield from differences(one, other, f"{at}/{index}")
    elif isinstance(shown, str) and DOTS.fullmatch(shown):
        return
    elif isinstance(shown, str) and isinstance(actual, str):
        alike = any(form.fullmatch(shown) and form.fullmatch(actual) for form in FORMS)
        if not alike and not _glob(shown).fullmatch(actual):
            yield f"{at or '/'} is {_short(actual)}, and shown is {_short(shown)}"
    elif type(shown) is not type(actual) or shown != actual:
        yield f"{at or '/'} is {_short(actual)}, and shown is {_short(shown)}"


def text_differences(shown, actual):
    """Yields each line of `shown` that is not in `actual` behind the line before; `...` stands for anything."""
    left = [line.rstrip() for line in actual.splitlines()]
    for line in shown.splitlines():
        if not line.strip() or DOTS.fullmatch(line.strip()):
            continue
        wanted = _glob(line.rstrip())
        found = next((index for index, candidate in enumerate(left) if wanted.fullmatch(candidate)), None)
        if found is None:
            yield f"the line `{line.strip()}` is shown and not printed"
        else:
            left = left[found + 1 :]


def values(printed):
    """Returns the JSON objects and lists in what commands printed; each begins a line, or follows the one before."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(printed):
        if printed[at] in "{[":
            try:
                value, at = decoder.raw_decode(printed, at)
                found.append(value)
                continue
            except ValueError:
                pass
        # Only the beginning of a line can begin a value.
        at = printed.find("\n", at) + 1 or len(printed)
    return found


def is_problem(value):
    """Returns whether an answer is a problem document."""
    return isinstance(value, dict) and {"type", "status", "code"} <= value.keys() and value["status"] >= 400


def _glob(text):
    forms = "|".join(form.pattern for form in FORMS[:2])
    parts = re.split(rf"(\.\.\.|…|{re.sub(r'[(](?![?])', '(?:', forms)})", text)
    return re.compile("".join(_part(part) for part in parts if part), re.DOTALL)


def _part(part):
    if DOTS.fullmatch(part):
        return ".*"
    return next((form.pattern for form in FORMS[:2] if form.fullmatch(part)), re.escape(part))


def _short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."
