#!/usr/bin/env bash
# 60 replicas of a busybox `sleep` on three workers, image present, from the command to all running: Docker Swarm and Orchestrator,
# one after the other on the same hosts (network namespaces) in the same run, ROUNDS times alternating. Medians and their ratio at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "bench-deploy: root is needed" >&2; exit 1; }
scripts/publish.sh
scripts/images.sh busybox

rounds=${ROUNDS:-3}
replicas=${REPLICAS:-60}
dir=${BENCH_DIR:-/tmp/orc-bench-deploy}
lab=integration/lab.sh
registry=10.99.0.254:5000
ms() { echo $(($(date +%s%N) / 1000000)); }
within() { $lab run "$dir" "$@"; }
swarm() { local n=$1; shift; docker -H "unix://$dir/swarm$n/docker.sock" "$@"; }

start_swarm() {
  local n
  for n in 1 2 3; do
    mkdir -p "$dir/swarm$n"
    setsid "$lab" run "$dir" "agent$n" dockerd --data-root "$dir/swarm$n/data" --exec-root "$dir/swarm$n/exec" -H "unix://$dir/swarm$n/docker.sock" \
      --pidfile "$dir/swarm$n/dockerd.pid" --insecure-registry "$registry" </dev/null >"$dir/swarm$n/log" 2>&1 &
  done
  for n in 1 2 3; do
    until swarm "$n" info >/dev/null 2>&1; do sleep 0.1; done
  done
  swarm 1 swarm init --advertise-addr 10.99.0.11 >/dev/null
  local token
  token=$(swarm 1 swarm join-token -q manager)
  for n in 2 3; do swarm "$n" swarm join --advertise-addr "10.99.0.1$n" --token "$token" 10.99.0.11:2377 >/dev/null; done
  for n in 1 2 3; do swarm "$n" pull -q "$registry/busybox:1" >/dev/null; done
}

stop_swarm() {
  local n
  for n in 1 2 3; do
    [ -s "$dir/swarm$n/dockerd.pid" ] || continue
    local pid
    pid=$(cat "$dir/swarm$n/dockerd.pid")
    kill "$pid" 2>/dev/null || true
    until ! kill -0 "$pid" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$pid/stat" 2>/dev/null)" = Z ]; do sleep 0.1; done
    findmnt -rno TARGET | grep -F "$dir/swarm$n/" | sort -r | xargs -rn1 umount -l 2>/dev/null || true
  done
}

swarm_round() {
  local start
  start=$(ms)
  swarm 1 service create -d --name sleepers --replicas "$replicas" --stop-grace-period 1s "$registry/busybox:1" sleep 100000 >/dev/null
  until [ "$(swarm 1 service ps sleepers --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running')" -eq "$replicas" ]; do sleep 0.02; done
  echo $(($(ms) - start))
  swarm 1 service rm sleepers >/dev/null
  local n
  for n in 1 2 3; do until [ -z "$(swarm "$n" ps -aq)" ]; do sleep 0.1; done; done
}

orc_round() {
  local start
  start=$(ms)
  $lab orc "$dir" apply -f "$dir/sleepers.yaml" --settle 0ms >/dev/null
  echo $(($(ms) - start))
  $lab orc "$dir" stack rm sleepers >/dev/null
  until [ "$($lab orc "$dir" ps sleepers -o json | grep -c '"slot"')" -eq 0 ]; do sleep 0.1; done
}

median() { tr ' ' '\n' <<<"$*" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

$lab down "$dir"
trap 'stop_swarm; $lab down "$dir"' EXIT
$lab up "$dir" 3 3
$lab push "$dir" busybox:1 .cache/images/busybox.tar --cmd sh
cat >"$dir/sleepers.yaml" <<EOF
name: sleepers
services:
  sleepers:
    image: $registry/busybox:1
    command: sleep 100000
    stop_grace_period: 1s
    deploy: {replicas: $replicas}
EOF
start_swarm
orc_round >/dev/null # the image is present afterwards, as it is for Swarm
swarm_times=() orc_times=()
for round in $(seq "$rounds"); do
  swarm_times+=("$(swarm_round)")
  orc_times+=("$(orc_round)")
  echo "round $round: Swarm ${swarm_times[-1]} ms, Orchestrator ${orc_times[-1]} ms"
done
theirs=$(median "${swarm_times[@]}") ours=$(median "${orc_times[@]}")
echo "$replicas replicas on 3 nodes, median of $rounds: Docker Swarm $(docker -v | awk '{print $3}' | tr -d ,) client, $(dockerd -v | awk '{print $3}' | tr -d ,) engine: $theirs ms; Orchestrator: $ours ms; ratio $(awk "BEGIN { printf \"%.1f\", $theirs / $ours }")"
