"""
deliver: what one `outbound sender` costs, beside a bare libcurl-multi loop that posts the same bytes to the same
nginx, and beside what one would otherwise write.

The backlog comes in by the front door and lies in the sender's topic before the sender starts. The loop sends without
a database and without Kafka: the difference is the price of the claim, the record of the attempt, and the offset. The
peer pays that price, too.
"""

import json
import os
import tempfile

import nginx
import peer
from backlog import all_are_sent, capture_request, fill
from harness import (TABLES, Failed, at_least, at_most, call, check, ratio_at_least, ratio_at_most, result, say, settle,
                     wait_until)

MESSAGES = 60000  # more than the sender prefetches
OTHERS = 20000
WARM_UP = 2000
PEER_WARM_UP = 40000  # until then its JVM compiles
IN_FLIGHT_DEFAULT = 1200


def run_sender(instance, provider, folder, count):
    instance.empty(TABLES)
    fill(instance, folder, count)
    foreign = settle()
    before = provider.taken()
    with instance.role("sender", SENDGRID_BASE_URL=provider.url) as sender:
        # Asked rarely while it works: nginx's counter costs next to nothing, the table is looked at last.
        wait_until(lambda: sender.alive() and provider.taken() >= before + count, "all delivered", 120, every=0.1)
        wait_until(lambda: all_are_sent(instance), "all SENT", every=0.02)
        cpu_s = sender.cpu_seconds()
        memory_mb = sender.memory_mb()
    taken = provider.taken() - before
    attempts, elapsed_s = instance.row("SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float"
                                       " FROM outbound_attempt WHERE outcome = 'SENT'")
    sent = instance.scalar("SELECT count(*) FROM outbound_message WHERE status = 'SENT'")
    check(sent == count and attempts == count and taken == count,
          f"{count} messages, but {sent} SENT by {attempts} attempts and {taken} requests")
    return {"per_second": count / elapsed_s, "cpu_us": cpu_s / count * 1e6, "seconds": elapsed_s,
            "memory_mb": memory_mb, "foreign_load": foreign}


def run_loop(instance, provider, body, headers, count):
    in_flight = os.environ.get("OUTBOUND_SENDER_MAX_IN_FLIGHT", str(IN_FLIGHT_DEFAULT))
    foreign = settle()
    before = provider.taken()
    done = json.loads(call([instance.bare_loop, provider.url + "/v3/mail/send", str(count), in_flight, body, *headers]))
    check(provider.taken() - before == count, f"{count} requests of the loop, but nginx took others")
    return {"per_second": count / done["seconds"], "cpu_us": done["cpu_seconds"] / count * 1e6,
            "seconds": done["seconds"], "foreign_load": foreign}


def pairs(rounds, key, reference):
    return [{"value": one["sender"][key], "reference": one[reference][key],
             "foreign_load": one["sender"]["foreign_load"], "reference_foreign_load": one[reference]["foreign_load"],
             "sender": one["sender"], reference: one[reference]} for one in rounds]


def run(instance, rounds):
    if not os.access(instance.bare_loop, os.X_OK):
        raise Failed(f"{instance.bare_loop} is not built: run ./dev build")
    done = []
    with tempfile.TemporaryDirectory() as folder, instance.role("producer") as producer, \
            instance.role("router"), nginx.running(instance) as provider:
        instance.await_producer(producer)
        path, headers = capture_request(instance, folder)
        with open(path, encoding="utf-8") as file:
            body = file.read()
        with peer.running(instance, provider.url) as other:
            say(f"deliver: warming up, messages of {len(body)} bytes each")
            peer.run(instance, other, provider, body, PEER_WARM_UP)
            run_sender(instance, provider, folder, WARM_UP)
            run_loop(instance, provider, path, headers, WARM_UP)
            for number in range(rounds):
                one = {"sender": run_sender(instance, provider, folder, MESSAGES),
                       "loop": run_loop(instance, provider, path, headers, OTHERS),
                       "peer": peer.run(instance, other, provider, body, OTHERS)}
                say(f"deliver {number + 1}/{rounds}: " + "; ".join(
                    f"{name} {figures['per_second']:,.0f}/s, {figures['cpu_us']:.1f} µs of CPU each"
                    for name, figures in one.items()))
                done.append(one)
    loop, parallel_consumer = "bare libcurl-multi loop", "Confluent Parallel Consumer, the same work"
    return [
        result("deliver, messages", "messages/s", parallel_consumer, pairs(done, "per_second", "peer"), ratio_at_least(3)),
        result("deliver, messages of one process", "messages/s", loop, pairs(done, "per_second", "loop"), at_least(7000)),
        result("deliver, CPU of the sender", "µs/message", loop, pairs(done, "cpu_us", "loop"), at_most(60)),
        result("deliver, CPU beside the loop's", "µs/message", loop, pairs(done, "cpu_us", "loop"), ratio_at_most(2)),
        result("deliver, CPU beside the peer's", "µs/message", parallel_consumer, pairs(done, "cpu_us", "peer")),
        result("deliver, memory of the sender", "MB", parallel_consumer, pairs(done, "memory_mb", "peer"), at_most(48)),
    ]
