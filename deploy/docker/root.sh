#!/bin/sh
# Puts together the root file system of the image: Node, the shared libraries that it and the native addons load, and
# nothing else, so no shell and no setuid program. Called by the Dockerfile, and by a test on a Debian host.
#   root.sh NODE ADDONS TARGET     ADDONS: a folder that is searched for *.node
set -eu
node=$1 addons=$2 target=$3

mkdir -p "$target/usr/local/bin" "$target/usr/lib64" "$target/etc/tokenward" "$target/var/lib/dpkg/status.d"
ln -s usr/lib "$target/lib"
ln -s usr/lib64 "$target/lib64"
cp "$node" "$target/usr/local/bin/node"
chmod 0755 "$target/usr/local/bin/node"

# ldd prints "name => path (address)", and for the loader "path (address)".
libraries=$({ echo "$node"; find "$addons" -name '*.node'; } | while read -r program; do ldd "$program"; done |
  sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u)
for library in $libraries; do
  # /lib and /usr/lib are one folder.
  at=$target/usr${library#/usr}
  mkdir -p "$(dirname "$at")"
  cp -L "$library" "$at"
  chmod 0644 "$at"
  file=$(readlink -f "$library")
  owner=$({ dpkg -S "$file" || dpkg -S "${file#/usr}" || dpkg -S "$library"; } 2>/dev/null | head -n 1)
  package=${owner%%:*}
  [ -n "$package" ] || { echo "root.sh: no package owns $library" >&2; exit 1; }
  # Where scanners look for packages of an image without dpkg. Their licences go with them.
  dpkg-query -s "$package" > "$target/var/lib/dpkg/status.d/$package"
  mkdir -p "$target/usr/share/doc/$package"
  cp -L "/usr/share/doc/$package/copyright" "$target/usr/share/doc/$package/copyright"
done
# The loader is a program.
find "$target/usr/" -name 'ld-linux*' -exec chmod 0755 {} +

cp -L /etc/os-release "$target/etc/os-release"
echo 'hosts: files dns' > "$target/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/sbin/nologin\ntokenward:x:10001:10001:tokenward:/data:/sbin/nologin\n' > "$target/etc/passwd"
printf 'root:x:0:\ntokenward:x:10001:\n' > "$target/etc/group"
