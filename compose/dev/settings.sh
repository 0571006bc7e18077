# The settings of an instance, and the file env in it that remembers them while it runs.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

names=() # all settings of the instance, in the order in which `./dev env` prints them

fixed() { # NAME VALUE
  names+=("$1")
  export "$1=$2"
}

default() { # NAME VALUE, unless the caller has set it
  if [[ -v $1 ]]; then fixed "$1" "${!1}"; else fixed "$1" "$2"; fi
}

settings() {
  state=$(realpath -m "${DEV_STATE:-$dot/main}")
  # The caller's shell took in the `./dev env` of another instance: nothing in it is about this one.
  if [[ -n ${STATE_DIR:-} && $STATE_DIR != "$state" ]]; then
    mapfile -t names < <(settings_fill 2>/dev/null && printf '%s\n' "${names[@]}")
    unset "${names[@]}"
  fi
  settings_fill
  export no_proxy=127.0.0.1,localhost${no_proxy:+,$no_proxy} # all of an instance is on this machine
}

settings_fill() {
  local offset=${DEV_PORT_OFFSET:-0}
  if any_running; then settings_recall; fi
  names=()
  fixed STATE_DIR "$state"
  fixed DEV_STATE "$state"
  default DEV_POSTGRES_PORT $((15432 + offset))
  default DEV_KAFKA_PORT $((19092 + offset))
  default DEV_KAFKA_CONTROLLER_PORT $((19093 + offset))
  default DEV_KAFKA_PROXIED_PORT $((19095 + offset))
  default DEV_KAFKA_PROXY_PORT $((19096 + offset))
  default DEV_REGISTRY_PORT $((18081 + offset))
  default DEV_PROMETHEUS_PORT $((19090 + offset))
  default DEV_ALERTMANAGER_PORT $((19094 + offset))
  default OUTBOUND_HTTP_PORT $((8080 + offset))
  default OUTBOUND_SANDBOX_PORT $((18090 + offset))
  default OUTBOUND_METRICS_PORT $((9464 + offset))
  default OUTBOUND_BIN "$repo/build/release/outbound"
  fixed API_URL "http://127.0.0.1:$OUTBOUND_HTTP_PORT"
  fixed SANDBOX_URL "http://127.0.0.1:$OUTBOUND_SANDBOX_PORT"
  fixed REGISTRY_URL "http://127.0.0.1:$DEV_REGISTRY_PORT/apis/ccompat/v7"
  fixed PROMETHEUS_URL "http://127.0.0.1:$DEV_PROMETHEUS_PORT"
  fixed ALERTMANAGER_URL "http://127.0.0.1:$DEV_ALERTMANAGER_PORT"
  default DATABASE_URL "postgresql://outbound:outbound@127.0.0.1:$DEV_POSTGRES_PORT/outbound"
  default KAFKA_BROKERS "127.0.0.1:$DEV_KAFKA_PORT"
  # The roles have a registry when the caller names one, or wants ours: ./dev up --registry.
  if [[ -v SCHEMA_REGISTRY_URL ]]; then fixed SCHEMA_REGISTRY_URL "$SCHEMA_REGISTRY_URL"; fi
  default OUTBOUND_SANDBOX_LOG "$state/sandbox-deliveries.jsonl"
  default OUTBOUND_EMAIL_FROM outbound@example.com
  default OUTBOUND_SMS_PROVIDER twilio
  default OUTBOUND_WHATSAPP_PROVIDER whatsapp
  default SENDGRID_BASE_URL "$SANDBOX_URL"
  default SENDGRID_API_KEY SG.sandbox
  default SENDGRID_TEMPLATES '*=d-0123456789abcdef0123456789abcdef'
  default TWILIO_BASE_URL "$SANDBOX_URL"
  default TWILIO_ACCOUNT_SID AC0123456789abcdef0123456789abcdef
  default TWILIO_AUTH_TOKEN sandbox
  default TWILIO_FROM_NUMBER +15005550006
  default WHATSAPP_BASE_URL "$SANDBOX_URL"
  default WHATSAPP_ACCESS_TOKEN sandbox
  default WHATSAPP_PHONE_NUMBER_ID 106540352242922
  default WHATSAPP_TEMPLATES welcome=welcome:en_US
}

# A running instance keeps the settings that it was started with. For a single command the caller's come first, but a
# port is where it is.
settings_recall() {
  local line name
  while IFS= read -r line; do
    name=${line%%=*}
    if [[ $name == *_PORT && -v $name && ${!name} != "${line#*=}" ]]; then
      say "the instance runs with $line; another $name counts after ./dev down"
      unset "$name"
    fi
    [[ -v $name ]] || export "${line?}"
  done <"$state/env"
}

settings_print() {
  local name
  for name in "${names[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done
}

# Makes the folder, which is either new, empty or an instance already, and takes its lock until this command ends.
instance_open() {
  mkdir -p "$state"
  if [[ ! -f $state/.instance ]]; then
    [[ -z $(ls -A "$state") ]] || die "$state holds something else; set DEV_STATE to an empty or new folder"
    touch "$state/.instance"
  fi
  mkdir -p "$state/run" "$state/log"
  instance_lock
}

instance_lock() {
  exec 9>"$state.lock"
  flock -n 9 || { say "waiting for another ./dev to finish with $state"; flock 9; }
}

instance_purge() {
  ! any_running || die "something in $state still runs; ./dev down --purge stops all of it"
  rm -rf "$state"
  say "removed $state"
}
