#!/usr/bin/env bash
# Committed changes per second of three servers, beside three etcd members in the same run. Options: --clients N,N --seconds N --runs N.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/sdk.sh
dotnet build bench/Orchestrator.Bench -c Release -v quiet -nologo
dotnet publish tests/Orchestrator.StoreHost -c Release -o out/publish/store-host -v quiet -nologo
export STORE_HOST_PROGRAM=$PWD/out/publish/store-host/Orchestrator.StoreHost
exec bench/Orchestrator.Bench/bin/Release/net10.0/Orchestrator.Bench store "$@"
