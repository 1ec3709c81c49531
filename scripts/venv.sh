#!/bin/sh
# Makes or updates .venv beside the repository's files. Called by ./steward and ./check with one or more lock files;
# the last one is installed, all of them are remembered in .venv/set-up, whose equal copies mean "nothing to do".
set -eu
here=$(CDPATH='' cd -- "$(dirname "$0")/.." && pwd -P)
venv=$here/.venv
unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$name" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        stop "Steward needs Python 3.11 or newer, and python3 is older here. On Debian 12 or later: sudo apt install python3.11 python3.11-venv"
    fi
    stop "Steward needs Python 3.11 or newer, and there is no python3 here. On Debian: sudo apt install python3 python3-venv"
}

up_to_date() {
    [ -x "$venv/bin/python" ] || return 1
    for lock in "$@"; do cmp -s "$here/$lock" "$venv/set-up/$lock" || return 1; done
}

# step SENTENCE COMMAND...: runs the command with its output in the log, and shows that time passes
step() {
    count=$((count + 1))
    title="[$count/$steps] $1"
    shift
    began=$(date +%s)
    [ -t 2 ] || printf '%s ' "$title" >&2
    "$@" >>"$log" 2>&1 &
    child=$!
    sign='|'
    while kill -0 "$child" 2>/dev/null; do
        if [ -t 2 ]; then
            case $sign in '|') sign=/ ;; /) sign=- ;; -) sign=\\ ;; *) sign='|' ;; esac
            printf '\r%s %s %ss ' "$title" "$sign" $(($(date +%s) - began)) >&2
        fi
        sleep 0.2
    done
    code=0
    wait "$child" || code=$?
    child=
    [ -t 2 ] && printf '\r%s ' "$title" >&2
    printf '%s s   \n' "$(($(date +%s) - began))" >&2
    return "$code"
}

make_venv() {
    "$python" -m venv --clear "$venv" &&
        mkdir -p "$venv/set-up" &&
        : >"$venv/set-up/unfinished" &&
        "$venv/bin/python" -m pip uninstall -qy setuptools
}

install_packages() { # wheels alone where they exist; a platform without them builds from the same hashed sources
    pip_install --only-binary :all: || { ! grep -q 'Retrying' "$log" && pip_install; }
}

pip_install() { # --no-deps: the lock is the whole list
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-input --retries 2 --no-compile \
        --no-deps --require-hashes "$@" -r "$here/$wanted"
}

install_steward() { # the code stays where it is; a relative line survives moving the folder
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))') &&
        printf '../../../..\n' >"$site/steward.pth" &&
        ln -sf ../../steward "$venv/bin/steward" || return 1
    rm -f "$site"/zstandard/_cffi.*.so # a second make of what CPython takes from backend_c, 12 MB
    "$venv/bin/python" -P -m compileall -q "$here/bot" "$here/channels" "$here/graphs" "$here/knowledge" || :
    for modules in 'langgraph.graph langgraph.checkpoint.sqlite.aio sqlalchemy.ext.asyncio aiosqlite alembic.command
            onnxruntime tokenizers qdrant_edge regopy icalendar recurring_ical_events' \
        'langchain.chat_models telegram.ext pydantic_settings starlette.applications uvicorn python_multipart httpx
            typer rich.markdown prompt_toolkit structlog prometheus_client stamina rapidfuzz dateutil.rrule'; do
        # importing compiles what is used; compiling all of it would take 180 MB
        for module in $modules; do printf 'try:\n    import %s\nexcept ImportError: pass\n' "$module"; done |
            "$venv/bin/python" -W ignore - &
    done
    wait
    find "$site/pip" -name __pycache__ -prune -exec rm -rf {} +
}

prepare_model() { "$venv/bin/python" -P -m knowledge.embedding.prepare "$venv/share/steward/minilm-int8"; }

failed() {
    say "Setting up stopped: $1 The last lines of $log:"
    tail -n 5 "$log" >&2
    exit 1
}

if [ "${STEWARD_SETUP_LOCKED:-}" != "$here" ]; then # one set-up at a time: the kernel holds the lock and lets it go
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "Python's venv module is incomplete here. On Debian: sudo apt install python3-venv ($("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])') for this Python)"
    [ -w "$here" ] || stop "Steward's folder $here cannot be written to, so it cannot set itself up there."
    export STEWARD_SETUP_LOCKED="$here" STEWARD_SETUP_PYTHON="$python"
    exec "$python" -c '
import fcntl, os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
try:
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another start is setting Steward up; waiting for it.", file=sys.stderr, flush=True)
    fcntl.flock(folder, fcntl.LOCK_EX)
os.set_inheritable(folder, True)
os.execvp("sh", ["sh", *sys.argv[2:]])' "$here" "$0" "$@"
fi
python=$STEWARD_SETUP_PYTHON
unset STEWARD_SETUP_LOCKED

up_to_date "$@" && exit 0
for wanted in "$@"; do :; done
log=$here/.steward-setup.log
child=
count=0
steps=4
: >"$log"
trap 'trap "" TERM; kill -TERM 0; say ""; exit 130' INT HUP # Ctrl-C went to the whole group; pip ignores it, being in the background
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 143' TERM
if [ -e "$venv/set-up" ]; then say "Updating Steward's packages."; else say "Setting Steward up: a minute or two, once."; fi
if [ -e "$venv/set-up/unfinished" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    step "Making .venv" make_venv || failed "the environment could not be made."
else
    steps=3
    mkdir -p "$venv/set-up"
    : >"$venv/set-up/unfinished"
fi
step "Installing the locked packages" install_packages || failed "the packages could not be installed (is there a network?)."
step "Putting Steward in" install_steward || failed "Steward's own code could not be put in."
step "Preparing the embedding model" prepare_model ||
    say "$(tail -n 1 "$log") Search goes by words alone for now; \`./steward init\` tries again."
for lock in "$@"; do cp "$here/$lock" "$venv/set-up/$lock"; done
rm -f "$venv/set-up/unfinished"
