# Builds, runs and checks Keiki. `make` alone lists what there is.
#
# The order of a build: app to WASM -> bindings -> wasm-opt -> site (public/build.mjs); beside it the server; then the binary
# of the two.
# It is a few commands in a row and not cargo-leptos, which would take longer to compile than all of Keiki.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Where rustup puts cargo, for shells that have not read its profile.
export PATH := $(PATH):$(HOME)/.cargo/bin

CARGO_HOME ?= $(HOME)/.cargo
CARGO_OUT := $(or $(CARGO_TARGET_DIR),target)
# `make dev` makes it dev: less is optimised, so that a change in the app is in the browser within half a minute.
PROFILE := release
KEIKI := $(CARGO_OUT)/$(PROFILE:dev=debug)/keiki
SITE := target/site
WASM := target/wasm-$(PROFILE)
STAMP := target/stamp

# The bindings' format changes from version to version: the tools must be of the very version that the app links.
locked = $(shell awk '/^name = "$(1)"$$/ { getline; gsub(/"/, "", $$3); print $$3 }' $(2))
BINDGEN_VERSION := $(call locked,wasm-bindgen,Cargo.lock)
BINDGEN := target/tools/release/keiki-bindgen
TEST_RUNNER := target/tools/wasm-bindgen-$(BINDGEN_VERSION)/bin/wasm-bindgen-test-runner
WASM_OPT := public/node_modules/.bin/wasm-opt

# Given to the tests of the served pages alone: Keiki reads its own configuration from variables that begin with KEIKI_.
END2END := KEIKI_BIN=$(abspath $(KEIKI))

.PHONY: help setup build server run dev test soak fuzz bench clean FORCE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- Tools

setup: $(BINDGEN) public/node_modules/.stamp ## Install what a build needs, inside the project

# One check of what can't be installed inside the project, with the words that help.
$(STAMP)/machine:
	@for tool in cargo node npm cc; do command -v $$tool > /dev/null || { \
	  echo "$$tool is missing. Keiki builds with Rust (rustup.rs), Node.js 20 or later with npm, and a C linker." >&2; exit 1; }; done
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { \
	  echo "Node.js $$(node --version) is too old: 20 or later is needed." >&2; exit 1; }
	@[ -d "$$(rustc --print target-libdir --target wasm32-unknown-unknown)" ] || rustup target add wasm32-unknown-unknown
	@mkdir -p $(@D) && touch $@

$(BINDGEN): $(wildcard public/bindgen/Cargo.* public/bindgen/src/*) | $(STAMP)/machine
	@[ "$(call locked,wasm-bindgen-cli-support,public/bindgen/Cargo.lock)" = "$(BINDGEN_VERSION)" ] || { \
	  echo "public/bindgen must use wasm-bindgen-cli-support $(BINDGEN_VERSION), as Cargo.lock does with wasm-bindgen." >&2; exit 1; }
	cargo build --release --locked --manifest-path public/bindgen/Cargo.toml --target-dir target/tools
	@touch $@

# Not optimised: that halves the minutes it takes to compile. Its lock file is tried first; where one of the locked
# versions can't be had, any that fits will do.
$(TEST_RUNNER): | $(STAMP)/machine
	@mkdir -p $(@D)
	@if found=$$(command -v wasm-bindgen-test-runner) && [ "$$(wasm-bindgen --version)" = "wasm-bindgen $(BINDGEN_VERSION)" ]; then \
	  ln -sf "$$found" $(@D); \
	else \
	  export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=8; \
	  install() { cargo install wasm-bindgen-cli --version $(BINDGEN_VERSION) --root $(abspath $(@D)/..) \
	    --bin wasm-bindgen-test-runner "$$@"; }; \
	  install --locked || install; \
	fi

public/node_modules/.stamp end2end/node_modules/.stamp: %/node_modules/.stamp: %/package-lock.json %/package.json | $(STAMP)/machine
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund
	@touch $@

# A Python of the tests' own, for the service that they watch.
PYTHON := end2end/services/.venv
$(PYTHON)/.stamp: end2end/services/requirements.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# ---- Build

# The tools, the WASM and the server have tails in which one core has nothing to do: side by side they fill each other's.
build: | $(STAMP)/machine ## Build target/release/keiki with the site inside
	@$(MAKE) --no-print-directory -j3 $(STAMP)/site server
	cargo build --profile $(PROFILE) --locked -p keiki

# All of the binary but the site.
server: FORCE | $(STAMP)/machine
	cargo build --profile $(PROFILE) --locked -p keiki-server --lib

run: build ## Build, then run Keiki on http://127.0.0.1:3000
	exec $(KEIKI)

dev: ## Run Keiki, and build and restart it at every change
	@node public/dev.mjs $(CARGO_OUT)/debug/keiki

# Cargo knows best whether the WASM is out of date: it is always asked, and touches the file only if it was.
CARGO_WASM := $(CARGO_OUT)/wasm32-unknown-unknown/wasm-$(PROFILE)/keiki_app.wasm
# The panic messages hold paths of source files; without the prefix they are the same on every machine.
$(CARGO_WASM): export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS := --remap-path-prefix=$(CARGO_HOME)/registry/src/= --remap-path-prefix=$(CURDIR)/=
$(CARGO_WASM): FORCE | $(STAMP)/machine
	cargo rustc --locked -p keiki-app --lib --crate-type cdylib --target wasm32-unknown-unknown --profile wasm-$(PROFILE) \
	  --features hydrate

# rustc has optimised it; another twelve seconds take off one more per cent of what is sent, where it is sent to anybody.
# Functions in the order of their names: neighbours that are alike compress better. The names go after that. The features
# are what rustc compiles with; the section that says so is gone by then.
# Flattened and put together again the code comes out smaller than it went in.
WASM_PASSES := $(if $(filter release,$(PROFILE)),-Os --flatten --rereloop -Os)
WASM_FEATURES := bulk-memory bulk-memory-opt multivalue mutable-globals nontrapping-float-to-int reference-types sign-ext
$(WASM)/app.wasm: $(CARGO_WASM) $(BINDGEN) public/node_modules/.stamp
	@mkdir -p $(WASM)
	$(BINDGEN) $< $(WASM)
	$(WASM_OPT) --remove-unused-module-elements $(WASM_PASSES) --reorder-functions-by-name $(WASM_FEATURES:%=--enable-%) \
	  $(WASM)/app_bg.wasm -o $@

SITE_SOURCES := $(wildcard public/*.js public/*.svg) public/build.mjs $(shell find style -name '*.css')
# The other profile's site makes way.
$(STAMP)/of-$(PROFILE):
	@mkdir -p $(@D) && rm -f $(STAMP)/of-* && touch $@

$(STAMP)/site: $(WASM)/app.wasm $(SITE_SOURCES) $(STAMP)/of-$(PROFILE) public/node_modules/.stamp
	node public/build.mjs $(WASM) $(SITE) $(PROFILE)
	@mkdir -p $(@D) && touch $@

# ---- Checks

# Commands that Debian packages bring, as command:package. As root they are installed, without starting their services.
CHROMIUM ?= $(or $(shell command -v chromium || command -v chromium-browser || command -v google-chrome),chromium)
TEST_TOOLS := $(CHROMIUM):chromium promtool:prometheus brotli:brotli fc-list:fontconfig postgres:postgresql openssl:openssl \
  redis-server:redis-server prometheus-node-exporter:prometheus-node-exporter prometheus:prometheus
BENCH_TOOLS := $(TEST_TOOLS) nginx:nginx wrk:wrk victoria-metrics:victoria-metrics

define need
	@missing=(); \
	for pair in $(1); do \
	  tool="$${pair%%:*}"; package="$${pair##*:}"; \
	  command -v "$$tool" > /dev/null || [ -x "/usr/sbin/$$tool" ] \
	    || compgen -G "/usr/lib/$$package/*/bin/$$tool" > /dev/null || missing+=("$$package"); \
	done; \
	fc-list :lang=ja 2> /dev/null | grep -q . || missing+=(fonts-noto-cjk); \
	python3 -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$${missing[@]}"; \
	  else \
	    echo "Missing for this target: $${missing[*]} (Debian: apt-get install $${missing[*]})" >&2; exit 1; \
	  fi; \
	fi
endef

# The tests that are written to run in WASM as well.
WASM_TESTS := $(patsubst model/tests/%.rs,--test %,$(shell grep -l wasm_bindgen_test model/tests/*.rs))

test: $(TEST_RUNNER) ## Everything that must hold: format, lints, unit tests, the site, a real browser
	$(call need,$(TEST_TOOLS))
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked -p keiki-app --lib --target wasm32-unknown-unknown --features hydrate -- -D warnings
	cargo test --locked --workspace
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(abspath $(TEST_RUNNER)) \
	  cargo test --locked -p keiki-model $(WASM_TESTS) --target wasm32-unknown-unknown
	@$(MAKE) build end2end/node_modules/.stamp $(PYTHON)/.stamp
	$(END2END) npm --prefix end2end test

# Scripts of end2end/bench, each an executable that finds the binary in KEIKI_BIN.
soak: build end2end/node_modules/.stamp ## Hours of live use: memory and drift (end2end/bench/soak); a hundred kills of a process that writes, a hundred faults of each kind
	$(call need,$(TEST_TOOLS))
	$(END2END) end2end/bench/soak
	KEIKI_KILLS=100 KEIKI_FAULTS=100 cargo test --release --locked -p keiki-store --test crash --test faults

bench: build end2end/node_modules/.stamp ## Measure against the budgets and the peers (end2end/bench/run)
	$(call need,$(BENCH_TOOLS))
	$(END2END) end2end/bench/run
	cargo run --release --locked -p keiki-store --example bench_history

FUZZ_DECODER_SECONDS ?= 600
FUZZ_CASES ?= 20000
fuzz: build end2end/node_modules/.stamp ## Property tests with many more cases (FUZZ_CASES=20000), every decoder for ten minutes (FUZZ_DECODER_SECONDS=600), then garbage on the wire
	PROPTEST_CASES=$(FUZZ_CASES) cargo test --release --locked --workspace
	for decoder in text statsd otlp remote_write; do \
	  cargo run --release --locked -p keiki-decode --example fuzz_$$decoder -- $$RANDOM $(FUZZ_DECODER_SECONDS) || exit 1; \
	done
	$(END2END) npm --prefix end2end run fuzz

clean: ## Remove all that was built or installed inside the project
	rm -rf target public/node_modules end2end/node_modules end2end/results
