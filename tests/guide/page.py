"""Reads a page of the guide: the blocks that are run, and the answers that it shows for them."""

import dataclasses
import re

import answer

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^`]*)$")
MARK = re.compile(r"^ *<!-- *(?P<text>.*?) *--> *$")
HEADING = re.compile(r"^#{1,6} ")
# The marks that a page can carry, each with what must follow its colon.
NOT_RUN = re.compile(r"not run: *(?P<reason>\S.*)")
SAVED = re.compile(r"file: *(?P<path>[\w./-]+)")
GOES_ON = re.compile(r"goes on from: *(?P<page>[\w./-]+)")
# Comments that begin with one of these are meant as marks, so a misspelt one is an error.
MEANT = ("not run", "not an answer", "file:", "fresh server", "goes on")
# A page names its base here, before anything else happens.
GOES_ON_LINES = 12


class PageError(Exception):
    """A page that breaks the rules of check.py."""


@dataclasses.dataclass
class Command:
    """Commands of a block up to an answer, and the answer that the page shows, if it does."""

    line: int
    text: str
    shown: object = None
    is_text: bool = False


@dataclasses.dataclass
class Block:
    """A `sh` block that is run."""

    commands: list


@dataclasses.dataclass
class Save:
    """A block that the reader saves as a file."""

    path: str
    text: str


@dataclasses.dataclass
class FreshServer:
    """The place at which the reader begins anew."""


@dataclasses.dataclass
class Page:
    """What happens on a page, in its order."""

    name: str
    goes_on_from: str | None
    steps: list
    left_out: int


def bases(text):
    """Returns the pages from which the page `text` goes on."""
    marks = (MARK.match(line) for line in text.splitlines()[:GOES_ON_LINES])
    goes_on = (GOES_ON.fullmatch(mark["text"]) for mark in marks if mark)
    return [found["page"] for found in goes_on if found]


def read(name, text):
    """Returns the page `text`; raises `PageError` with the line that breaks the rules."""
    return _Reader(name, text).page()


class _Reader:
    def __init__(self, name, text):
        self.name = name
        self.lines = text.splitlines()
        self.at = 0
        self.steps = []
        self.left_out = 0
        self.goes_on_from = None
        # The mark that waits for its block, with its line.
        self.mark = None
        # The commands whose answer the next block is, and the paragraphs since then.
        self.answerable = None
        self.paragraphs = 0

    def error(self, line, message):
        raise PageError(f"{self.name}:{line + 1}: {message}")

    def page(self):
        was_blank = True
        while self.at < len(self.lines):
            line = self.lines[self.at]
            fence, mark = FENCE.match(line), MARK.match(line)
            if fence:
                self.block(fence)
            elif mark:
                self.read_mark(mark["text"])
            elif HEADING.match(line):
                self.answerable = None
            elif line.strip():
                if self.mark:
                    self.error(self.mark[1], f"no block follows the mark `{self.mark[0]}`")
                self.paragraphs += was_blank
            was_blank = not line.strip() or bool(mark) or bool(fence)
            self.at += 1
        if self.mark:
            self.error(self.mark[1], f"no block follows the mark `{self.mark[0]}`")
        return Page(self.name, self.goes_on_from, self.steps, self.left_out)

    def read_mark(self, text):
        if not text.startswith(MEANT):
            return
        goes_on = GOES_ON.fullmatch(text)
        if goes_on:
            if self.at >= GOES_ON_LINES or self.steps:
                self.error(self.at, "a page says at its beginning that it goes on from another one")
            self.goes_on_from = goes_on["page"]
        elif text == "fresh server":
            self.steps.append(FreshServer())
            self.answerable = None
        elif NOT_RUN.fullmatch(text) or SAVED.fullmatch(text) or text == "not an answer":
            if self.mark:
                self.error(self.mark[1], f"no block follows the mark `{self.mark[0]}`")
            self.mark = (text, self.at)
        else:
            self.error(self.at, f"the mark `{text}` is not known; see the top of tests/guide/check.py")

    def block(self, fence):
        opened, indent, language = self.at, len(fence["indent"]), fence["language"].strip()
        body = []
        self.at += 1
        while self.at < len(self.lines) and self.lines[self.at].strip() != fence["fence"]:
            line = self.lines[self.at]
            body.append(line[indent:] if not line[:indent].strip() else line)
            self.at += 1
        if self.at == len(self.lines):
            self.error(opened, "the block does not end")
        text = "\n".join(body) + "\n"
        mark, self.mark = self.mark[0] if self.mark else "", None
        if language == "sh":
            self.shell(opened, body, mark)
        elif language == "json":
            self.json(opened, text, mark)
        elif language == "text":
            self.text(text, mark)
        elif language in ("", "bash", "shell", "console"):
            self.error(opened, "name the block's language: sh for commands, text for output, json")
        elif mark:
            self.error(opened, f"the mark `{mark}` does not fit a block of {language}")
        self.paragraphs = 0

    def shell(self, opened, body, mark):
        self.answerable = None
        if NOT_RUN.fullmatch(mark):
            self.left_out += 1
            return
        if mark:
            self.error(opened, f"the mark `{mark}` does not fit commands")
        commands = []
        lines = list(enumerate(body, opened + 1))
        while lines:
            at = lines[0][0]
            text, comment = [], []
            while lines and not re.match(r"# ?[{\[]", lines[0][1]):
                text.append(lines.pop(0)[1])
            while lines and lines[0][1].startswith("#"):
                comment.append(lines.pop(0)[1][1:])
            shown = self.pattern(at + len(text), "\n".join(comment)) if comment else None
            commands.append(Command(at, "\n".join(text) + "\n", shown))
        self.steps.append(Block(commands))
        if commands[-1].shown is None:
            self.answerable = commands

    def json(self, opened, text, mark):
        saved = SAVED.fullmatch(mark)
        if mark and not saved and mark != "not an answer":
            self.error(opened, f"the mark `{mark}` does not fit a block of JSON")
        pattern = self.pattern(opened, text)
        if saved:
            self.steps.append(Save(saved["path"], text))
        elif not mark and self.is_answer():
            self.answerable[-1].shown = pattern
            self.answerable = None

    def text(self, text, mark):
        if mark and mark != "not an answer":
            self.error(self.at, f"the mark `{mark}` does not fit a block of text")
        if not mark and self.is_answer():
            self.answerable[-1].shown = text
            self.answerable[-1].is_text = True
            self.answerable = None

    def is_answer(self):
        return self.answerable is not None and self.paragraphs <= 1

    def pattern(self, line, text):
        try:
            return answer.pattern(text)
        except ValueError as broken:
            self.error(line, f"this is not JSON: {broken}")
