# Orchestrator. `make` or `make help` lists what can be done.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CONFIGURATION ?= Release
PROGRAMS := out/bin/orcd out/bin/orc out/bin/orc-runtime

.PHONY: help setup build publish test test-v2 sim lint demo bench bench-store bench-deploy bench-runtime bench-memory bench-scale clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building, testing, the demo and the benchmarks need (Debian packages; as root)
	@scripts/setup.sh build test demo bench

build: ## Compile everything, warnings are errors
	@scripts/setup.sh build
	@dotnet build Orchestrator.slnx -c $(CONFIGURATION) -v quiet -nologo

publish: ## Make the three programs: out/bin/{orcd,orc,orc-runtime}
	@scripts/setup.sh build
	@scripts/publish.sh

test: ## All tests: fast suites, and as root the suites with real programs and hosts
	@scripts/test.sh

test-v2: publish ## The runtime on cgroup version 2 alone: a Debian kernel in an emulated machine
	@scripts/test-v2.sh

sim: ## The control plane on virtual time, by chance: SEEDS=1000 (and FIRST=1) of them, or SEED=7 with its trace
	@scripts/setup.sh build
	@dotnet build tests/Orchestrator.Simulation -c $(CONFIGURATION) -v quiet -nologo
	@. scripts/sdk.sh; tests/Orchestrator.Simulation/bin/$(CONFIGURATION)/net10.0/Orchestrator.Simulation sim \
	  $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),1))

lint: ## Formatting, analyzers and shell syntax
	@dotnet build Orchestrator.slnx -c $(CONFIGURATION) -v quiet -nologo --no-incremental
	@dotnet format whitespace Orchestrator.slnx --no-restore --verify-no-changes
	@for script in scripts/*.sh integration/*.sh .ci/run; do bash -n $$script || exit 1; done

demo: ## A real stack on six hosts (namespaces here) that loses a machine and heals; KEEP=1 leaves it running
	@scripts/demo.sh

bench: bench-store bench-deploy bench-runtime bench-memory bench-scale ## All benchmarks, beside the peers

bench-store: ## Committed changes per second, beside etcd
	@scripts/setup.sh bench
	@scripts/bench-store.sh

bench-deploy: ## 60 replicas from apply to running, beside Docker Swarm
	@scripts/setup.sh bench
	@scripts/bench-deploy.sh

bench-runtime: ## A container from start to exit, beside crun and runc
	@scripts/setup.sh bench
	@scripts/bench-runtime.sh

bench-memory: ## What supervises 100 containers, in memory, beside conmon and containerd-shim
	@scripts/setup.sh bench
	@scripts/bench-memory.sh

bench-scale: ## Placements, one change, memory and a million containers on 5,000 nodes, of the model alone
	@scripts/bench-scale.sh

clean: ## Remove everything that was built here (not the image cache)
	@rm -rf out
	@find src tests integration bench -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} + 2>/dev/null || true
