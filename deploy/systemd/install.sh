#!/bin/sh
# Installs tokenward as a systemd service, upgrades it, or takes it away again. Run it in an unpacked package or a clone
# that is built:  sudo deploy/systemd/install.sh [install|uninstall|purge] [--socket]
#   install    the program to /usr/lib/tokenward, the unit, and a first configuration if there is none. Run it
#              again to upgrade: configuration, secrets and tokens stay.
#   --socket   also tokenward.socket: restarts refuse no connection.
#   uninstall  all of it but configuration, secrets and tokens
#   purge      these too
# DESTDIR: a root other than /, where nothing is started.
set -eu

root=${DESTDIR:-}
source=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
action=install
socket=no
for word in "$@"; do
  case $word in
    install | uninstall | purge) action=$word ;;
    --socket) socket=yes ;;
    -h | --help) sed -n '2,/^set -eu$/{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
    *) echo "install.sh: unknown argument: $word (--help)" >&2; exit 2 ;;
  esac
done

program=$root/usr/lib/tokenward
command=$root/usr/bin/tokenward
units=$root/etc/systemd/system
settings=$root/etc/tokenward
# The manager of the running system, never another root's.
manager() { [ -n "$root" ] || systemctl "$@"; }
say() { echo "install.sh: $*"; }
fail() { echo "install.sh: $*" >&2; exit 1; }

install_it() {
  [ -f "$source/dist/main.js" ] || fail "no dist/main.js in $source: run npm ci && npm run build"
  [ -d "$source/node_modules" ] || fail "no node_modules in $source: run npm ci --omit=dev --ignore-scripts"
  node=$(command -v node) || fail 'node is not installed: tokenward needs Node 20.19 or newer'
  "$node" "$source/bin/tokenward.cjs" --version >/dev/null || fail "$node cannot run tokenward"
  case $node in /home/* | /root/*) say "warning: $node is in a home directory, which the unit cannot see" ;; esac

  # Beside it first, then in its place at once: a program that is half there is never started.
  mkdir -p "$root/usr/lib" "$root/usr/bin" "$units"
  rm -rf "$program.new" "$program.old"
  mkdir "$program.new"
  for part in bin dist flows node_modules package.json proxy.config.yaml LICENSE NOTICE; do
    [ ! -e "$source/$part" ] || cp -R "$source/$part" "$program.new/"
  done
  chmod -R u=rwX,go=rX "$program.new"
  [ ! -d "$program" ] || mv "$program" "$program.old"
  mv "$program.new" "$program"
  rm -rf "$program.old"
  ln -sf ../lib/tokenward/bin/tokenward.cjs "$command"
  chmod 0755 "$program/bin/tokenward.cjs"

  unit tokenward.service
  [ "$socket" = no ] || unit tokenward.socket
  mkdir -p "$settings/credentials"
  chmod 0700 "$settings/credentials"
  if [ ! -e "$settings/proxy.config.yaml" ]; then
    sample > "$settings/proxy.config.yaml"
    chmod 0644 "$settings/proxy.config.yaml"
    say "wrote $settings/proxy.config.yaml: fill it in"
  fi
  if [ ! -e "$settings/tokenward.env" ]; then
    (umask 077 && printf '# Variables for ${NAME} in the configuration.\n' > "$settings/tokenward.env")
  fi
  manager daemon-reload
  say "installed $("$node" "$program/bin/tokenward.cjs" --version). Next:"
  say '  tokenward check -c /etc/tokenward/proxy.config.yaml'
  [ "$socket" = no ] || say '  systemctl enable --now tokenward.socket'
  say '  systemctl enable --now tokenward      (after an upgrade: systemctl restart tokenward)'
}

# A unit file, with the path of the Node that is here.
unit() {
  sed "s|/usr/bin/node|$node|" "$source/deploy/systemd/$1" > "$units/$1.new"
  chmod 0644 "$units/$1.new"
  mv "$units/$1.new" "$units/$1"
}

sample() {
  cat <<'SAMPLE'
# Everything: /usr/lib/tokenward/proxy.config.yaml. After a change: tokenward check -c FILE, systemctl reload tokenward
listen: { host: 127.0.0.1, port: 8080 }
operator: { host: 127.0.0.1, port: 9090 }
store: { type: embedded, path: /var/lib/tokenward/store }
accounts:
  crm:
    flow: chatapp
    credentials: { email: "${CHATAPP_EMAIL}", password: "${CHATAPP_PASSWORD}", appId: "${CHATAPP_APP_ID}" }
routes:
  - { prefix: /crm, upstream: "https://api.chatapp.online", account: crm }
SAMPLE
}

uninstall_it() {
  for one in tokenward.socket tokenward.service; do
    [ ! -e "$units/$one" ] || manager disable --now "$one" || say "warning: $one could not be stopped"
  done
  rm -f "$units/tokenward.service" "$units/tokenward.socket" "$command"
  rm -rf "$program" "$program.new" "$program.old"
  manager daemon-reload
}

case $action in
  install) install_it ;;
  uninstall)
    uninstall_it
    say "removed. Configuration and secrets stay in $settings, tokens in $root/var/lib/tokenward"
    ;;
  purge)
    uninstall_it
    # With DynamicUser the state is a link into private.
    rm -rf "$settings" "$units/tokenward.service.d" "$root/var/lib/tokenward" "$root/var/lib/private/tokenward"
    say 'removed, with configuration, secrets and tokens'
    ;;
esac
