# What only the tests of `./dev test` need: what the examples for services upstream are built with, a newer librdkafka,
# AsyncAPI's validator, Grafana's types, and a server of Sentry's protocol. Each is pinned by files of the repository, and fetched
# anew when these change.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

# Command and Debian's package for it; one that is there already may come from elsewhere.
client_tools=(javac:openjdk-17-jdk-headless go:golang-go npm:npm)

client_tools_setup() { # COMMAND:PACKAGE...
  local tool missing=()
  for tool; do
    command -v "${tool%%:*}" >/dev/null || missing+=("${tool#*:}")
  done
  ((${#missing[@]} == 0)) || packages_add "${missing[@]}"
}

java_fetch() { # FOLDER
  mvn -B -ntp -Dstyle.color=never -f "$repo/docs/examples/java/pom.xml" dependency:copy-dependencies -Dlib="$1"
}

go_fetch() { # FOLDER
  cd "$repo/docs/examples/go" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -o "$1/publish" .
}

npm_fetch() { # FOLDER PACKAGE-FILES
  cp "$2"/package*.json "$1" && cd "$1" && npm ci --ignore-scripts --no-audit --no-fund
}

node_fetch() { npm_fetch "$1" "$repo/tests/it/asyncapi"; }

grafana_fetch() { npm_fetch "$1" "$repo/tests/it/grafana"; }

librdkafka_fetch() { # FOLDER
  /usr/bin/python3 -m pip install --no-deps --require-hashes --no-compile --root-user-action=ignore \
    --disable-pip-version-check --target "$1/python" -r "$repo/tests/it/librdkafka.txt"
}

# With a database that has one project: making it takes longer than all that is done with it.
bugsink_fetch() { # FOLDER
  /usr/bin/python3 -m pip install --no-deps --require-hashes --no-compile --root-user-action=ignore \
    --disable-pip-version-check --target "$1/python" -r "$repo/tests/it/bugsink/requirements.txt" &&
    bugsink_manage "$1" migrate --verbosity 0 &&
    bugsink_manage "$1" shell --command 'from projects.models import Project
Project.objects.create(name="outbound", slug="outbound", sentry_key="0f0e0d0c-0b0a-0908-0706-050403020100")'
}

bugsink_manage() { # FOLDER COMMAND...
  local folder=$1
  shift
  BUGSINK_FOLDER=$folder PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$folder/python:$repo/tests/it/bugsink" \
    /usr/bin/python3 -m bugsink.scripts.manage "$@"
}

client_fill() { # FOLDER COMMAND SUM
  rm -rf "$1.new" "$1" && mkdir -p "$1.new" && "$2" "$1.new" && echo "$3" >"$1.new/sha256" && mv "$1.new" "$1"
}

client() { # NAME LABEL FILE...
  local name=$1 label=$2 sum
  shift 2
  sum=$(cat "$@" | sha256sum)
  [[ $(cat "$dot/clients/$name/sha256" 2>/dev/null) == "$sum" ]] ||
    step "$dot/clients-$name.log" "$label" client_fill "$dot/clients/$name" "${name}_fetch" "$sum"
}

clients_setup() {
  client_tools_setup "${client_tools[@]}"
  client java "fetching the Java example's jars with Maven" "$repo/docs/examples/java/pom.xml"
  client go "building the Go example" "$repo"/docs/examples/go/*
  client librdkafka "fetching a newer librdkafka with pip" "$repo/tests/it/librdkafka.txt"
  client bugsink "fetching Bugsink with pip" "$repo"/tests/it/bugsink/*
  client node "fetching AsyncAPI's validator with npm" "$repo"/tests/it/asyncapi/package*.json
  client grafana "fetching Grafana's types with npm" "$repo"/tests/it/grafana/package*.json
}

toxiproxy_fetch() { # FOLDER
  cd "$repo/tests/faults/toxiproxy" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -o "$1/toxiproxy-server" \
    github.com/Shopify/toxiproxy/v2/cmd/server
}

peer_fetch() { # FOLDER
  mvn -B -ntp -Dstyle.color=never -f "$repo/tests/bench/peer/pom.xml" dependency:copy-dependencies -Dlib="$1"
}

# What only the benchmarks need: a provider that costs nothing, and the peer that senders are compared with.
bench_setup() {
  client_tools_setup javac:openjdk-17-jdk-headless /usr/sbin/nginx:nginx-light
  client peer "fetching the benchmarks' peer with Maven" "$repo/tests/bench/peer/pom.xml"
}

# What only the faults of the network need.
toxiproxy_setup() {
  client_tools_setup go:golang-go
  client toxiproxy "building Toxiproxy" "$repo"/tests/faults/toxiproxy/go.*
}
