# The door. Each target works from a clean checkout on Debian 12 with Rust, Node 20+ and a C
# compiler; the logic behind it is in xtask/ and scripts/.

CARGO ?= cargo
# Handed to the program: make run ARGS="--help"
ARGS ?=

.PHONY: help run dev portals test test-slow bench check deps

help:
	@echo "make run        the demo brokerage on http://127.0.0.1:8080 (QD_LISTEN), data under ./data (QD_DATA)"
	@echo "make dev        the same with quick rebuilds"
	@echo "make portals    builds the portals in web/ (Node 20.19 or newer); make run does it when they changed"
	@echo "make test       every test, on SQLite and on a PostgreSQL and NATS started for them, and in a browser"
	@echo "make test-slow  the same with the slow lane: hundreds of kills and power cuts"
	@echo "make bench      the figures, one JSON object per line, each with its baseline of the same run"
	@echo "make check      format, lints, types, cargo xtask check"

# Profile demo (Cargo.toml): our crates optimised a little, dependencies as in dev. Without Node the
# portals' addresses say how to add them; the API and everything else is there.
run:
	@CARGO="$(CARGO)" scripts/run.sh demo -- demo $(ARGS)

dev:
	@CARGO="$(CARGO)" scripts/run.sh dev -- demo $(ARGS)

portals:
	@scripts/portals.sh

deps:
	@scripts/install-deps.sh

test: deps portals
	@$(CARGO) xtask check
	@$(CARGO) xtask env -- scripts/test.sh
	@scripts/test-portals.sh

test-slow: deps portals
	@$(CARGO) xtask check
	@QD_SLOW=1 NEXTEST_PROFILE=slow $(CARGO) xtask env -- scripts/test.sh
	@scripts/test-portals.sh

# Everything but the figures goes to standard error. make bench ARGS="ledger --full"; docs/benchmarks.md
bench: deps
	@$(CARGO) build --release --bin quarterdeck
	@$(CARGO) xtask env -- $(CARGO) run --quiet --release --bin quarterdeck -- bench $(ARGS)

# unwrap_used is xtask's here: it knows test helpers from the product, which clippy does not.
check:
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets -- -D warnings -A clippy::unwrap_used
	@$(CARGO) xtask check
	@scripts/test-portals.sh check
