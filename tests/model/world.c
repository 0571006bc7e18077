#include "tests/model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/process.h"

#define HOUR_US (3600 * SECOND)
#define BEGINNING_US ((int64_t)1893456000 * SECOND) /* 2030-01-01 */
#define CHUNK ((size_t)1024 * 1024)

struct event {
    event_fn *happen; /* NULL: cancelled */
    void *arg;
    struct process *owner;
    unsigned life; /* of the owner */
    uint64_t number;
};

/* In the heap: the order, and where the event lies. */
struct turn {
    int64_t at_us;
    uint64_t number;
    uint32_t slot;
};

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    char *bytes;
};

static struct {
    uint64_t seed;
    uint64_t random;
    int64_t now_us;
    uint64_t steps;
    bool verbose;
    char violation[512];

    struct event *events;
    uint32_t *unused; /* slots */
    size_t unused_count;
    size_t slot_count;
    struct turn *heap;
    size_t heap_count;
    size_t heap_room;
    uint64_t events_made;

    struct chunk *chunks; /* the one in use first */
    struct chunk *spare;
} world;

void world_reset(uint64_t seed, bool verbose)
{
    world.seed = seed;
    world.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    world.now_us = 0;
    world.steps = 0;
    world.verbose = verbose;
    world.violation[0] = '\0';
    world.heap_count = 0;
    world.unused_count = 0;
    for (size_t i = world.slot_count; i > 0; i--) {
        world.events[i - 1] = (struct event){0};
        world.unused[world.unused_count++] = (uint32_t)(i - 1);
    }
    world.events_made = 0;
    for (struct chunk *chunk; (chunk = world.chunks);) {
        world.chunks = chunk->next;
        chunk->next = world.spare;
        world.spare = chunk;
    }
}

int64_t world_now_us(void)
{
    return world.now_us;
}

int64_t world_wall_us(void)
{
    return BEGINNING_US + (int64_t)world.seed * HOUR_US + world.now_us;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void)
{
    uint64_t z = world.random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t chance(uint64_t below)
{
    return below ? next_random() % below : 0;
}

bool one_in(uint64_t n)
{
    return n > 0 && chance(n) == 0;
}

int64_t between(int64_t least, int64_t most)
{
    return least + (int64_t)chance((uint64_t)(most - least) + 1);
}

static void take_chunk(size_t at_least)
{
    struct chunk *chunk = world.spare;
    if (chunk && chunk->size >= at_least) {
        world.spare = chunk->next;
    } else {
        const size_t size = at_least > CHUNK ? at_least : CHUNK;
        chunk = process_free_malloc(sizeof *chunk);
        *chunk = (struct chunk){.size = size, .bytes = process_free_malloc(size)};
    }
    chunk->used = 0;
    chunk->next = world.chunks;
    world.chunks = chunk;
}

void *world_alloc(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!world.chunks || world.chunks->size - world.chunks->used < size) {
        take_chunk(size);
    }
    void *at = world.chunks->bytes + world.chunks->used;
    world.chunks->used += size;
    return memset(at, 0, size);
}

void *world_copy(const void *bytes, size_t size)
{
    char *copy = world_alloc(size + 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static bool earlier(const struct turn *a, const struct turn *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void heap_push(struct turn turn)
{
    if (world.heap_count == world.heap_room) {
        world.heap_room = world.heap_room ? world.heap_room * 2 : 256;
        world.heap = process_free_realloc(world.heap, world.heap_room * sizeof *world.heap);
    }
    size_t at = world.heap_count++;
    for (size_t up; at > 0 && earlier(&turn, &world.heap[up = (at - 1) / 2]); at = up) {
        world.heap[at] = world.heap[up];
    }
    world.heap[at] = turn;
}

static struct turn heap_pop(void)
{
    const struct turn first = world.heap[0];
    const struct turn last = world.heap[--world.heap_count];
    size_t at = 0;
    for (size_t down; (down = 2 * at + 1) < world.heap_count; at = down) {
        if (down + 1 < world.heap_count && earlier(&world.heap[down + 1], &world.heap[down])) {
            down++;
        }
        if (!earlier(&world.heap[down], &last)) {
            break;
        }
        world.heap[at] = world.heap[down];
    }
    world.heap[at] = last;
    return first;
}

static void make_slots(void)
{
    const size_t count = world.slot_count ? world.slot_count * 2 : 256;
    world.events = process_free_realloc(world.events, count * sizeof *world.events);
    world.unused = process_free_realloc(world.unused, count * sizeof *world.unused);
    for (size_t i = count; i > world.slot_count; i--) {
        world.events[i - 1] = (struct event){0};
        world.unused[world.unused_count++] = (uint32_t)(i - 1);
    }
    world.slot_count = count;
}

event_id event_at(struct process *owner, int64_t at_us, event_fn *happen, void *arg)
{
    if (world.unused_count == 0) {
        make_slots();
    }
    const uint32_t slot = world.unused[--world.unused_count];
    const uint64_t number = ++world.events_made;
    world.events[slot] = (struct event){happen, arg, owner, owner ? process_life(owner) : 0, number};
    heap_push((struct turn){at_us > world.now_us ? at_us : world.now_us, number, slot});
    return number << 20 | slot; /* a million events at a time are enough */
}

void event_cancel(event_id id)
{
    const uint32_t slot = (uint32_t)(id & 0xfffff);
    if (id && world.events[slot].number == id >> 20) {
        world.events[slot].happen = NULL;
    }
}

bool world_step(void)
{
    while (world.heap_count > 0) {
        const struct turn turn = heap_pop();
        const struct event event = world.events[turn.slot];
        if (turn.at_us > world.now_us) {
            world.now_us = turn.at_us;
        }
        const bool lives = !event.owner || process_life(event.owner) == event.life;
        const int64_t thaw_us = event.owner && lives ? process_frozen_until(event.owner) : 0;
        if (event.happen && lives && thaw_us > world.now_us) {
            heap_push((struct turn){thaw_us, turn.number, turn.slot});
            continue;
        }
        world.events[turn.slot] = (struct event){0};
        world.unused[world.unused_count++] = turn.slot;
        if (!event.happen || !lives) {
            continue;
        }
        world.steps++;
        if (event.owner) {
            process_enter(event.owner);
        }
        event.happen(event.arg);
        if (event.owner) {
            process_leave();
        }
        return true;
    }
    return false;
}

uint64_t world_steps(void)
{
    return world.steps;
}

void violated(const char *format, ...)
{
    if (*world.violation) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(world.violation, sizeof world.violation, format, args);
    va_end(args);
    tell("VIOLATED: %s", world.violation);
}

const char *world_violation(void)
{
    return *world.violation ? world.violation : NULL;
}

bool world_is_told(void)
{
    return world.verbose;
}

void tell(const char *format, ...)
{
    if (!world.verbose) {
        return;
    }
    const struct process *process = process_current();
    printf("%9.3f ms  %-11s ", (double)world.now_us / 1e3, process ? process_name(process) : "");
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}
