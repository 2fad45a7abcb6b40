# Sourced. Makes cargo build for other targets than this machine, and fetches what that takes.
#
# With rustup's targets where they are installed; else with Debian's `rustc-web`, whose sources come
# along, so that it builds the standard library itself. Where neither can be had, that is a failure, unless
# ALLOW_MISSING_TARGETS=1 says that this machine may be without.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/oauth-other-targets
# For cargo, after `use_targets`.
build_std=()

# use_targets CRATES TARGET...: CRATES are those of the standard library that are used, as `core,alloc`.
use_targets() {
    local crates=$1
    shift
    if has_targets "$@"; then
        echo "with $(rustc --version) and its own targets"
        return
    fi
    # The linker is rustup's: Debian's compiler has none for targets without a system.
    local lld target name
    lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
    if [[ ! -x $lld ]] || ! unpack rustc rustc-web rust-web-src; then
        missing "a compiler for $*" "rustup target add $*"
    fi
    export RUSTC=$cache/rustc/usr/bin/rustc
    LD_LIBRARY_PATH=$(libraries "$cache/rustc")
    export LD_LIBRARY_PATH
    # `-Z build-std` is not stable; the compiler and its sources are of one build.
    export RUSTC_BOOTSTRAP=1
    for target in "$@"; do
        name=${target//-/_}
        case $target in
            *-unknown-unknown | *-none-*) export "CARGO_TARGET_${name^^}_LINKER=$lld" ;;
            *-pc-windows-gnu) startup_objects "$target" ;;
        esac
    done
    build_std=(-Z "build-std=$crates")
    echo "with $("$RUSTC" --version), $crates from source"
}

has_targets() {
    local target
    for target in "$@"; do
        [[ -d $(rustc --print target-libdir --target "$target" 2>/dev/null) ]] || return 1
    done
}

# startup_objects TARGET: two that every program there is linked with, and that `build-std` does not make.
startup_objects() {
    local into=$cache/rustc/usr/lib/rustlib/$1/lib new name
    [[ ! -e $into ]] || return 0
    mkdir -p "$(dirname "$into")"
    new=$(mktemp -d "$into.XXXXXX")
    for name in rsbegin rsend; do
        "$RUSTC" --edition 2024 --cap-lints allow --target "$1" --emit=obj -o "$new/$name.o" \
            "$cache"/rustc/usr/src/rustc-*/library/rtstartup/$name.rs
    done
    put "$new" "$into"
}

# put NEW PLACE: in one step, because others may be at it too.
put() {
    mv -T "$1" "$2" 2>/dev/null || rm -rf "$1"
}

# missing WHAT COMMAND: ends the script.
missing() {
    printf '\n*** NOT CHECKED: %s cannot be had here. Try: %s\n' "$1" "$2" >&2
    if [[ ${ALLOW_MISSING_TARGETS:-} == 1 ]]; then
        printf '*** ALLOW_MISSING_TARGETS=1 allows that.\n\n' >&2
        exit 0
    fi
    printf '*** A machine that may be without sets ALLOW_MISSING_TARGETS=1.\n\n' >&2
    exit 1
}

# unpack NAME PACKAGE...: Debian packages, and what they need that is not installed, in $cache/NAME.
unpack() {
    local into=$cache/$1 new package
    shift
    [[ ! -e $into ]] || return 0
    command -v apt-get dpkg-deb >/dev/null || return 1
    echo "unpacking $* from Debian's packages, once" >&2
    # Old lists name packages that are gone. Who may not renew them goes on with what is there.
    [[ $(id -u) != 0 ]] || apt-get update -qq || return 1
    mkdir -p "$cache"
    new=$(mktemp -d "$into.XXXXXX")
    mkdir "$new/root"
    if download "$new" "$@"; then
        for package in "$new"/*.deb; do
            # Of Rust's sources only the library is needed; `*` would match `/` otherwise.
            dpkg-deb --fsys-tarfile "$package" |
                tar -x -C "$new/root" --no-wildcards-match-slash --exclude='./usr/share/doc' \
                    --exclude='./usr/src/*/compiler' --exclude='./usr/src/*/src'
        done
        put "$new/root" "$into"
    fi
    rm -rf "$new"
    [[ -e $into ]]
}

download() {
    local to=$1 needed
    shift
    needed=$(apt-get install --simulate --no-install-recommends "$@" | awk '/^Inst/ { print $2 }')
    # shellcheck disable=SC2086
    (cd "$to" && apt-get -qq -o APT::Sandbox::User=root download $needed)
}

# The search path for the libraries among unpacked packages.
libraries() {
    echo "$1/usr/lib/$(uname -m)-linux-gnu:$1/lib/$(uname -m)-linux-gnu"
}

# installed COMMAND PACKAGE...: for programs that look for their parts at fixed places.
installed() {
    local command=$1
    shift
    ! command -v "$command" >/dev/null || return 0
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
    echo "installing $* from Debian's packages, once" >&2
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends "$@" >/dev/null
}
