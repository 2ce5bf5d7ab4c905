#!/bin/sh
# Upgrades what deploy/compose.yaml runs, or takes a changed configuration, without an interruption: migration, then one server after
# the other, then workers. Each server is taken out of nginx before it is stopped, and is ready before nginx has it back. After a
# failure the rest is as it was: correct it, and run this again.
#
#   deploy/upgrade.sh            builds the images of this clone
#   deploy/upgrade.sh --no-build with images that are there
set -eu
cd "$(dirname "$0")"

# What runs on a connection may end: longer than most requests take, shorter than people wait.
PAUSE_SECS=${KEYVEIL_UPGRADE_PAUSE_SECS:-10}
SERVERS=nginx/servers.conf

kv() {
  docker compose -f compose.yaml --env-file .env "$@"
}

# Of a server: "down", or its two settings.
set_server() {
  sed "s/^server $1:8080 .*/server $1:8080 $2;/" "$SERVERS" > "$SERVERS.new"
  mv "$SERVERS.new" "$SERVERS"
  kv exec -T nginx nginx -t -q
  kv exec -T nginx nginx -s reload
}

[ "${1:-}" = --no-build ] || kv build
echo "migrating"
kv run --rm --no-deps prepare
for server in server-1 server-2; do
  echo "$server"
  set_server "$server" "down"
  sleep "$PAUSE_SECS"
  kv up -d --no-deps --wait "$server"
  set_server "$server" "max_fails=1 fail_timeout=2s"
  # Those that waited for it come back to it before the other goes.
  sleep 2
done
echo "workers"
kv up -d --no-deps worker
