# Doorleaf. `make` lists what there is to make.

.DEFAULT_GOAL := help
.PHONY: help build demo test soak bench shots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the program into bin/doorleaf
	@echo "Building Doorleaf; the Microsoft Graph library takes 2-3 minutes the first time."
	go build -trimpath -o bin/doorleaf ./cmd/doorleaf

demo: build ## run a practice office: gateway, a stand-in for Microsoft 365, six signs
	@echo "Starting the practice office."
	@exec bin/doorleaf demo

test: ## check everything that has to be right before a change lands (minutes)
	@go run -buildvcs=false ./internal/house/check

soak: ## repeat the tests and fuzz for long (an hour and more)
	@go run -buildvcs=false ./internal/house/check -soak

bench: ## measure: codec, renderer, store, and 1,000 signs on one gateway
	go test -run '^$$' -bench . -benchmem -timeout 60m ./...

shots: ## screenshots of every page in every language at phone and desktop width into shots/
	go test -count=1 -run '^TestPages$$' ./cmd/doorleaf -shots $(CURDIR)/shots
