#!/usr/bin/env bash
# Committed changes per second of three servers, beside three etcd members in the same run. Options: --seconds N --runs N.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build bench/Orchestrator.Bench -c Release -v quiet -nologo
exec bench/Orchestrator.Bench/bin/Release/net10.0/Orchestrator.Bench store "$@"
