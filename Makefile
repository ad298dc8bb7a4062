# The targets that a developer needs; `make help` lists them. Building needs Go alone.
SHELL := /bin/bash
GO ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.PHONY: help build test test-faults test-kernels test-layouts test-crun lint demo bench soak baselines generate check-generated service-calls fuzz release setup setup-kernels setup-demo setup-generate clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

build: ## ./scallop
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o scallop ./cmd/scallop

# The same bytes from the same commit and the Go of go.mod, wherever it is built.
release: ## dist/: scallop for x86_64 and aarch64, with checksums
	rm -rf dist
	for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch GOAMD64=v1 GOARM64=v8.0 GOFLAGS= $(GO) build -trimpath -buildvcs=false \
			-ldflags "-s -w -buildid= -X main.version=$(VERSION)" -o dist/scallop-linux-$$arch ./cmd/scallop || exit 1; \
	done
	cd dist && sha256sum scallop-linux-* | tee SHA256SUMS

test: setup ## every test, privileged ones included (as root)
	SCALLOP_TEST_HOST=full $(GO) test -count=1 ./...

test-faults: setup ## what can go wrong, as often and as long as takes minutes: docs/faults.md
	SCALLOP_TEST_HOST=full SCALLOP_TEST_FAULTS=full $(GO) test -count=1 -v -run 'TestFault' ./cmd/scallop ./profiler/...

lint: ## gofmt, vet, staticcheck, and other platforms
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these'; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	GOOS=linux GOARCH=arm64 $(GO) vet ./...
	GOOS=darwin $(GO) build ./exporter/... ./profiler/recording/... ./profiler/syscalls/... ./profiler/denials/report/...
	GOOS=windows $(GO) build ./exporter/... ./profiler/recording/... ./profiler/syscalls/... ./profiler/denials/report/...
	$(GO) mod tidy -diff

demo: build setup-demo ## profile nginx through its life and export its allow-list
	.demo/nginx

bench: build setup ## the cost ladder and that of filters, from interleaved rounds of one run
	$(GO) run ./cmd/ladder --scallop ./scallop
	$(GO) test ./exporter/filter -run '^$$' -bench Getppid -benchtime 1x

DURATION ?= 10m
CGROUPS ?= 200
RATE ?= 20
soak: build setup ## full load, cgroups that come and go: what is missing, what grows: DURATION=10m CGROUPS=200 RATE=20
	$(GO) run ./cmd/soak --scallop ./scallop --duration $(DURATION) --cgroups $(CGROUPS) --rate $(RATE)

RUNTIME ?= runc
ORIGIN ?=
baselines: setup ## measure what a container runtime calls under the filter: RUNTIME=/usr/bin/crun ORIGIN='Debian 13, package crun 1.21-1'
	$(GO) run ./cmd/baselines --runtime '$(RUNTIME)' --origin '$(ORIGIN)'

generate: setup-generate ## rebuild the BPF objects and the syscall tables
	$(GO) generate ./...

check-generated: generate ## fail if the committed generated files differ
	git diff --exit-code -- bpf profiler/syscalls

service-calls: build setup ## record scallop, and confine docs/scallop-record.service to what it calls
	.ci/service

FUZZTIME ?= 20s
fuzz: ## every parser, FUZZTIME each
	.ci/fuzz $(FUZZTIME)

KERNEL ?=
RUN ?=
APPEND ?=
test-kernels: setup-kernels ## privileged tests on other kernels and on aarch64, in emulation: KERNEL=5.10 RUN=TestPhases V=1 APPEND=preempt=full SHELL_IN=1
	$(GO) run ./cmd/kernels --table README.md --run '$(RUN)' --append '$(APPEND)' $(if $(V),-v) $(if $(SHELL_IN),--shell) $(KERNEL)

LAYOUT ?= all
test-layouts: setup-kernels ## the same in guests that lack something or are laid out in another way: LAYOUT=v1,no-btf KERNEL=6.1 RUN=… V=1 SHELL_IN=1
	$(GO) run ./cmd/kernels --layouts '$(LAYOUT)' --run '$(RUN)' $(if $(V),-v) $(if $(SHELL_IN),--shell) $(KERNEL)

CRUN ?=
test-crun: ## containers of crun in a virtual machine: CRUN=1.8.1 RUN=TestExec SHELL_IN=1
	RUN='$(RUN)' SHELL_IN='$(SHELL_IN)' .ci/crun $(CRUN)

setup: ## what the tests run against, from Debian
	.ci/setup test

setup-kernels:
	.ci/setup kernels

setup-demo:
	.ci/setup demo

setup-generate:
	.ci/setup generate

clean:
	rm -rf scallop demo dist kernel-results
