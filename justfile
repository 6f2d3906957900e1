# What people do here. Each line works by hand as well; CONTRIBUTING.md says when to run which.

# The list of these.
default:
    @just --list

# A server to look at: http://localhost:8080, with an app at http://127.0.0.1:8081.
demo:
    cargo run --release -- demo

# Does it compile, tests too?
check:
    cargo check --workspace --all-targets

# One form for all sources.
fmt:
    cargo fmt --all

# What CI holds against the sources: form, lints, documentation.
lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

# The unit tests: pure rules, in seconds.
unit *NAMES:
    cargo test --lib {{ NAMES }}

# Black-box tests whose names contain this, on SQLite: `just it refresh`.
it *NAMES:
    cargo test --test it {{ NAMES }}

# The same on SQLite and on a throw-away Postgres.
both *NAMES:
    #!/usr/bin/env bash
    set -euo pipefail
    eval "$(tests/postgres start)"
    trap 'tests/postgres stop "$MAPAE_TEST_POSTGRES_FOLDER"' EXIT
    cargo test --test it {{ NAMES }}

# Everything that can be proven with what this machine has.
test:
    cargo test --workspace

# Everything that must hold, nothing skipped. It installs Debian packages that are missing.
ci:
    .ci/run

# Rows of the table of docs/performance.md whose names contain this.
bench *NAMES:
    cargo bench -- {{ NAMES }}
