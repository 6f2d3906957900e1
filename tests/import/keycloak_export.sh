#!/usr/bin/env bash
# Makes keycloak-export.json with Keycloak itself (24.0.5 needs Java 17; as the newest does, it hashes by
# PBKDF2 with SHA-512):
#   tests/import/keycloak_export.sh FOLDER      the unpacked distribution
# Ids and salts are random, so every run writes another file. What has nothing to do with people (the keys of
# the realm, its clients and flows) is left out of it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
password="correct horse 마패"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

KEYCLOAK_ADMIN=admin KEYCLOAK_ADMIN_PASSWORD=admin bin/kc.sh start-dev --http-host 127.0.0.1 --http-port 18080 >"$work/log" &
server=$!
admin() {
    local verb=$1
    shift
    bin/kcadm.sh "$verb" "$@" --config "$work/config"
}
until admin config credentials --server http://127.0.0.1:18080 --realm master --user admin --password admin 2>/dev/null; do
    kill -0 "$server"
    sleep 2
done
admin create realms -s realm=shop -s enabled=true
admin get users/profile -r shop >"$work/profile"
python3 -c 'import json, sys
profile = json.load(open(sys.argv[1]))
profile["unmanagedAttributePolicy"] = "ENABLED"
json.dump(profile, open(sys.argv[1], "w"))' "$work/profile"
admin update users/profile -r shop -f "$work/profile"
admin create groups -r shop -s name=staff
admin create identity-provider/instances -r shop -s alias=google -s providerId=google -s enabled=true \
    -s 'config={"clientId":"c","clientSecret":"s"}'
admin create users -r shop -s username=nari -s enabled=true -s email=nari@example.com -s emailVerified=true \
    -s firstName=Nari -s lastName=Park -s 'attributes={"department":["books"]}' -s 'groups=["/staff"]'
admin set-password -r shop --username nari --new-password "$password"
admin create users -r shop -s username=gaon -s enabled=true -s email=gaon@example.com
admin set-password -r shop --username gaon --new-password "$password" --temporary
admin create users -r shop -s username=dain -s enabled=false -s email=dain@example.com -s emailVerified=true
dain=$(admin get users -r shop -q username=dain --fields id --format csv --noquotes)
admin create "users/$dain/federated-identity/google" -r shop -s identityProvider=google -s userId=117 \
    -s userName=dain@example.com
kill "$server"
wait "$server" || true
bin/kc.sh export --file "$work/shop.json" --realm shop --users same_file
python3 -c 'import json, sys
realm = json.load(open(sys.argv[1]))
for name in ["components", "clients", "clientScopes", "authenticationFlows", "authenticatorConfig", "requiredActions",
             "scopeMappings", "clientScopeMappings", "clientPolicies", "clientProfiles", "attributes", "smtpServer"]:
    realm.pop(name, None)
with open(sys.argv[2], "w") as file:
    json.dump(realm, file, indent=2, ensure_ascii=False)
    file.write("\n")' "$work/shop.json" "$here/keycloak-export.json"
