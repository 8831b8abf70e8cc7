# Kubarium: `make run` builds and serves, `make test` checks everything. `make help` lists the rest.

# Tool versions. wasm-bindgen's is the one in Cargo.lock, those of npm packages are in package-lock.json, Rust's is in
# rust-toolchain.toml.
TRUNK_VERSION := 0.22.1
CARGO_FUZZ_VERSION := 0.13.2
WASM_BINDGEN_VERSION := $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)
NODE_MAJOR := 20

LISTEN ?= 127.0.0.1:8080
# Where sessions are kept, if not in the place that the program chooses.
DATA ?=
# README says what it weighs; the aim is 300.
FIRST_LOAD_KB := 400

# Tools come from .tools only where PATH has not the right version.
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/node_modules/.bin:$(PATH)
PROGRAM := target/release/kubarium
# Tools are run, not measured: build them fast instead of building them good.
INSTALL := CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_TARGET_DIR=.tools/build cargo install --root .tools --force
# Directories too: their times tell of files that are gone.
PAGE_SOURCES := $(shell find frontend shared public scripts .cargo) Cargo.toml Cargo.lock Trunk.toml package-lock.json
WASM := --locked --profile wasm-release --target wasm32-unknown-unknown
# Of the page, the parts that need no browser. Always the whole workspace: asked for one package, Cargo may choose other
# features of what is below, and compiles `shared` again.
ALL := --locked --workspace --no-default-features
NATIVE := --release $(ALL)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
# What compiles the program and its tests knows which code of the engine is hot.
PROFILED := RUSTC_WORKSPACE_WRAPPER=scripts/profiled
# nextest runs tests side by side; without it Cargo does.
CARGO_TEST := $(if $(shell command -v cargo-nextest),cargo nextest run --no-tests=pass,cargo test) --no-fail-fast

say = @printf '\033[1m==> %s\033[0m\n' '$(1)'
stop = { echo 'kubarium: $(1)' >&2; exit 1; }

.PHONY: help build run test dev site simulate bench load faults clients fuzz pictures readme profile fmt page program lint test-rust test-browser tools rust chromium
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

build: program ## Build the whole program, page embedded: target/release/kubarium
	@ls -l $(PROGRAM) | awk '{printf "%s, %.1f MB\n", "$(PROGRAM)", $$5 / 1e6}'

run: build ## Build and serve at http://127.0.0.1:8080 (LISTEN=ADDRESS:PORT DATA=DIR)
	@exec $(PROGRAM) serve --listen $(LISTEN) $(if $(DATA),--data $(DATA))

test: tools ## Check style, build, run the tests, those in a real browser too
	$(call say,Checking style and compiling the tests while the page is built)
	@mkdir -p target; $(MAKE) --no-print-directory page >target/page.log 2>&1 & \
		$(MAKE) --no-print-directory lint && $(PROFILED) cargo build $(NATIVE) --tests; \
		style=$$?; wait $$!; page=$$?; cat target/page.log; [ $$style = 0 ] && [ $$page = 0 ]
	@# Both mostly wait. What failed in the browser is told again at the end, where it is looked for.
	@$(MAKE) --no-print-directory test-rust >target/rust.log 2>&1 & \
		$(MAKE) --no-print-directory test-browser; \
		browser=$$?; wait $$!; rust=$$?; cat target/rust.log; \
		sed -n '/failing tests:/,$$p' target/browser.*.log; [ $$browser = 0 ] && [ $$rust = 0 ]
	$(call say,All tests passed)

dev: tools ## Serve as `run` does, and rebuild on every change
	@cargo fetch --locked
	@exec node scripts/dev.mjs --listen $(LISTEN) $(if $(DATA),--data $(DATA))

simulate: rust ## Random commands and faults against the rules (SEEDS=1000 FROM=0, or one SEED=17)
	@SEEDS=$(or $(SEEDS),1000) $(PROFILED) cargo test $(NATIVE) --test all simulation -- --nocapture

bench: program ## Run the speed scenarios
	$(call say,Benchmarks)
	@$(PROFILED) cargo bench $(ALL) --bench engine --bench scheduling
	@node tests/benches/worker.mjs
	@node tests/benches/map.mjs
	@node tests/benches/stage.mjs
	@node tests/benches/answers.mjs
	@node tests/benches/typing.mjs
	@node tests/benches/joins.mjs

load: program ## A full room, many sessions, and a Kubernetes endpoint (LEARNERS=200 SESSIONS=100 CLIENTS=10 PODS=5000 WATCHERS=1000)
	@RUST_LOG=$(or $(RUST_LOG),off) $(PROFILED) cargo bench $(ALL) --bench load --bench kube_api

faults: program ## Kill servers at random moments under load, and look for what they acknowledged (ROUNDS=1000 ETCD_ROUNDS=100 SEED=1)
	@RUST_LOG=$(or $(RUST_LOG),off) $(PROFILED) cargo bench $(ALL) --bench faults

clients: program ## Drive a cluster with kube-rs, the Python and the JavaScript client, Helm 3 and 4, kubectl 1.27 and 1.35 (the first time they are fetched and built)
	$(call say,Clients of others)
	@python3 -m venv .tools/python && .tools/python/bin/pip install --quiet --requirement clients/requirements.txt
	@npm ci --silent --no-audit --no-fund --prefix clients
	@cargo test --locked --manifest-path clients/Cargo.toml --no-run
	@for client in "cargo test --locked --manifest-path clients/Cargo.toml" ".tools/python/bin/python clients/client.py" \
		"node --test --test-force-exit clients/client.mjs"; do node clients/run.mjs $(PROGRAM) $$client || exit 1; done
	@node clients/unpack.mjs .tools/clients
	@for version in .tools/clients/*; do \
		HELM=$(CURDIR)/$$version/helm node clients/run.mjs $(PROGRAM) node --test --test-force-exit clients/helm.mjs || exit 1; \
		PATH=$(CURDIR)/$$version:$$PATH $(PROFILED) cargo test $(NATIVE) --test all kubectl -- --nocapture || exit 1; done

fuzz: rust ## Fuzz every parser of the network side, guided by coverage (SECONDS_EACH=60 SEED=1 JOBS=1 TARGET=kubectl INPUT=FILE)
	@command -v c++ >/dev/null || $(call stop,a C++ compiler is missing for libFuzzer (Debian: apt-get install g++))
	@cargo fuzz --version 2>/dev/null | grep -qxF 'cargo-fuzz $(CARGO_FUZZ_VERSION)' || { \
		echo '==> Installing cargo-fuzz $(CARGO_FUZZ_VERSION) into .tools (a minute, once)'; \
		$(INSTALL) cargo-fuzz --version $(CARGO_FUZZ_VERSION) --locked && rm -rf .tools/build; \
		} || $(call stop,cargo-fuzz $(CARGO_FUZZ_VERSION) could not be installed; is crates.io within reach and room left on the disk?)
	@SECONDS_EACH=$(or $(SECONDS_EACH),60) SEED=$(or $(SEED),1) JOBS=$(or $(JOBS),1) INPUT=$(INPUT) node tests/fuzz/run.mjs $(TARGET)

pictures: test-browser ## Take the pictures of the README anew
	@cp $(addprefix tests/browser/results/,alive.png toleration.png inspector.png) docs/

readme: rust ## Write the README's table of what agrees with a real control plane
	@UPDATE_README=1 $(PROFILED) cargo test $(NATIVE) --test all readme

profile: rust ## Record which code of the engine is hot: backend/engine.profdata (after an upgrade of Rust or of dependencies too)
	@rustup component add llvm-tools
	$(call say,Building a program that counts)
	@rm -rf target/counts
	@RECORD_PROFILE=$(CURDIR)/target/counts $(PROFILED) cargo build $(NATIVE) --bin kubarium --target-dir target/counting
	@for scenario in tests/benches/rollout.yaml tests/scenarios/*.yaml; do \
		target/counting/release/kubarium run $$scenario >target/counting/last.txt || { tail -5 target/counting/last.txt; exit 1; }; done
	@"$$(rustc --print sysroot)"/lib/rustlib/*/bin/llvm-profdata merge --sparse --output backend/engine.profdata target/counts
	@# Cargo does not see that the profile changed.
	@cargo clean --quiet --release --package shared
	@ls -l backend/engine.profdata

fmt: rust ## Format the code
	@cargo fmt --all

# ---- Steps ----

page: dist/index.html
	@node scripts/weight.mjs dist $(FIRST_LOAD_KB)

site: dist/index.html ## Build the page for any file host, under any path: site/
	@node scripts/site.mjs dist site

dist/index.html: $(PAGE_SOURCES) | tools
	$(call say,Building the page)
	@cargo fetch --locked
	@trunk build --release
	@# Cargo sees when a page changes that the program has, not that there is one now.
	@touch backend/src/main.rs

program: page
	$(call say,Building the program)
	@$(PROFILED) cargo build $(NATIVE) --bin kubarium

lint: | tools
	$(call say,Checking style)
	@cargo fmt --all --check
	@cargo clippy $(NATIVE) --all-targets -- -D warnings
	@cargo clippy $(WASM) --package frontend --package shared -- -D warnings

test-rust: page
	$(call say,Rust tests)
	@$(PROFILED) $(CARGO_TEST) $(NATIVE)

# The program as the Rust tests have it: their dependencies ask for other features, and without them it would be compiled again.
test-browser: page | chromium
	$(call say,Browser tests)
	@$(PROFILED) cargo build $(NATIVE) --tests
	@# Pages mostly wait, for what they draw and for the clock: two at a time take little more than half as long.
	@# A file that the runner writes itself lacks the end, where it says what failed: it does not wait for it.
	@rm -f target/browser.*; for files in 'j-z' 'a-i'; do \
		{ CHROMIUM=$(CHROMIUM) node --test --test-force-exit --test-concurrency=2 --test-reporter=spec \
			tests/browser/[$$files]*.test.mjs || touch target/browser.failed; } | tee target/browser.$$files.log; \
	done; [ ! -e target/browser.failed ] || CHROMIUM=$(CHROMIUM) node scripts/again.mjs target/browser.*.log

# ---- What the steps need: looked at every time, installed once ----

tools: rust node_modules/.package-lock.json
	@trunk --version 2>/dev/null | grep -qxF 'trunk $(TRUNK_VERSION)' || { \
		echo '==> Installing Trunk $(TRUNK_VERSION) into .tools (some minutes, once)'; \
		$(INSTALL) trunk --version $(TRUNK_VERSION) --locked --ignore-rust-version --no-default-features --features rustls; \
		} || $(call stop,Trunk $(TRUNK_VERSION) could not be installed; is crates.io within reach and room left on the disk?)
	@wasm-bindgen --version 2>/dev/null | grep -qxF 'wasm-bindgen $(WASM_BINDGEN_VERSION)' || { \
		echo '==> Installing wasm-bindgen CLI $(WASM_BINDGEN_VERSION) into .tools (some minutes, once)'; \
		$(INSTALL) wasm-bindgen-cli --version $(WASM_BINDGEN_VERSION); \
		} || $(call stop,wasm-bindgen CLI $(WASM_BINDGEN_VERSION) could not be installed; is crates.io within reach and room left on the disk?)
	@rm -rf .tools/build

rust:
	@command -v cargo >/dev/null || $(call stop,Rust is missing: install it from https://rustup.rs)
	@command -v cc >/dev/null || $(call stop,a C linker is missing (Debian: apt-get install build-essential))
	@test -d "$$(rustc --print target-libdir --target wasm32-unknown-unknown)" \
		|| rustup target add wasm32-unknown-unknown \
		|| $(call stop,the Rust target wasm32-unknown-unknown is missing: rustup could not add it)

node_modules/.package-lock.json: package.json package-lock.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < $(NODE_MAJOR)))' 2>/dev/null && command -v npm >/dev/null \
		|| $(call stop,Node.js $(NODE_MAJOR) or newer with npm is missing: install it from https://nodejs.org)
	$(call say,Installing npm packages)
	@npm ci --no-audit --no-fund || $(call stop,npm packages could not be installed; is the npm registry within reach?)
	@touch $@

chromium:
	@test -n "$(CHROMIUM)" || { echo '==> Installing Chromium for the browser tests'; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy chromium; } \
		|| $(call stop,Chromium is missing: install it for the browser tests)
	@# Without one the pictures of the Japanese page show boxes; the tests themselves need none.
	@[ -n "$$(fc-list :lang=ja)" ] || { echo '==> Installing a Japanese font for the pictures'; \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy fonts-ipafont-gothic; } \
		|| echo 'kubarium: no Japanese font could be installed: pictures of the Japanese page show boxes'
