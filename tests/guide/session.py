"""Runs the commands of a page: one bash, one server, one folder that is thrown away."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import tempfile

# When each page begins, for the server and for `date`. It is a Friday, so the sample's rule for afternoons is quiet.
NOW = "2026-11-27T10:00:00Z"
# The port that pages name.
PORT = "8787"
SECONDS_MAX = 60

# Sources one file of commands after another, whose names it reads, and prints `done` after each that ended well.
DRIVER = r"""
set -eo pipefail
server=""

stop_server() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    server=""
}
trap stop_server EXIT

start_server() {
    stop_server
    options=("$@")
    : > "$GUIDE_SCRATCH/server.out"
    "$GUIDE_REGULARS" local --port "$GUIDE_PORT" --clock-at "$GUIDE_NOW" "$@" \
        > "$GUIDE_SCRATCH/server.out" 2> "$GUIDE_SCRATCH/server.err" &
    server="$!"
    for _ in $(seq 300); do
        if grep -q "listening on" "$GUIDE_SCRATCH/server.out"; then return 0; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    cat "$GUIDE_SCRATCH/server.err" >&2
    return 1
}

# What a reader types: `cargo run [-q] -- COMMAND ...`.
cargo() {
    [ "${1:-}" = run ] || { echo "mark a block with \`cargo ${1:-}\` as not run" >&2; return 2; }
    shift
    while [ "${1:-}" = -q ] || [ "${1:-}" = --quiet ]; do shift; done
    [ "${1:-}" = -- ] || { echo "mark a block with \`cargo run\` of another package as not run" >&2; return 2; }
    shift
    if [ "${1:-}" = local ] && [[ " $* " != *" --help "* ]]; then
        shift
        start_server "$@"
        cat "$GUIDE_SCRATCH/server.out"
    elif [[ " $* " == *" --data "* ]]; then
        # The data are used by one process at a time.
        stop_server
        "$GUIDE_REGULARS" "$@"
        start_server "${options[@]}"
    else
        "$GUIDE_REGULARS" "$@"
    fi
}

date() { command date --date "$GUIDE_NOW" "$@"; }

fresh_server() {
    stop_server
    rm -rf .regulars
    start_server
}

while read -r guide_commands; do
    source "$guide_commands" > "$guide_commands.out" 2> "$guide_commands.err" < /dev/null
    echo done
done
"""


class Session:
    """A bash beside a server, until it is closed."""

    def __init__(self, root, regulars):
        self._root = pathlib.Path(root)
        self._scratch = tempfile.TemporaryDirectory()
        scratch = pathlib.Path(self._scratch.name)
        self.folder = scratch / "folder"
        self.folder.mkdir()
        # Files that a page names are there, and what it writes does not land among them.
        for entry in self._root.iterdir():
            if entry.name not in (".regulars", ".git", "target"):
                (self.folder / entry.name).symlink_to(entry)
        self._count = 0
        self.port = str(_free_port())
        environment = os.environ | {
            "GUIDE_REGULARS": str(regulars),
            "GUIDE_PORT": self.port,
            "GUIDE_NOW": NOW,
            "GUIDE_SCRATCH": str(scratch),
            "TZ": "UTC",
            "NO_COLOR": "1",
        }
        # What a page sets for itself.
        for name in ("NOW", "TOKEN", "CODE"):
            environment.pop(name, None)
        self._bash = subprocess.Popen(
            ["bash", "-c", DRIVER],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def run(self, text):
        """Runs commands; returns whether all ended well, what they printed, and what they complained of."""
        self._count += 1
        file = pathlib.Path(self._scratch.name) / f"commands-{self._count}"
        file.write_text(text.replace(PORT, self.port))
        try:
            self._bash.stdin.write(f"{file}\n")
        except BrokenPipeError:
            return False, "", "the shell has ended"
        ended_well = self._is_done()
        out, err = (pathlib.Path(f"{file}{ending}") for ending in (".out", ".err"))
        texts = [path.read_text(errors="replace") if path.exists() else "" for path in (out, err)]
        return ended_well, *(text.replace(self.port, PORT) for text in texts)

    def _is_done(self):
        ready, _, _ = select.select([self._bash.stdout], [], [], SECONDS_MAX)
        return bool(ready) and self._bash.stdout.readline() == "done\n"

    def close(self):
        """Ends bash and the server, and throws the folder away."""
        try:
            self._bash.communicate(timeout=15)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass
        try:
            os.killpg(self._bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._bash.wait()
        self._scratch.cleanup()


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
