# Sourced. What is published, and tools that look at it.

crates=(oauth-core oauth-blocking oauth-tokio)
packages=("${crates[@]/#/--package=}")

# build_tool NAME VERSION: says where it is, and builds it first if it is not there.
build_tool() {
    local tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
    # Nothing is gained by optimizing what runs for a second.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --version "=$2" --root "$tools" --target-dir "$tools/target" "$1"
    rm -rf "$tools/target"
    echo "$tools/bin/$1"
}
