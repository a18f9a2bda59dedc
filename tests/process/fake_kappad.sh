#!/bin/sh
# Stands in for kappad: writes the address file, waits for SIGTERM.
# `--fail` makes it end at once, `--mute` makes it never serve.
listen=127.0.0.1:0
while [ $# -gt 0 ]; do
  case "$1" in
    --data-dir) dir=$2; shift ;;
    --listen) listen=$2; shift ;;
    --fail) echo "refusing: $GREETING"; exit 7 ;;
    --mute) mute=1 ;;
  esac
  shift
done
[ "$listen" = 127.0.0.1:0 ] && listen=127.0.0.1:4242
trap 'rm -f "$dir/address"; exit 0' TERM
if [ -z "$mute" ]; then
  echo "$listen" > "$dir/address.new"
  mv "$dir/address.new" "$dir/address"
fi
# A pipe that nobody writes to: wait until a signal comes.
mkfifo "$dir/never" 2> /dev/null
while true; do
  cat "$dir/never" &
  reader=$!
  trap 'rm -f "$dir/address"; kill $reader; exit 0' TERM
  wait $reader
done
