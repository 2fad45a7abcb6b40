# Sourced. Programs from Debian's packages, and what a lock file of npm's names.

# install_package PACKAGE PROGRAM: one of Debian's, if the program is not there, which may be a path with stars. What the
# package's own service does is of no interest.
install_package() {
    local package=$1 program=$2
    if find_program "$program" >/dev/null; then return; fi
    if [[ $(id -u) != 0 ]]; then
        echo "$0: install the package $package, or run this as root" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
    find_program "$program" >/dev/null
}

# The last one that is there: of several versions the newest.
find_program() {
    local found
    # shellcheck disable=SC2086
    found=$(command -v $1 | sort -V | tail -n 1 || true)
    [[ -n $found ]] && echo "$found"
}

# install_from_npm FOLDER: exactly as its lock file says, if that has changed since.
install_from_npm() {
    local installed=$1/node_modules/.package-lock.json
    if [[ ! -e $installed || $1/package-lock.json -nt $installed ]]; then
        npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
    fi
}
