# What `./dev` needs before a server can start: Debian's packages, Kafka's jars, the schema registry if it is wanted,
# Python's packages, the executable.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

packages=(
  # the program
  build-essential clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 cppcheck valgrind libc6-dbg ccache cmake ninja-build pkg-config
  libuv1-dev librdkafka-dev libpq-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev
  libjansson-dev libyaml-dev libxml2-dev zlib1g-dev libavro-dev uthash-dev libcriterion-dev
  # its servers
  postgresql-15 openjdk-17-jre-headless maven prometheus prometheus-alertmanager
  # the tests and this script
  python3 python3-pytest python3-psycopg2 python3-requests python3-confluent-kafka python3-avro
  python3-aiosmtpd python3-yaml python3-protobuf
  python3-pip python3-boto3 python3-cryptography python3-flask python3-flask-cors python3-responses python3-xmltodict
  libfaketime
  ca-certificates openssl curl jq kcat wrk procps iproute2
)

kafka_pom=$repo/compose/kafka/pom.xml
kafka_home=$dot/kafka-$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$kafka_pom")
registry_pom=$repo/compose/registry/pom.xml
registry_home=$dot/apicurio-$(sed -n 's|.*<apicurio.version>\(.*\)</apicurio.version>.*|\1|p' "$registry_pom")
python_requirements=$repo/tests/it/requirements.txt
python_packages=$dot/python

as_root() { if ((EUID)); then sudo "$@"; else "$@"; fi; }

packages_missing() {
  comm -23 <(printf '%s\n' "${packages[@]}" | sort) <(
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
      sed -n 's/^installed //p' | sort -u
  )
}

packages_install() { # PACKAGE...
  # Only our own servers are wanted. The package postgresql-15 would make a cluster and start it with the machine;
  # Prometheus, Alertmanager and nginx would be started at once, and with the machine.
  local conf=/etc/postgresql-common/createcluster.d/outbound-dev.conf policy=/usr/sbin/policy-rc.d ours='' package rc=0
  [[ -e $policy ]] || ours=yes
  as_root mkdir -p "${conf%/*}" &&
    echo 'create_main_cluster = false' | as_root tee "$conf" &&
    { [[ -z $ours ]] || policy_write "$policy"; } &&
    as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
      -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" || rc=$?
  as_root rm -f "$conf" ${ours:+"$policy"}
  for package; do
    if ((rc == 0)) && [[ $package == @(prometheus*|nginx*) ]]; then as_root update-rc.d "${package%-light}" disable || rc=$?; fi
  done
  return $rc
}

policy_write() { # FILE: Debian's packages ask it whether a service may start; 101 is no
  printf '%s\n' '#!/bin/sh' "case \$1 in prometheus* | nginx*) exit 101 ;; esac" | as_root tee "$1" && as_root chmod 755 "$1"
}

kafka_fetch() {
  rm -rf "$kafka_home.new" &&
    mvn -B -ntp -Dstyle.color=never -f "$kafka_pom" dependency:copy-dependencies \
      -DoutputDirectory="$kafka_home.new/lib" &&
    sha256sum <"$kafka_pom" >"$kafka_home.new/pom.sha256" &&
    rm -rf "$kafka_home" &&
    mv "$kafka_home.new" "$kafka_home"
}

registry_fetch() {
  rm -rf "$registry_home.new" &&
    mvn -B -C -ntp -Dstyle.color=never -f "$registry_pom" dependency:unpack \
      -DoutputDirectory="$registry_home.new" -Dmarkers="$registry_home.new/unpacked" &&
    sha256sum <"$registry_pom" >"$registry_home.new/pom.sha256" &&
    rm -rf "$registry_home" &&
    mv "$registry_home.new" "$registry_home"
}

python_fetch() {
  rm -rf "$python_packages.new" &&
    /usr/bin/python3 -m pip install --no-deps --require-hashes --no-compile --root-user-action=ignore \
      --disable-pip-version-check --target "$python_packages.new" -r "$python_requirements" &&
    sha256sum <"$python_requirements" >"$python_packages.new/requirements.sha256" &&
    rm -rf "$python_packages" &&
    mv "$python_packages.new" "$python_packages"
}

packages_add() { # PACKAGE...
  ((EUID == 0)) || command -v sudo >/dev/null || die "there is no sudo here; as root, run: apt-get install $*"
  step "$dot/apt.log" "installing $# Debian packages" packages_install "$@"
}

setup() {
  local missing
  mapfile -t missing < <(packages_missing)
  ((${#missing[@]} == 0)) || packages_add "${missing[@]}"
  sha256sum --check --status "$kafka_home/pom.sha256" <"$kafka_pom" 2>/dev/null ||
    step "$dot/maven.log" "fetching ${kafka_home##*/} with Maven" kafka_fetch
  if [[ -n ${registry_wanted:-} ]]; then # 100 MB that not everybody needs
    sha256sum --check --status "$registry_home/pom.sha256" <"$registry_pom" 2>/dev/null ||
      step "$dot/registry.log" "fetching ${registry_home##*/} with Maven" registry_fetch
  fi
  sha256sum --check --status "$python_packages/requirements.sha256" <"$python_requirements" 2>/dev/null ||
    step "$dot/pip.log" "fetching Python packages with pip" python_fetch
}

build() { # PRESET
  mkdir -p "$repo/build"
  cmake --preset "$1" >"$dot/cmake-$1.log" 2>&1 || fail_with "$dot/cmake-$1.log" "cmake --preset $1 failed"
  cmake --build --preset "$1"
}

build_quietly() { step "$dot/build-$1.log" "building build/$1" build "$1"; }

# All that comes before a start, one ./dev at a time: instances share packages, jars and build folders.
prepare() { # BUILD-COMMAND PRESET...
  local build=$1 preset
  shift
  mkdir -p "$dot"
  (
    flock -n 7 || { say "waiting for another ./dev to build"; flock 7; }
    setup
    [[ -z ${clients_wanted:-} ]] || clients_setup
    [[ -z ${faults_wanted:-} ]] || toxiproxy_setup
    [[ -z ${bench_wanted:-} ]] || bench_setup
    cd "$repo" || exit
    for preset; do "$build" "$preset"; done
  ) 7>"$dot/prepare.lock"
}
