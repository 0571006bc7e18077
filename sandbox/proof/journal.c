#include "sandbox/proof/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define PENDING_MAX ((size_t)256 * 1024 * 1024)

struct journal {
    char *path;
    int fd;
    struct buffer pending;
};

struct journal *journal_open(const char *path, struct error *error)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size > 0) {
        (void)error_set(error, "--journal %s: %s", path,
                        fd < 0 ? strerror(errno) : "is there, and not empty");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    struct journal *journal = NEW(struct journal);
    journal->path = memory_strdup(path);
    journal->fd = fd;
    buffer_init(&journal->pending, PENDING_MAX);
    return journal;
}

void journal_close(struct journal *journal)
{
    if (!journal) {
        return;
    }
    close(journal->fd);
    buffer_release(&journal->pending);
    free(journal->path);
    free(journal);
}

static void member(struct buffer *line, const char *before, const char *value)
{
    buffer_text(line, before);
    buffer_json_string(line, value, strlen(value));
}

static void begin(struct buffer *line, const char *event, const char *key)
{
    char at[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), at);
    member(line, "{\"event\":", event);
    member(line, ",\"key\":", key);
    member(line, ",\"at\":", at);
}

void journal_asked(struct journal *journal, const struct load_message *message, const char *by)
{
    struct buffer *line = &journal->pending;
    begin(line, "asked", message->key);
    member(line, ",\"by\":", by);
    member(line, ",\"channel\":", channel_name(message->channel));
    member(line, ",\"to\":", message->to);
    member(line, ",\"content\":", message->text);
    buffer_text(line, "}\n");
}

void journal_ended(struct journal *journal, const struct journal_end *end)
{
    struct buffer *line = &journal->pending;
    begin(line, end->event, end->key);
    if (end->id) {
        member(line, ",\"id\":", end->id);
    }
    if (end->status) {
        buffer_format(line, ",\"status\":%d", end->status);
    }
    if (end->code) {
        member(line, ",\"code\":", end->code);
    }
    buffer_text(line, "}\n");
}

bool journal_flush(struct journal *journal, struct error *error)
{
    struct buffer *pending = &journal->pending;
    if (pending->overflow) {
        return error_set(error, "--journal %s: more lines than memory for them", journal->path);
    }
    size_t written = 0;
    while (written < pending->length) {
        const ssize_t part = write(journal->fd, pending->bytes + written, pending->length - written);
        if (part < 0 && errno != EINTR) {
            return error_set(error, "--journal %s: cannot be written: %s", journal->path, strerror(errno));
        }
        written += part > 0 ? (size_t)part : 0;
    }
    buffer_clear(pending);
    return true;
}
