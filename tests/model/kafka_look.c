/*
 * producer/kafka_look.h, by the cluster's id alone. Its answers lie in the world's memory, or are the
 * question's.
 */
#include "producer/kafka_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/servers.h"
#include "tests/model/world.h"

bool kafka_look_open(struct kafka_look *look, const struct config *config, struct error *error)
{
    (void)config;
    (void)error;
    *look = (struct kafka_look){0};
    return true;
}

void kafka_look_close(struct kafka_look *look)
{
    free(look->cluster_id);
    json_decref(look->ends);
    json_decref(look->lost);
}

void kafka_look(struct kafka_look *look)
{
    look->result = KAFKA_LOOK_UNANSWERED;
    if (!kafka_is_up()) {
        return;
    }
    const char *id = kafka_cluster_id();
    look->seen_cluster_id = world_copy(id, strlen(id));
    look->seen_ends = look->ends;
    if (!look->cluster_id || strcmp(look->cluster_id, id) == 0) {
        look->result = KAFKA_LOOK_FINE;
        return;
    }
    json_decref(look->lost);
    look->lost = json_pack("[s]", "*");
    look->result = KAFKA_LOOK_LOST;
    (void)snprintf(look->why, sizeof look->why, "the cluster is another one");
}
