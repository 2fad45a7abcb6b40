# Sourced. Where cargo puts what it builds of this workspace, wherever it was told to put it.

target() {
    local workspace
    workspace=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    cargo metadata --locked --no-deps --format-version 1 --manifest-path "$workspace/Cargo.toml" |
        node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).target_directory'
}
