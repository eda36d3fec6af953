# shellcheck shell=bash
# What quickstart, test and luigid share: the project folder, one-line failures, the choice of Python, environments.
# Sourced, not run. Every path starts from $root, so that the caller's folder does not matter.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root
cd "$root" || exit 1

# A caller's PYTHONPATH would put other packages before the environment's own.
unset PYTHONPATH PYTHONHOME

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

# Prints the interpreter to use: $PYTHON, else the newest of ours that can make an environment.
choose_python() {
    local candidate without_venv="" version
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11, 3.12 or 3.13"
    fi
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        fits "$candidate" || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    [ -n "$without_venv" ] ||
        fail "needs Python 3.11, 3.12 or 3.13, and found none; on Debian 12: sudo apt-get install python3 python3-venv"
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "$without_venv cannot make environments: sudo apt-get install python$version-venv"
}

# make_environment FOLDER EXTRAS: an environment in $root/FOLDER with this package, editable, at the pinned versions.
# One that was made from the same files, here, is used again; one whose making was interrupted is made anew.
make_environment() {
    local folder=$1 extras=$2 stamp python
    stamp="$root ${PYTHON:-} $extras $(cat setup.cfg pyproject.toml constraints.txt | cksum)"
    if [ -x "$folder/bin/python" ] && fits "$folder/bin/python" && [ "$(cat "$folder/made-from" 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    python=$(choose_python)
    echo "Installing into $folder (a minute or two, the first time)"
    rm -rf "$folder"
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -e ".$extras" -c constraints.txt
    printf '%s\n' "$stamp" >"$folder/made-from"
}
