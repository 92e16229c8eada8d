"""Runs README.md and the pages of guide/ as a reader would, and compares each answer with the one that the page shows.

Each page begins with a fresh server and one new bash, in a folder that looks like the checkout. `<!-- goes on from: README.md -->` at
the beginning of a page has it run straight after that page instead. Pages name the port 8787; the run replaces it. The clock stands
at 2026-11-27T10:00:00Z, for the server and for `date`, so the dates on a page are those of that day.

- A block of `sh` is run. Each command must end with status 0. An error of the API fails the page, unless the page shows it.
  `cargo run -- local ...` starts the page's server again, with these options; a command with `--data` is run while it is stopped.
- Lines that begin with `# {` or `# [` below commands are the JSON that the last of them answered. Other comments are comments.
- The first `json` or `text` block below a `sh` block is the answer of its last command, if no heading and at most one paragraph
  stand between. Of `text`, each line must be printed, in this order.
- Other `json` blocks must be JSON, or fields of an object.
- In answers, `...` stands for any value, at the end of an object or a list for more of it, and in a text for any part of it. Fields
  without braces are some fields of the answer. Instants, hashes, codes and ids that a run makes stand for any others.

Marks, each a comment of its own line before the block: `<!-- not run: REASON -->` (`sh`), `<!-- not an answer -->` (`json`, `text`),
`<!-- file: NAME -->` (`json` that the reader saves as NAME). `<!-- fresh server -->` is where the reader begins anew.
"""

import argparse
import pathlib
import sys
import time

import answer
import faults
import page as pages
from session import Session

ROOT = pathlib.Path(__file__).resolve().parents[2]


def problems(texts, regulars):
    """Yields what is wrong with the pages `texts`, by name, when they are run."""
    read = {}
    for name, text in texts.items():
        try:
            read[name] = pages.read(name, text)
        except pages.PageError as broken:
            yield str(broken)
    for name, found in read.items():
        base = found.goes_on_from
        if base and base not in texts:
            yield f"{name}: it goes on from {base}, which is no page"
        elif base and read.get(base) and read[base].goes_on_from:
            yield f"{name}: it goes on from {base}, which goes on from another page itself"
    for name, found in read.items():
        if found.goes_on_from:
            continue
        session = Session(ROOT, regulars)
        try:
            chain = [found] + [other for other in read.values() if other.goes_on_from == name]
            yield from _run(session, chain)
        finally:
            session.close()


def _run(session, chain):
    ended_well, _, complaint = session.run("start_server\n")
    if not ended_well:
        yield f"the server did not start: {complaint.strip()}"
        return
    for page in chain:
        for step in page.steps:
            match step:
                case pages.FreshServer():
                    session.run("fresh_server\n")
                case pages.Save(path, text):
                    (session.folder / path).write_text(text)
                case pages.Block(commands):
                    for command in commands:
                        wrong, goes_on = _command(session, command)
                        yield from (f"{page.name}:{command.line + 1}: {found}" for found in wrong)
                        if not goes_on:
                            return


def _command(session, command):
    """Returns what is wrong with the answer of commands, and whether the shell goes on."""
    ended_well, printed, complaint = session.run(command.text)
    if not ended_well:
        return [f"the command failed: {(complaint or printed).strip()[-600:]}"], False
    values = answer.values(printed)
    wrong = []
    if command.shown is None or command.is_text:
        unexpected = values if command.shown is None else []
        wrong += list(answer.text_differences(command.shown, printed)) if command.is_text else []
    elif values:
        unexpected = values[:-1]
        wrong += list(answer.differences(command.shown, values[-1]))
        if wrong and answer.is_problem(values[-1]):
            wrong = [f"the answer is an error: {values[-1]['detail']}"]
    else:
        unexpected = []
        wrong.append("an answer is shown, and the command printed no JSON")
    wrong += [f"the answer is an error: {value['detail']}" for value in unexpected if answer.is_problem(value)]
    return wrong, True


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--regulars", type=pathlib.Path, required=True, help="the program, built")
    arguments.add_argument("--faults", action="store_true", help="also shows that the checks find faults")
    arguments.add_argument("pages", nargs="*", help="README.md and all of guide/ if none is named")
    given = arguments.parse_args()
    regulars = given.regulars.resolve()
    names = given.pages or ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("guide/**/*.md"))]
    texts = {}
    while names:
        name = names.pop(0)
        texts[name] = (ROOT / name).read_text()
        names += [base for base in pages.bases(texts[name]) if base not in texts and (ROOT / base).is_file()]
    started = time.monotonic()
    found = list(problems(texts, regulars))
    for problem in found:
        print(problem)
    if not found:
        print(f"{', '.join(texts)}: all blocks were run, in {time.monotonic() - started:.0f} s")
    missed = given.faults and faults.missed(lambda page: list(problems(page, regulars)))
    return 1 if found or missed else 0


if __name__ == "__main__":
    sys.exit(main())
