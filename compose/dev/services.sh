# The services of one instance: how each is started, when it counts as ready, how it is stopped.
# A service runs detached from the terminal. run/NAME.pid holds "PID START": the start time, in the kernel's ticks,
# tells our process from a later one with the same pid. log/NAME.log holds what it prints.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

services=(postgres kafka registry sandbox alertmanager prometheus roles) # in the order in which they start
pg_bin=/usr/lib/postgresql/15/bin

# --- processes

started_at() { # PID -> when it started; nothing if it is gone
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra stat <<<"${stat##*) }" # what follows the program's name, which may hold blanks
  [[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

pid_of() { # SERVICE -> its pid, if it runs
  local pid start
  { read -r pid start <"$state/run/$1.pid"; } 2>/dev/null || return 1
  [[ -n $start && $(started_at "$pid") == "$start" ]] && echo "$pid"
}

services_known() { # NAME...
  local name
  for name; do
    [[ " ${services[*]} " == *" $name "* ]] || usage "there is no service '$name', only ${services[*]}"
  done
}

any_running() {
  local service
  for service in "${services[@]}"; do pid_of "$service" >/dev/null && return; done
  return 1
}

spawn() { # SERVICE COMMAND...
  local service=$1
  shift
  setsid "$@" </dev/null >>"$state/log/$service.log" 2>&1 7>&- 8>&- 9>&- &
  disown
  echo "$! $(started_at $!)" >"$state/run/$service.pid"
}

port_must_be_free() { # PORT VARIABLE
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null ||
    die "port $1 is taken by another program; set $2, or DEV_PORT_OFFSET to move all ports"
}

# Starts what does not run yet and waits until all of it answers.
services_start() { # SERVICE...
  local service started=()
  services_begin "$@"
  for service; do service_await "$service"; done
  ((${#started[@]} == 0)) || say "ready: ${started[*]}"
}

services_begin() { # SERVICE...: adds those that it starts to the caller's `started`
  local service
  for service; do
    if [[ $service =~ sandbox|roles && $OUTBOUND_BIN -nt $state/run/$service.pid ]]; then service_stop "$service"; fi
    if pid_of "$service" >/dev/null; then
      say "$service: runs already, pid $(pid_of "$service")"
    else
      say "$service: starting"
      "${service}_start"
      started+=("$service")
    fi
  done
}

service_await() { # SERVICE: bounded; one that ends or stays silent is shown by the end of its log
  local service=$1 give_up=$((SECONDS + 60)) wrong=''
  until "${service}_ready"; do
    pid_of "$service" >/dev/null || wrong="ended while starting"
    ((SECONDS < give_up)) || wrong="is not ready after 60 s"
    [[ -z $wrong ]] || fail_with "$state/log/$service.log" "$service $wrong"
    sleep 0.1
  done
}

service_stop() { # SERVICE: asks, waits, and ends the whole process group when the time is over
  local i pid signal=TERM limit_s=30
  pid=$(pid_of "$1") || return 0
  [[ $1 != postgres ]] || signal=INT # TERM would wait until every client has left
  say "$1: stopping, pid $pid"
  kill -s $signal "$pid" || true
  for ((i = 0; i < limit_s * 10; i++)); do
    pid_of "$1" >/dev/null || break
    sleep 0.1
  done
  if pid_of "$1" >/dev/null; then
    say "$1: still there after $limit_s s, killed"
    kill -s KILL -- "-$pid" || true
  fi
  rm -f "$state/run/$1.pid"
}

answers() { curl -fsS -m 2 -o /dev/null "$1" 2>/dev/null; } # URL

# --- PostgreSQL

# PostgreSQL does not run as root: root hands it to the user postgres. Below a closed home folder such as /root this
# user needs one right more, to pass through the folders above its own.
pg_user_choose() { # sets pg_user, the words before a command of PostgreSQL
  pg_user=()
  ((EUID == 0)) || return 0
  pg_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
  pg_user_enters || pg_user+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
  pg_user_enters ||
    die "PostgreSQL runs as the user postgres, who cannot enter $state; set DEV_STATE=/var/tmp/outbound"
}

# By stat, since access(2), and so test -x, takes no notice of the added right.
pg_user_enters() { "${pg_user[@]}" stat "$state/." >/dev/null 2>&1; }

pg_single() { # DATABASE: runs one statement a line, without a server
  "${pg_user[@]}" "$pg_bin/postgres" --single -D "$state/postgres.new" \
    -c shared_preload_libraries=pg_stat_statements "$1"
}

pg_create() {
  local owner=()
  ((EUID)) || owner=(-o postgres -g postgres)
  rm -rf "$state/postgres.new" &&
    install -d -m 700 "${owner[@]}" "$state/postgres.new" &&
    "${pg_user[@]}" "$pg_bin/initdb" -D "$state/postgres.new" -U postgres -A reject -E UTF8 --locale=C.UTF-8 \
      --no-sync &&
    pg_single postgres <"$repo/compose/postgres/init.sql" &&
    pg_single outbound <<<'CREATE EXTENSION pg_stat_statements;' &&
    mv "$state/postgres.new" "$state/postgres"
}

# Whether a process still has the shared memory of the server that wrote postmaster.pid.
pg_memory_in_use() {
  [[ -f $state/postgres/postmaster.pid ]] &&
    awk 'FNR == NR { if (FNR == 7) id = $2; next } $2 == id && $7 > 0 { used = 1 } END { exit !used }' \
      "$state/postgres/postmaster.pid" /proc/sysvipc/shm 2>/dev/null
}

postgres_start() {
  local give_up=$((SECONDS + 30))
  port_must_be_free "$DEV_POSTGRES_PORT" DEV_POSTGRES_PORT
  pg_user_choose
  [[ -d $state/postgres ]] || step "$state/log/postgres-init.log" "creating the PostgreSQL cluster" pg_create
  cp "$repo"/compose/postgres/{postgresql,pg_hba}.conf "$state/postgres/"
  # After a kill -9 the last backends need a moment to notice; then what the server left behind counts no more.
  while pg_memory_in_use; do
    ((SECONDS < give_up)) || die "old backends still run on $state/postgres; try again later"
    sleep 0.1
  done
  rm -f "$state/postgres/postmaster.pid"
  spawn postgres "${pg_user[@]}" "$pg_bin/postgres" -D "$state/postgres" -p "$DEV_POSTGRES_PORT"
}

postgres_ready() { "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$DEV_POSTGRES_PORT" -U outbound -d outbound; }

# --- Kafka

kafka_java() { # prints the words before a class of Kafka, one a line
  printf '%s\n' /usr/lib/jvm/java-17-openjdk-*/bin/java -XX:+UseParallelGC -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true "-Dlog4j2.configurationFile=$repo/compose/kafka/log4j2.properties" -cp "$kafka_home/lib/*"
}

kafka_start() {
  local java config=$state/run/kafka.properties id
  mapfile -t java < <(kafka_java)
  port_must_be_free "$DEV_KAFKA_PORT" DEV_KAFKA_PORT
  port_must_be_free "$DEV_KAFKA_CONTROLLER_PORT" DEV_KAFKA_CONTROLLER_PORT
  port_must_be_free "$DEV_KAFKA_PROXIED_PORT" DEV_KAFKA_PROXIED_PORT
  sed "s|@PORT@|$DEV_KAFKA_PORT|; s|@CONTROLLER_PORT@|$DEV_KAFKA_CONTROLLER_PORT|; s|@DATA@|$state/kafka|
    s|@PROXIED_PORT@|$DEV_KAFKA_PROXIED_PORT|; s|@PROXY_PORT@|$DEV_KAFKA_PROXY_PORT|" \
    "$repo/compose/kafka/server.properties" >"$config"
  if [[ ! -f $state/kafka/meta.properties ]]; then
    id=${DEV_KAFKA_CLUSTER_ID:-$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d =)} # 128 bits as Kafka writes them
    step "$state/log/kafka-init.log" "formatting Kafka's storage" \
      "${java[@]:0:1}" -XX:TieredStopAtLevel=1 "${java[@]:1}" kafka.tools.StorageTool format -t "$id" -c "$config"
  fi
  spawn kafka "${java[0]}" -Xmx512m "${java[@]:1}" kafka.Kafka "$config"
}

kafka_ready() {
  (exec 3<>"/dev/tcp/127.0.0.1/$DEV_KAFKA_PORT") 2>/dev/null &&
    timeout 3 kcat -L -b "127.0.0.1:$DEV_KAFKA_PORT" >/dev/null 2>&1
}

# --- the schema registry (Apicurio): all of it in memory

registry_start() {
  local java=(/usr/lib/jvm/java-17-openjdk-*/bin/java)
  port_must_be_free "$DEV_REGISTRY_PORT" DEV_REGISTRY_PORT
  # Its settings can be variables, too: without ours it cannot take one for its own.
  spawn registry env -i "${java[0]}" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError \
    -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$DEV_REGISTRY_PORT" -Dquarkus.http.access-log.enabled=false \
    -Dapicurio.storage.kind=sql -Dapicurio.storage.sql.kind=h2 -jar "$registry_home"/apicurio-registry-app-*-runner.jar
}

registry_ready() { answers "$REGISTRY_URL/subjects"; }

# --- Prometheus and Alertmanager, with the rules and routes of metrics/

monitoring_config() { # FILE: prints it with the instance's ports and folders
  sed "s|http://127.0.0.1:8080/|$API_URL/|; s|@REPOSITORY@|$repo|; s|@ENVIRONMENT@|${OUTBOUND_ENVIRONMENT:-development}|
    s|@ALERTMANAGER_PORT@|$DEV_ALERTMANAGER_PORT|; s|@HTTP_PORT@|$OUTBOUND_HTTP_PORT|
    s|@EXPORTER_PORT@|$OUTBOUND_METRICS_PORT|; s|@ROUTER_PORT@|$((OUTBOUND_METRICS_PORT + 1))|
    s|@DLQ_PORT@|$((OUTBOUND_METRICS_PORT + 2))|; s|@EMAIL_PORT@|$((OUTBOUND_METRICS_PORT + 3))|
    s|@SMS_PORT@|$((OUTBOUND_METRICS_PORT + 4))|; s|@WHATSAPP_PORT@|$((OUTBOUND_METRICS_PORT + 5))|" "$1"
}

prometheus_start() {
  local config=$state/run/prometheus.yml
  port_must_be_free "$DEV_PROMETHEUS_PORT" DEV_PROMETHEUS_PORT
  monitoring_config "$repo/compose/prometheus/prometheus.yml" >"$config"
  spawn prometheus prometheus "--config.file=$config" "--storage.tsdb.path=$state/prometheus" \
    --storage.tsdb.retention.time=7d "--web.listen-address=127.0.0.1:$DEV_PROMETHEUS_PORT" --log.level=warn
}

prometheus_ready() { answers "$PROMETHEUS_URL/-/ready"; }

alertmanager_start() {
  local config=$state/run/alertmanager.yml
  port_must_be_free "$DEV_ALERTMANAGER_PORT" DEV_ALERTMANAGER_PORT
  monitoring_config "$repo/metrics/alertmanager.yml" >"$config"
  spawn alertmanager prometheus-alertmanager "--config.file=$config" "--storage.path=$state/alertmanager" \
    "--web.listen-address=127.0.0.1:$DEV_ALERTMANAGER_PORT" --cluster.listen-address= --log.level=warn
}

alertmanager_ready() { answers "$ALERTMANAGER_URL/-/ready"; }

# --- the program

sandbox_start() {
  port_must_be_free "$OUTBOUND_SANDBOX_PORT" OUTBOUND_SANDBOX_PORT
  spawn sandbox "$OUTBOUND_BIN" sandbox
}

sandbox_ready() { answers "$SANDBOX_URL/sandbox/health"; }

roles_start() {
  port_must_be_free "$OUTBOUND_HTTP_PORT" OUTBOUND_HTTP_PORT
  step "$state/log/migrate.log" "migrating the database" "$OUTBOUND_BIN" migrate
  step "$state/log/topics.log" "creating the topics" "$OUTBOUND_BIN" topics apply
  spawn roles "$OUTBOUND_BIN" all
}

roles_ready() { answers "$API_URL/health/ready"; }
