#!/usr/bin/env bash
# Makes the root file systems of the demo's and the tests' images from Debian itself, once: .cache/images/NAME.tar.
#   scripts/images.sh busybox|hits|redis ...
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.cache/images
mkdir -p "$cache"

make_busybox() {
  local tree
  tree=$(mktemp -d)
  mkdir -p "$tree"/{bin,etc,tmp,var,proc,sys,dev,root}
  chmod 1777 "$tree/tmp"
  cp "$(type -P busybox)" "$tree/bin/busybox"
  local applet
  for applet in $("$tree/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/:/bin/sh\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nwww:x:33:\n' >"$tree/etc/group"
  tar -C "$tree" -cf "$1" .
  rm -rf "$tree"
}

debian() { # FILE PACKAGES [HOOK...]
  local file=$1 include=$2
  shift 2
  mmdebstrap --quiet --variant=minbase --include="$include" --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' "$@" bookworm "$file"
}

make_hits() { debian "$1" python3-flask,python3-redis --customize-hook="mkdir -p \"\$1/app\"" --customize-hook="copy-in $root/manifests/hits/app.py /app"; }
make_redis() { debian "$1" redis-server; }

for name in "$@"; do
  [ -s "$cache/$name.tar" ] && [ "$cache/$name.tar" -nt "$0" ] && continue
  echo "making image $name (once, cached in .cache/images)"
  "make_$name" "$cache/$name.tar.new.tar"
  mv "$cache/$name.tar.new.tar" "$cache/$name.tar"
done
