/*
 * Memory belongs to the process that allocates it: the linker gives us the calls of malloc() and the like
 * (-Wl,--wrap).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/model/process_parts.h"

static struct block nobodys = {&nobodys, &nobodys, 0, 0};

void *__real_malloc(size_t size);
void *__real_realloc(void *pointer, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *pointer);

static void link_block(struct block *block)
{
    struct block *ring = process_running ? &process_running->blocks : &nobodys;
    block->next = ring->next;
    block->previous = ring;
    ring->next->previous = block;
    ring->next = block;
}

void *__wrap_malloc(size_t size)
{
    struct block *block = __real_malloc(sizeof *block + size);
    if (!block) {
        abort();
    }
    block->size = size;
    link_block(block);
    return block + 1;
}

void *__wrap_calloc(size_t number, size_t size)
{
    return memset(__wrap_malloc(number * size), 0, number * size);
}

void __wrap_free(void *pointer)
{
    if (pointer) {
        struct block *block = (struct block *)pointer - 1;
        block->next->previous = block->previous;
        block->previous->next = block->next;
        __real_free(block);
    }
}

void *__wrap_realloc(void *pointer, size_t size)
{
    void *larger = __wrap_malloc(size);
    if (pointer) {
        const size_t had = ((struct block *)pointer - 1)->size;
        memcpy(larger, pointer, had < size ? had : size);
        __wrap_free(pointer);
    }
    return larger;
}

char *__wrap_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    return memcpy(__wrap_malloc(size), text, size);
}

void memory_begin(struct process *process)
{
    process->blocks = (struct block){&process->blocks, &process->blocks, 0, 0};
}

bool memory_forget(struct process *process)
{
    const bool any = process->blocks.next != &process->blocks;
    for (struct block *block = process->blocks.next, *next; block != &process->blocks; block = next) {
        next = block->next;
        __real_free(block);
    }
    memory_begin(process);
    return any;
}

void *process_free_malloc(size_t size)
{
    struct process *was = process_running;
    process_running = NULL;
    void *pointer = __wrap_malloc(size);
    process_running = was;
    return pointer;
}

void *process_free_realloc(void *pointer, size_t size)
{
    struct process *was = process_running;
    process_running = NULL;
    void *larger = __wrap_realloc(pointer, size);
    process_running = was;
    return larger;
}
