# The list of tasks; `make` prints it. Each calls what stands elsewhere, so nothing is decided here.
PRESET ?= release
BUILD := build/$(PRESET)
WITH_ENV := . launch/env.sh &&
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help setup build test format lint docs bench

help:  ## prints this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
	@echo "PRESET=$(PRESET) names the CMake preset; FILES='a.cpp b.cpp' limits lint, ARGUMENTS go to tests."

setup:  ## fetches what build and tests need (launch/setup --with-tests)
	launch/setup --with-tests

build:  ## configures and builds
	$(WITH_ENV) cmake --preset $(PRESET) && cmake --build --preset $(PRESET)

test:  ## sets up, builds, runs all tests and counts them (launch/test)
	launch/test --preset $(PRESET) $(ARGUMENTS)

format:  ## lays out all C++ as clang-format does
	git ls-files '*.cpp' '*.h' '*.cu' '*.cuh' | xargs clang-format -i

lint:  ## runs clang-tidy over src and data_prep, over FILES, or over CHANGED=<commit>'s changes
	$(WITH_ENV) python3 tests/style/lint.py --build $(BUILD) $(if $(CHANGED),--changed $(CHANGED)) $(FILES)

docs:  ## makes the generated pages and tables again
	$(BUILD)/bin/bbg_dist options --markdown > docs/options.md
	$(BUILD)/bin/bbg_dist metrics --markdown > docs/metrics.md
	mkdir -p docs/man launch/completion
	for program in bbg_dist data_prep; do $(BUILD)/bin/$$program commands --markdown; done > docs/commands.md
	for program in bbg_dist data_prep; do \
	  $(BUILD)/bin/$$program commands --man > docs/man/$$program.1; \
	  $(BUILD)/bin/$$program commands --completion bash > launch/completion/$$program.bash; \
	done
	python3 -B tests/style/generate.py

bench:  ## times the parts of a step (bbg_bench)
	$(BUILD)/bin/bbg_bench --config configs/bigbigan_32.ini --data.shards= $(ARGUMENTS)
