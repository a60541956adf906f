#!/usr/bin/env bash
# One machine with `orcd dev`, in a network namespace of its own, beside a namespace that is the outside; for the suite Orchestrator.Machine and trying things.
#
#   machine.sh up DIR                 make both, a registry with busybox:1, and start orcd dev
#   machine.sh start DIR              start orcd dev (again)
#   machine.sh kill DIR | stop DIR    kill -9 it, or SIGTERM and wait for its end; containers go on
#   machine.sh crash DIR              all of it is gone at once, as after a power loss: orcd, containers, their groups; mounts and records stay
#   machine.sh orc DIR ARGS...        the CLI, on the machine
#   machine.sh outside DIR CMD...     a command in the network of the outside
#   machine.sh inside DIR CMD...      a command in the network of the machine
#   machine.sh down DIR               end and remove everything
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${ORC_BIN:-$root/out/bin}
verb=${1:?usage: machine.sh VERB DIR ...; see the head of this file}
dir=${2:?machine.sh $verb: a directory is needed}
shift 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
registry=127.0.0.1:5000

name() { cat "$dir/name"; }
within() { local where=$1; shift; exec nsenter --net="/run/netns/$(name)-$where" -- "$@"; }
run_in() { (within "$@"); }
export ORC_ENGINE=$dir/run/engine.sock ORC_CONTEXT=$dir/data/admin.json

await() { # SECONDS WHAT CMD...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$dir/await.log" 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "machine: gave up waiting for $what" >&2; tail -5 "$dir/await.log" "$dir/orcd.log" >&2; return 1; }
    sleep 0.05
  done
}

spawn() { # NAME CMD...
  local file=$1
  shift
  setsid nsenter --net="/run/netns/$(name)-inside" -- "$@" </dev/null >>"$dir/$file.log" 2>&1 &
  echo $! >"$dir/$file.pid"
  disown
}

make_network() {
  echo "om$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')" >"$dir/name"
  ip netns add "$(name)-inside"
  ip netns add "$(name)-outside"
  run_in inside ip link set lo up
  run_in outside ip link set lo up
  run_in inside ip link add eth0 type veth peer name eth0 netns "$(name)-outside"
  run_in inside ip addr add 10.97.0.1/24 dev eth0
  run_in inside ip link set eth0 up
  run_in outside ip addr add 10.97.0.2/24 dev eth0
  run_in outside ip link set eth0 up
}

start_registry() {
  cat >"$dir/registry.yml" <<EOF
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $dir/registry}, delete: {enabled: true}}
http: {addr: $registry}
EOF
  spawn registry docker-registry serve "$dir/registry.yml"
  await 10 "the registry" run_in inside curl -sf "http://$registry/v2/"
  run_in inside "$bin/orc" image import "$root/.cache/images/busybox.tar" "$registry/busybox:1" --cmd sh >/dev/null
}

start() {
  rm -f "$ORC_ENGINE"
  spawn orcd "$bin/orcd" dev --data-dir "$dir/data" --run-dir "$dir/run" --cgroup-parent "$(name)"
  await 30 "orcd dev" run_in inside "$bin/orc" container ls
}

gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
end() { # NAME SIGNAL
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null || true)
  [ -n "$pid" ] || return 0
  kill "-$2" "$pid" 2>/dev/null || true
  await 20 "$1 to end" gone "$pid"
  rm -f "$dir/$1.pid"
}

# What holds containers carries the directory in its command line; their processes sit in the machine's groups.
kill_all() {
  local round
  for round in 1 2 3; do
    pkill -9 -f -- "orc-runtime.*$dir/" || true
    find /sys/fs/cgroup -path "*/$(name)/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null || true
  done
}

down() {
  [ -e "$dir/name" ] || return 0
  end orcd KILL
  end registry KILL
  kill_all
  findmnt -rno TARGET 2>/dev/null | grep -F "$dir/" | sort -r | xargs -rn1 umount -l 2>/dev/null || true
  local round
  for round in $(seq 20); do
    find /sys/fs/cgroup -depth -type d \( -path "*/$(name)/*" -o -path "*/$(name)" \) -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -type d -name "$(name)" -print -quit 2>/dev/null)" ] || break
    sleep 0.1
  done
  ip netns del "$(name)-inside" 2>/dev/null || true
  ip netns del "$(name)-outside" 2>/dev/null || true
  rm -rf "$dir"
}

case $verb in
  up) make_network; start_registry; start ;;
  start) start ;;
  kill) end orcd KILL ;;
  stop) end orcd TERM ;;
  crash) end orcd KILL; kill_all ;;
  orc) within inside "$bin/orc" "$@" ;;
  inside) within inside "$@" ;;
  outside) within outside "$@" ;;
  down) down ;;
  *) echo "machine.sh: unknown verb $verb" >&2; exit 2 ;;
esac
