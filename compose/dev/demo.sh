# Sends a few messages and shows each one's way, as a caller of the API sees it.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

demo_messages=( # channel, priority, recipient
  "EMAIL normal ada@example.com"
  "EMAIL urgent katherine@example.com"
  "SMS normal +4915112345678"
  "SMS urgent +14155550123"
  "WHATSAPP normal +4915187654321"
)

demo() {
  local i message failed=0 give_up=$((SECONDS + 30))
  local ids=() way=() last=()
  for i in "${!demo_messages[@]}"; do demo_post; done

  while ((${#ids[@]})) && ((SECONDS < give_up)); do
    for i in "${!ids[@]}"; do
      message=$(curl -fsS -m 5 "$API_URL/api/v1/outbound/messages/${ids[i]}") || continue
      demo_show
    done
    sleep 0.05
  done
  for i in "${!ids[@]}"; do echo "  $((i + 1))  ${way[i]}, not SENT within 30 s"; done
  ((${#ids[@]} == 0 && failed == 0)) || die "some messages were not delivered; ./dev logs shows why"
  demo_next
}

demo_post() {
  local channel priority to body answer
  read -r channel priority to <<<"${demo_messages[i]}"
  body=$(jq -nc --arg channel "$channel" --arg priority "$priority" --arg to "$to" '{dossierId: 1, $channel, $to,
    templateCode: "welcome", $priority} + {
      EMAIL: {subject: "Welcome", payloadJson: {name: "Ada"}},
      SMS: {payloadJson: {text: "Welcome, Ada!"}},
      WHATSAPP: {payloadJson: {components: [{type: "body", parameters: [{type: "text", text: "Ada"}]}]}}
    }[$channel]')
  answer=$(curl -sS -m 10 -w '\n%{http_code}' "$API_URL/api/outbound-messages" \
    -H 'Content-Type: application/json' -H "X-Correlation-ID: demo-$(date +%s)-$((i + 1))" -d "$body") ||
    die "the API at $API_URL does not answer; ./dev logs shows why"
  [[ ${answer##*$'\n'} == 202 ]] || die "the API refused message $((i + 1)): $answer"
  read -r "ids[i]" "last[i]" < <(jq -r '"\(.id) \(.status)"' <<<"${answer%$'\n'*}")
  way[i]="$channel $priority: ${last[i]}"
  echo "  $((i + 1))  $channel $priority to $to: 202 ${last[i]}, id ${ids[i]}"
}

# Prints a message when its status has changed; one that has come to its end leaves ids.
demo_show() {
  local status created started sent provider id error
  IFS=$'\t' read -r status created started sent provider id error < <(jq -r '(.attempts[-1] // {}) as $attempt |
    [.status, .createdAt, $attempt.startedAt, .sentAt, .provider, .providerMessageId, $attempt.errorCode]
    | map(. // "-") | @tsv' <<<"$message")
  [[ $status != "${last[i]}" ]] || return 0
  last[i]=$status
  way[i]+=" → $status"
  case $status in
    SENT) # too fast to be seen at every step, but the times were kept
      echo "  $((i + 1))  ${way[i]%% → *} ${created:11:12} → SENDING +$(ms_between "$created" "$started") ms →" \
        "SENT +$(ms_between "$created" "$sent") ms, $provider $id"
      unset "ids[i]"
      ;;
    FAILED | EXPIRED | CANCELLED)
      echo "  $((i + 1))  ${way[i]}, $error"
      failed=1
      unset "ids[i]"
      ;;
    *) echo "  $((i + 1))  ${way[i]}" ;;
  esac
}

ms_between() { echo $(($(date -d "$2" +%s%3N) - $(date -d "$1" +%s%3N))); } # TIME TIME

demo_next() {
  cat <<END

All of it goes on running:
  API         $API_URL (metrics: $API_URL/metrics)
  sandbox     $SANDBOX_URL
  PostgreSQL  $DATABASE_URL
  Kafka       $KAFKA_BROKERS
  logs, data  $state

What to try next:
  curl -i $API_URL/api/outbound-messages -H 'Content-Type: application/json' \\
    -d '{"dossierId":1, "channel":"EMAIL", "to":"you@example.com", "templateCode":"welcome_email",
         "subject":"Hello", "payloadJson":{"name":"You"}}'
  ./dev psql -c 'SELECT status, count(*) FROM outbound_message GROUP BY status'
  ./dev logs            what the roles say
  ./dev up --monitoring Prometheus ($PROMETHEUS_URL) and Alertmanager; docs/observability.md says where to look
  ./dev down            stops everything; the data stays
END
}
