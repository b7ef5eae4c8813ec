# Sourced by script/server and script/test: finds Python, makes the environment, installs the lock.
# Afterwards $python runs inside the environment and the present folder is the checkout.

say() { printf 'mandate: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}

# The lock and the environment's own interpreter decide whether an environment is up to date.
fingerprint() {
    { cat requirements.lock && "$venv/bin/python" -c 'import sys; print(sys.version)'; } 2>/dev/null | cksum
}

works() { "$1" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

uv_install() {
    UV_LINK_MODE=$1 "$venv/bin/python" -m uv pip install --quiet --python "$venv/bin/python" \
        --require-hashes --requirement requirements.lock 2>>"$log"
}

install() {
    say "installing the packages of requirements.lock"
    if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv 2>>"$log"; then
        # Some file systems and hardened kernels refuse the links into uv's cache; copies always work.
        uv_install hardlink || uv_install copy && return
    fi
    say "uv can't be used here, trying pip (slower)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement requirements.lock 2>>"$log" ||
        stop "the packages could not be installed: $(tail -n 1 "$log") (all of it: $log)"
}

make_environment() {
    if ! works "$venv/bin/python"; then
        "$system_python" -c 'import venv, ensurepip' 2>/dev/null ||
            stop "Python's venv module is missing; install it (Debian and Ubuntu: apt install python3-venv)"
        "$system_python" -m venv --clear "$venv" >>"$log" 2>&1 || stop "no environment could be made in $venv; see $log"
    fi
    install
    fingerprint >"$venv/.installed"
}

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
case ${VAR_DIR:=$root/var} in /*) ;; *) VAR_DIR=$PWD/$VAR_DIR ;; esac
export VAR_DIR
cd "$root" || exit 1

system_python=$(find_python)
[ -n "$system_python" ] || stop "Python 3.11 or newer is needed; install it (Debian and Ubuntu: apt install python3)"
mkdir -p "$VAR_DIR" 2>/dev/null && [ -w "$VAR_DIR" ] ||
    stop "can't write to $VAR_DIR; choose another folder with VAR_DIR"

venv=$root/.venv
[ -w "$root" ] && { [ ! -e "$venv" ] || [ -O "$venv" ]; } || venv=$VAR_DIR/venv
log=$VAR_DIR/setup.log
# One set-up at a time: script/server and script/test may be started together.
exec 9>"$VAR_DIR/setup.lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi
if [ ! -x "$venv/bin/python" ] || [ "$(cat "$venv/.installed" 2>/dev/null)" != "$(fingerprint)" ]; then
    : >"$log"
    make_environment
fi
python=$venv/bin/python
exec 9>&-
