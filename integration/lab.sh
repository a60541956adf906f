#!/usr/bin/env bash
# A cluster of real programs on several hosts, each a network namespace on this machine; for the demo, the integration suite and trying things.
# Nothing of it is seen from outside: the hosts hang on a switch in a namespace of its own, where also the CLI and the image registry run.
#
#   lab.sh up DIR [SERVERS] [AGENTS]     make the hosts, start everything, wait until all are members (3 and 3)
#   lab.sh net DIR [SERVERS] [AGENTS]    make only the hosts and the registry
#   lab.sh start DIR HOST                start the program of server1, agent2, ... (again)
#   lab.sh kill DIR HOST                 kill -9 its orcd; containers stay
#   lab.sh stop DIR HOST                 SIGTERM its orcd and wait for its end
#   lab.sh power-off DIR HOST            the machine is gone: orcd, containers and network at once
#   lab.sh cut DIR HOST | heal DIR HOST  pull and plug its network cable
#   lab.sh orc DIR ARGS...               the CLI, from outside the hosts
#   lab.sh run DIR HOST|client CMD...    a command in the network of a host, or of the outside
#   lab.sh push DIR NAME TAR ARGS...     import a root file system into the lab's registry as NAME
#   lab.sh pid DIR HOST                  pid of its orcd
#   lab.sh down DIR                      end and remove everything
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${ORC_BIN:-$root/out/bin}
verb=${1:?usage: lab.sh VERB DIR ...; see the head of this file}
dir=${2:?lab.sh $verb: a directory is needed}
shift 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
registry=10.99.0.254:5000

prefix() { cat "$dir/prefix"; }
netns() { echo "/run/netns/$(prefix)-$1"; }
within() { local host=$1; shift; nsenter --net="$(netns "$host")" -- "$@"; }
orc() { ORC_CONTEXT=$dir/admin.json within client "$bin/orc" "$@"; }
pidfile() { echo "$dir/$1/pid"; }
pid_of() { cat "$(pidfile "$1")" 2>/dev/null || true; }
hosts() { find "$dir" -mindepth 2 -maxdepth 2 -name address -printf '%h\n' | xargs -rn1 basename | sort; }

# A port of the bridge for each host: agentN is 10.99.0.(10+N), serverN is 10.99.0.N.
address() { case $1 in server*) echo "10.99.0.${1#server}" ;; agent*) echo "10.99.0.$((10 + ${1#agent}))" ;; esac; }

# Until a command succeeds; its last words when it does not.
await() { # SECONDS WHAT CMD...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$dir/await.log" 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "lab: gave up waiting for $what" >&2
      tail -5 "$dir/await.log" >&2
      return 1
    fi
    sleep 0.05
  done
}

make_network() { # SERVERS AGENTS
  echo "ol$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')" >"$dir/prefix"
  ip netns add "$(prefix)-client"
  within client ip link add sw type bridge
  within client ip link set lo up
  within client ip link set sw up
  within client ip addr add 10.99.0.254/24 dev sw
  local host
  for host in $(seq -f 'server%g' 1 "$1") $(seq -f 'agent%g' 1 "$2"); do make_host "$host"; done
  start_registry
}

make_host() {
  local host=$1
  mkdir -p "$dir/$host"
  address "$host" >"$dir/$host/address"
  ip netns add "$(prefix)-$host"
  within client ip link add "p-$host" type veth peer name eth0 netns "$(prefix)-$host"
  within client ip link set "p-$host" master sw up
  within "$host" ip link set lo up
  within "$host" ip addr add "$(address "$host")/24" dev eth0
  within "$host" ip link set eth0 up
  within "$host" ip route add default via 10.99.0.254
}

start_registry() {
  mkdir -p "$dir/registry"
  cat >"$dir/registry/config.yml" <<EOF
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $dir/registry/data}, delete: {enabled: true}}
http: {addr: $registry}
EOF
  spawn registry client docker-registry serve "$dir/registry/config.yml"
  await 10 "the registry" within client curl -sf "http://$registry/v2/"
}

# In a session of its own, so that a Ctrl-C for the lab's user does not reach it; its pid is the program's own.
spawn() { # NAME HOST CMD...
  local name=$1 host=$2
  shift 2
  setsid nsenter --net="$(netns "$host")" -- "$@" </dev/null >>"$dir/$name/log" 2>&1 9>&- &
  echo $! >"$(pidfile "$name")"
  disown
}

start() {
  local host=$1 join=() settings=()
  read -ra settings <<<"${ORC_LAB_FLAGS:-}"
  case $host in
    server1) ;;
    server*) join=(--join 10.99.0.1:4600 --token "$(token server)") ;;
    agent*) join=(--join "$(seq -s, -f '10.99.0.%g:4600' 1 "$(ls -d "$dir"/server* | wc -l)")" --token "$(token agent)" --run-dir "$dir/$host/run" --cgroup-parent "$(prefix)-$host") ;;
  esac
  [ -e "$dir/$host/data/joined" ] && case $host in server*) join=() ;; esac
  spawn "$host" "$host" "$bin/orcd" "${host%%[0-9]*}" --data-dir "$dir/$host/data" --hostname "$host" --advertise "$(address "$host")" \
    --insecure-registry "$registry" "${join[@]}" "${settings[@]}"
}

token() { orc cluster info --tokens -o json | sed -n "s/.*\"${1}Token\": *\"\([^\"]*\)\".*/\1/p"; }
servers_are() { [ "$(orc cluster info -o json | grep -c '"raftAddress"')" -eq "$1" ]; }
nodes_ready_are() { [ "$(orc node ls -o json | grep -c 'NODE_READY')" -eq "$1" ]; }

up() { # SERVERS AGENTS
  local servers=$1 agents=$2 host
  make_network "$servers" "$agents"
  start server1
  await 20 "server1's cluster" test -s "$dir/server1/data/admin.json"
  cp "$dir/server1/data/admin.json" "$dir/admin.json"
  await 20 "server1 to answer" servers_are 1
  touch "$dir/server1/data/joined"
  for host in $(seq -f 'server%g' 2 "$servers"); do
    start "$host"
    await 30 "$host to join" servers_are "${host#server}"
    touch "$dir/$host/data/joined"
  done
  [ "$servers" -eq 1 ] || orc cluster context refresh >/dev/null 2>&1 || true
  for host in $(seq -f 'agent%g' 1 "$agents"); do start "$host"; done
  await 30 "$agents ready nodes" nodes_ready_are "$agents"
}

kill_orcd() { # HOST SIGNAL
  local pid
  pid=$(pid_of "$1")
  [ -n "$pid" ] && kill "-$2" "$pid" 2>/dev/null || return 0
  await 20 "$1 to end" gone "$pid"
  rm -f "$(pidfile "$1")"
}
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" = Z ]; }

# The keeper carries the host's directory in its command line; container processes sit in the host's cgroups.
kill_containers() {
  local host=$1 parent round
  parent=$(prefix)-$host
  for round in 1 2 3; do
    pkill -9 -f -- "$dir/$host/" || true
    find /sys/fs/cgroup -path "*/$parent/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null || true
  done
}

power_off() {
  cut_cable "$1" 2>/dev/null || true
  kill_orcd "$1" KILL
  kill_containers "$1"
}

cut_cable() { within client ip link set "p-$1" down; }
heal_cable() { within client ip link set "p-$1" up; }

clean_host() {
  local host=$1 round
  power_off "$host"
  findmnt -rno TARGET 2>/dev/null | grep -F "$dir/$host/" | sort -r | xargs -rn1 umount -l 2>/dev/null || true
  for round in $(seq 20); do
    find /sys/fs/cgroup -depth -type d \( -path "*/$(prefix)-$host/*" -o -path "*/$(prefix)-$host" \) -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -type d -name "$(prefix)-$host" -print -quit 2>/dev/null)" ] || break
    sleep 0.1
  done
  ip netns del "$(prefix)-$host" 2>/dev/null || true
}

down() {
  [ -e "$dir/prefix" ] || return 0
  local host
  for host in $(hosts); do clean_host "$host"; done
  kill_orcd registry KILL
  ip netns del "$(prefix)-client" 2>/dev/null || true
  rm -rf "$dir"
}

case $verb in
  up) up "${1:-3}" "${2:-3}" ;;
  net) make_network "${1:-3}" "${2:-3}" ;;
  start) start "$1" ;;
  kill) kill_orcd "$1" KILL ;;
  stop) kill_orcd "$1" TERM ;;
  power-off) power_off "$1" ;;
  cut) cut_cable "$1" ;;
  heal) heal_cable "$1" ;;
  orc) orc "$@" ;;
  run) within "$@" ;;
  push) within client "$bin/orc" image import "$2" "$registry/$1" --insecure-registry "$registry" "${@:3}" ;;
  pid) pid_of "$1" ;;
  down) down ;;
  *) echo "lab.sh: unknown verb $verb" >&2; exit 2 ;;
esac
