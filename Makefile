# Thin calls into scripts/: each installs what is missing first (scripts/bootstrap).
# Honoured: CARGO_TARGET_DIR (default ~/.cache/athanor/target), ATHANOR_CACHE (~/.cache/athanor).

.DEFAULT_GOAL := help
.PHONY: help bootstrap doctor build production demo localnet test lint fmt docs bench bench-worker \
	fuzz fuzz-runtime fuzz-worker models e2e-daily e2e-disputes e2e-kills e2e-labels e2e-market e2e-validators e2e-governance e2e-upgrade \
	bench-chain bench-chain-jobs bench-judge bench-labels label-vectors weights audit sbom reproducible zombienet \
	zombienet-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

bootstrap: ## install what a build needs and this machine lacks
	@scripts/bootstrap

doctor: ## explain what was found on this machine, and what to do about what was not
	@scripts/doctor

build: ## build the whole workspace as tests and demo use it (short epochs and windows)
	@scripts/build

production: ## build node, worker, command line and state-check for real use
	@scripts/production

demo: ## a chain, a GPU worker, and one job paid end to end; then three providers, one of which lies
	@scripts/localnet demo

localnet: ## a local network with workers that stays up until Ctrl-C
	@scripts/localnet up

test: ## everything CI runs
	@scripts/test

lint: ## formatting, shell scripts, and clippy on every target
	@scripts/lint

fmt: ## format the sources
	@cargo fmt --all

docs: ## API documentation of our own crates, into the target folder
	@scripts/docs

bench: bench-worker ## the same as bench-worker

bench-worker: ## measure the worker beside onnxruntime on this machine
	@scripts/bench

fuzz: ## the decoders of the chain, of content and of the worker by libFuzzer, each for ten minutes
	@scripts/fuzz

fuzz-runtime: ## random blocks through the whole runtime, ten thousand walks of them
	@scripts/fuzz-runtime

fuzz-worker: ## the worker's backends against the reference, on a million random programs
	@scripts/fuzz-worker

models: ## prepare the example models, import them, and measure their accuracy
	@scripts/models

e2e-daily: ## quotes, cancelled jobs, pauses, bonds, demands for outputs, jail and audits, to the unit
	@scripts/localnet daily

e2e-disputes: ## a provider lies in every operator there is, others show nothing; a watcher catches all
	@scripts/localnet disputes

e2e-kills: ## nodes and daemons of providers, a liar and a watcher killed at every step of a job
	@scripts/localnet kills

bench-chain: ## transactions a second by kind, beside a second node, and a quarter of an hour's soak
	@scripts/bench-chain

bench-chain-jobs: ## a chain under a load of jobs: settled a second, and how full its blocks are
	@scripts/localnet load --jobs 10000 --offers 256 --expiring 1000

e2e-labels: ## twelve contributors label real pairs and are paid by rule; every type of label
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
		scripts/localnet labels --export "$$out/preference.jsonl" && \
		scripts/test-label-exports trl-preference "$$out/preference.jsonl"
	@scripts/localnet label-types

e2e-governance: ## decisions by referendum on a network without sudo, with a job in flight
	@scripts/localnet governance

e2e-upgrade: ## a live network upgraded by referendum, with a storage migration and work in flight
	@scripts/upgrade-rehearsal

label-vectors: ## check the label fixtures against crowd-kit, choix and krippendorff
	@scripts/label-vectors --check

e2e-market: ## data sold by honest sellers and by all kinds of liars, every balance checked to the unit
	@scripts/localnet market --full
	@scripts/localnet market-more

e2e-validators: ## a stranger joins, authors and leaves; validators that run twice pay for it
	@scripts/localnet join
	@scripts/localnet equivocation

bench-labels: ## a campaign of 100,000 answers: how many a second are committed, revealed and scored
	@scripts/localnet campaign

weights: ## measure the weights of every pallet, ours and the SDK's, and write them into the sources; hours
	@scripts/weights all

bench-judge: ## what the runtime takes to judge the largest element of each operator
	@scripts/bench-judge

bench-store: ## the data market's speeds: packing, sealing, decrypting, fetching, buying; and memory
	@scripts/bench-store

audit: ## licences, yanked versions and advisories of every dependency
	@scripts/audit

sbom: ## what the programs are made of, as CycloneDX, into the target folder
	@scripts/sbom

reproducible: ## build the runtime's wasm twice, in different folders, and compare the bytes
	@scripts/reproducible

zombienet: ## spawn the network of zombienet/local.toml
	@scripts/zombienet

zombienet-test: ## live networks: joining, equivocation, referenda, an upgrade, faults, backup, zombie-cli; about an hour
	@scripts/zombienet-test

.PHONY: faults
faults: ## crashes, a cut network, wrong clocks, full disks, on four validators; about fifteen minutes
	@scripts/faults

clean: ## remove what was built
	@scripts/clean
