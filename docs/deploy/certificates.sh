#!/bin/sh
# Make, once, what the broker and its clients need: an authority, a server certificate, passwords of all users.
#   certificates.sh FOLDER BROKER-NAME USER...
# A hospital has its own authority: put its files here instead. Passwords are random; FOLDER/USER.password holds each.
set -eu
umask 077
folder=$1 name=$2
shift 2
mkdir -p "$folder"
cd "$folder"
if [ -e done ]; then
    exit 0
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem \
    -subj "/CN=ecg-stream demonstration" -days 3650 2> /dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr \
    -subj "/CN=$name" 2> /dev/null
printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\n' "$name" > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -extfile names -out server.pem \
    2> /dev/null
: > users
for user in "$@"; do
    openssl rand -hex 24 > "$user.password"
    # As mosquitto_passwd writes it: $7$ITERATIONS$SALT$PBKDF2-SHA512.
    python3 - "$user" "$user.password" >> users << 'PYTHON'
import base64, hashlib, secrets, sys

user, file = sys.argv[1:]
salt = secrets.token_bytes(12)
digest = hashlib.pbkdf2_hmac("sha512", open(file).read().strip().encode(), salt, 101)
print(f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}")
PYTHON
done
rm -f server.csr names ca.srl
chmod 0755 .
chmod 0644 ca.pem server.pem
if [ "$(id -u)" = 0 ]; then
    chown 1883:1883 server.key users # Mosquitto's user in its image
    chown 10001:10001 ./*.password   # ours
fi
touch done
