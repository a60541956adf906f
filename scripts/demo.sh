#!/usr/bin/env bash
# Three servers and three agents, each a host of its own; a stack of two services; one machine lost; healed. KEEP=1 leaves it running.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
[ "$(id -u)" -eq 0 ] || { echo "demo: containers and network namespaces need root: sudo make demo" >&2; exit 1; }
scripts/setup.sh demo
. scripts/sdk.sh
scripts/images.sh hits redis &
images=$!
trap 'kill $images 2>/dev/null || true' EXIT
scripts/publish.sh --quick
export ORC_BIN=$PWD/out/quick
wait $images

dir=${DEMO_DIR:-/tmp/orc-demo}
lab=integration/lab.sh
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
orc() { $lab orc "$dir" "$@"; }
from_outside() { $lab run "$dir" client curl -sS --max-time 5 "$@"; }
clean_up() { [ -n "${KEEP:-}" ] || { say "Cleaning up"; $lab down "$dir"; }; }

$lab down "$dir"
trap clean_up EXIT
say "Three servers and three agents join (6 network namespaces)"
$lab up "$dir" 3 3
orc cluster info
orc node ls

say "Two images go to a registry"
$lab push "$dir" hits:1 .cache/images/hits.tar
$lab push "$dir" redis:1 .cache/images/redis.tar

say "orc apply -f manifests/hits/compose.yaml"
REGISTRY=10.99.0.254:5000 orc apply -f manifests/hits/compose.yaml
orc ps

say "Every node answers on the published port"
for node in 11 12 13; do from_outside "http://10.99.0.$node:8080/"; done
for _ in $(seq 20); do from_outside "http://10.99.0.11:8080/" >/dev/null; done
before=$(from_outside http://10.99.0.11:8080/hits)

keeps_redis=$(orc ps hits -o json | tr -d '\n' | sed 's/{ *"id"/\n&/g' | grep '"service": *"redis"' | sed -n 's/.*"node": *"\([^"]*\)".*/\1/p' | head -1)
victim=$(printf 'agent1\nagent2\nagent3\n' | grep -vx "$keeps_redis" | head -1)
say "The machine $victim loses power (redis and its volume are on $keeps_redis)"
lost=$(date +%s%N)
$lab power-off "$dir" "$victim"
running() { orc service ls -o json | tr -d ' \n' | grep -q '"name":"web"[^}]*"running":3'; }
until ! running; do sleep 0.05; done
noticed=$(date +%s%N)
until running; do sleep 0.05; done
healed=$(date +%s%N)
orc ps
after=$(from_outside "http://10.99.0.$((10 + ${keeps_redis#agent})):8080/hits")
say "Noticed after $(((noticed - lost) / 1000000)) ms, all replicas run again after $(((healed - lost) / 1000000)) ms; $before hits before, $after after: none forgotten"
[ "$after" -ge "$before" ] || { echo "hits were forgotten" >&2; exit 1; }

if [ -n "${KEEP:-}" ]; then
  say "Left running. Try:"
  cat <<EOF
  export ORC_BIN=$ORC_BIN DOTNET_ROOT=$DOTNET_ROOT
  $lab orc $dir ps
  $lab orc $dir service scale hits/web 6
  $lab orc $dir logs -f web
  $lab run $dir client curl -s http://10.99.0.11:8080/
  $lab start $dir $victim && $lab heal $dir $victim
  $lab down $dir            # when done
EOF
fi
say "Done in $((SECONDS - began)) s"
