#!/bin/sh
# Makes the project's own Python environment from nothing, and does nothing when it is already right.
#
#   sh scripts/setup.sh run    what `make demo` needs
#   sh scripts/setup.sh test   and what the tests need (Open3D, datasets)
#   sh scripts/setup.sh dev    and what the checks need (ruff, mypy, …)
#
# Needs nothing but a POSIX shell. What the system lacks (Python's venv module, the libraries Open3D is linked
# against) is installed with apt-get where that is allowed; where it is not, the command an administrator has to
# run is printed and the script ends with status 1.
#
# PYTHON=…  the interpreter to start from (default: the first of python3.11 … python3 that is at least 3.11)
# VENV=…    the environment's folder (default: .venv)

set -eu

level=${1:-run}
case $level in
run) extras='' ;;
test) extras='[test]' ;;
dev) extras='[dev]' ;;
*)
    echo "usage: sh scripts/setup.sh run|test|dev" >&2
    exit 2
    ;;
esac

cd "$(dirname "$0")/.."
root=$(pwd -P)
venv=${VENV:-.venv}
stamps=$venv/spatialgen-setup

say() { echo "setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- already done? -------------------------------------------------------------------------------------------------

# An environment knows its own absolute path, so a moved clone is a new one.
state=$({ cat pyproject.toml scripts/setup.sh && echo "$root"; } | cksum | tr ' ' '-')

made() { [ -x "$venv/bin/python" ] && [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$state" ]; }
case $level in
run) { made run || made test || made dev; } && exit 0 ;;
test) { made test || made dev; } && exit 0 ;;
dev) made dev && exit 0 ;;
esac

# --- system packages -----------------------------------------------------------------------------------------------

admin=none # how a command is run as administrator
if [ "$(id -u)" = 0 ]; then
    admin=''
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    admin='sudo -n'
fi

# install_system WHY PACKAGE...
install_system() {
    why=$1
    shift
    by_hand="apt-get update && apt-get install -y --no-install-recommends $*"
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "$why, and there is no apt-get here; install what this system calls: $*"
    fi
    if [ "$admin" = none ]; then
        say "$why, and this user may not install it."
        fail "Ask an administrator to run: $by_hand"
    fi
    say "$why; installing $*"
    for attempt in 1 2; do
        # shellcheck disable=SC2086  # $admin is a command with arguments, or nothing
        if $admin env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update >&2 &&
            $admin env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install -y \
                --no-install-recommends "$@" >&2; then
            return 0
        fi
        if [ "$attempt" = 1 ]; then say "apt-get failed; trying once more"; fi
    done
    fail "apt-get could not install $*. Run by hand and see what it says: $by_hand"
}

# --- Python --------------------------------------------------------------------------------------------------------

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# The standard library's venv needs ensurepip, which Debian ships apart.
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

if ! { [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    if ! python=$(find_python); then
        if [ -n "${PYTHON:-}" ]; then fail "PYTHON=$PYTHON is not a Python of at least 3.11"; fi
        install_system "no Python of at least 3.11 was found" python3 python3-venv
        python=$(find_python) ||
            fail "this system's own Python is older than 3.11; install a newer one and name it: make … PYTHON=/path/to/python3"
    fi
    if ! can_make_venv "$python"; then
        # Prefer the package of this very version: python3-venv belongs to the system's default Python only.
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        install_system "$python has no venv module" "$package"
        can_make_venv "$python" || fail "$python still has no venv module; name another Python: make … PYTHON=/path/to/python3"
    fi
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$venv is of a Python older than 3.11; move it away and run this again"

# --- Python packages -----------------------------------------------------------------------------------------------

say "installing spatialgen$extras and what it needs into $venv (the first time this downloads packages)"
# Nothing is compiled ahead: most modules of these packages are never imported.
log=$venv/spatialgen-setup.log
"$venv/bin/python" -m pip install --disable-pip-version-check --no-compile --progress-bar off --editable ".$extras" \
    >"$log" 2>&1 || {
    tail -20 "$log" >&2
    fail "pip could not install the packages; the end of $log is above (no network, or a full disk?)"
}

# --- libraries Open3D is linked against ----------------------------------------------------------------------------

# library -> Debian/Ubuntu package
package_of() {
    case $1 in
    libEGL.so.1) echo libegl1 ;;
    libGL.so.1) echo libgl1 ;;
    libX11.so.6) echo libx11-6 ;;
    libgomp.so.1) echo libgomp1 ;;
    libidn2.so.0) echo libidn2-0 ;;
    libstdc++.so.6) echo libstdc++6 ;;
    libudev.so.1) echo libudev1 ;;
    libusb-1.0.so.0) echo libusb-1.0-0 ;;
    *) return 1 ;;
    esac
}

missing_libraries() {
    for object in "$venv"/lib/python3*/site-packages/open3d/libOpen3D.so* \
        "$venv"/lib/python3*/site-packages/open3d/cpu/pybind*.so \
        "$venv"/lib/python3*/site-packages/open3d/pybind*.so; do
        if [ -f "$object" ]; then ldd "$object" 2>/dev/null; fi
    done | awk '/=> not found/ { print $1 }' | sort -u
}

if [ "$level" != run ]; then
    packages=''
    libraries=''
    for library in $(missing_libraries); do
        if package=$(package_of "$library"); then
            packages="$packages $package"
            libraries="$libraries $library"
        fi
    done
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086  # a list of words
        install_system "Open3D, the tests' independent witness, needs$libraries" $packages
    fi
    "$venv/bin/python" -c 'import open3d' ||
        fail "Open3D does not import (message above); still missing: $(missing_libraries | tr '\n' ' ')"
fi

mkdir -p "$stamps"
echo "$state" >"$stamps/$level"
say "ready"
