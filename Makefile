# The door. Each target works from a clean checkout on Debian 12 with Rust, Node 20+ and a C
# compiler; the logic behind it is in xtask/ and scripts/.

CARGO ?= cargo
# Handed to the program: make run ARGS="--help"
ARGS ?=

.PHONY: help run dev test test-slow bench check deps

help:
	@echo "make run        the demo brokerage on http://127.0.0.1:8080 (QD_LISTEN), data under ./data (QD_DATA)"
	@echo "make dev        the same with quick rebuilds"
	@echo "make test       every test, on SQLite and on a PostgreSQL and NATS started for them"
	@echo "make test-slow  the same with the slow lane: hundreds of kills and power cuts"
	@echo "make bench      the figures, one JSON object per line, each with its baseline of the same run"
	@echo "make check      format, lints, cargo xtask check"

# Profile demo (Cargo.toml): our crates optimised a little, dependencies as in dev.
run:
	@$(CARGO) run --profile demo --bin quarterdeck -- demo $(ARGS)

dev:
	@$(CARGO) run --bin quarterdeck -- demo $(ARGS)

deps:
	@scripts/install-deps.sh

test: deps
	@$(CARGO) xtask check
	@$(CARGO) xtask env -- scripts/test.sh

test-slow: deps
	@$(CARGO) xtask check
	@QD_SLOW=1 NEXTEST_PROFILE=slow $(CARGO) xtask env -- scripts/test.sh

# Everything but the figures goes to standard error. make bench ARGS="ledger --full"; docs/benchmarks.md
bench: deps
	@$(CARGO) build --release --bin quarterdeck
	@$(CARGO) xtask env -- $(CARGO) run --quiet --release --bin quarterdeck -- bench $(ARGS)

# unwrap_used is xtask's here: it knows test helpers from the product, which clippy does not.
check:
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets -- -D warnings -A clippy::unwrap_used
	@$(CARGO) xtask check
