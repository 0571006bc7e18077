/*
 * The file of deliveries: one writer that appends, and readers that begin at a line.
 */
#include "sandbox/deliveries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define PENDING_MAX ((size_t)64 * 1024 * 1024)
#define WANTED_MAX ((size_t)64 * 1024)
#define CHUNK_SIZE ((size_t)4 * 1024 * 1024) /* no line is longer: a request has at most 1 MB */

/* Where a line begins. */
struct place {
    int64_t line;
    off_t offset;
};

struct deliveries {
    char *path;
    int fd;
    struct buffer pending; /* added, not written */
    int64_t at_ms;         /* the time that `at` says */
    char at[CLOCK_RFC3339_SIZE];
    struct place known; /* where the last reader stopped: it is likely to go on there */
    char *chunk;
};

/* Where the line without an end begins; the size of the file when there is none. -1: it cannot be read. */
static off_t find_cut_line(int fd)
{
    char bytes[4096];
    off_t begin = lseek(fd, 0, SEEK_END);
    while (begin > 0) {
        const size_t size = begin < (off_t)sizeof bytes ? (size_t)begin : sizeof bytes;
        if (pread(fd, bytes, size, begin - (off_t)size) != (ssize_t)size) {
            return -1;
        }
        const char *line_end = memrchr(bytes, '\n', size);
        if (line_end) {
            return begin - (off_t)size + (line_end - bytes) + 1;
        }
        begin -= (off_t)size;
    }
    return begin;
}

/*
 * A process that was killed in the middle of a write leaves half a line. Its answer never left: it was not
 * accepted. A file whose last line is not the beginning of a delivery is somebody else's, and stays as it is.
 */
static bool drop_cut_line(int fd, struct error *error)
{
    static const char start[] = "{\"at\":";
    char line[sizeof start - 1];
    const off_t begin = find_cut_line(fd);
    const ssize_t length = begin < 0 ? -1 : pread(fd, line, sizeof line, begin);
    if (length > 0 && memcmp(line, start, (size_t)length) != 0) {
        return error_set(error, "its last line is no delivery, and has no end");
    }
    return (length >= 0 && (length == 0 || ftruncate(fd, begin) == 0)) ||
           error_set(error, "%s", strerror(errno));
}

struct deliveries *deliveries_open(const char *path, struct error *error)
{
    const int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    struct error why;
    if (fd < 0 ? !error_set(&why, "%s", strerror(errno)) : !drop_cut_line(fd, &why)) {
        (void)error_set(error, "%s: cannot be opened to append to it: %.200s", path, why.text);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    struct deliveries *deliveries = NEW(struct deliveries);
    deliveries->path = memory_strdup(path);
    deliveries->fd = fd;
    deliveries->chunk = memory_new(CHUNK_SIZE);
    buffer_init(&deliveries->pending, PENDING_MAX);
    return deliveries;
}

void deliveries_close(struct deliveries *deliveries)
{
    if (!deliveries) {
        return;
    }
    close(deliveries->fd);
    buffer_release(&deliveries->pending);
    free(deliveries->path);
    free(deliveries->chunk);
    free(deliveries);
}

#define TEXT(literal) (literal), sizeof(literal) - 1

static void member(struct buffer *line, const char *name, size_t name_length, const char *value)
{
    buffer_append(line, name, name_length);
    if (value) {
        buffer_json_string(line, value, strlen(value));
    } else {
        buffer_append(line, TEXT("null"));
    }
}

void deliveries_add(struct deliveries *deliveries, const struct delivery *delivery)
{
    const int64_t now_ms = clock_wall_ms();
    if (now_ms != deliveries->at_ms) {
        deliveries->at_ms = now_ms;
        clock_format_rfc3339(now_ms, deliveries->at);
    }
    struct buffer *line = &deliveries->pending;
    member(line, TEXT("{\"at\":"), deliveries->at);
    member(line, TEXT(",\"channel\":"), delivery->channel);
    member(line, TEXT(",\"provider\":"), delivery->provider);
    member(line, TEXT(",\"providerMessageId\":"), delivery->provider_message_id);
    member(line, TEXT(",\"messageId\":"), delivery->message_id);
    member(line, TEXT(",\"attempt\":"), delivery->attempt);
    member(line, TEXT(",\"to\":"), delivery->to);
    member(line, TEXT(",\"subject\":"), delivery->subject);
    if (delivery->content) {
        buffer_append(line, TEXT(",\"content\":"));
        buffer_append(line, delivery->content, strlen(delivery->content));
    }
    member(line, TEXT(",\"answered\":"), delivery->answered);
    buffer_append(line, TEXT("}\n"));
}

bool deliveries_flush(struct deliveries *deliveries, struct error *error)
{
    struct buffer *pending = &deliveries->pending;
    if (pending->overflow) {
        return error_set(error, "%s: more deliveries than memory for them", deliveries->path);
    }
    size_t written = 0;
    while (written < pending->length) {
        const ssize_t part = write(deliveries->fd, pending->bytes + written, pending->length - written);
        if (part < 0 && errno != EINTR) {
            return error_set(error, "%s: cannot be written: %s", deliveries->path, strerror(errno));
        }
        written += part > 0 ? (size_t)part : 0;
    }
    buffer_clear(pending);
    return true;
}

bool deliveries_clear(struct deliveries *deliveries, struct error *error)
{
    if (ftruncate(deliveries->fd, 0) < 0) {
        return error_set(error, "%s: cannot be emptied: %s", deliveries->path, strerror(errno));
    }
    buffer_clear(&deliveries->pending);
    deliveries->known = (struct place){0};
    return true;
}

struct reader {
    struct deliveries *deliveries;
    struct place place; /* of the next line */
    size_t begin;       /* of the next line in the chunk */
    size_t end;         /* of what is in the chunk */
    bool failed;
};

/* Drops the lines that were read and fills the chunk up. */
static void refill(struct reader *reader)
{
    char *chunk = reader->deliveries->chunk;
    memmove(chunk, chunk + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
    ssize_t got;
    do {
        got = pread(reader->deliveries->fd, chunk + reader->end, CHUNK_SIZE - reader->end,
                    reader->place.offset + (off_t)reader->end);
    } while (got < 0 && errno == EINTR);
    reader->failed = got < 0;
    reader->end += got > 0 ? (size_t)got : 0;
}

/* The next whole line without its end; false when there is none (yet). */
static bool next_line(struct reader *reader, const char **ret_line, size_t *ret_length)
{
    char *chunk = reader->deliveries->chunk;
    char *line_end = memchr(chunk + reader->begin, '\n', reader->end - reader->begin);
    if (!line_end) {
        refill(reader);
        line_end = memchr(chunk, '\n', reader->end);
    }
    if (!line_end) {
        return false;
    }
    *ret_line = chunk + reader->begin;
    *ret_length = (size_t)(line_end - *ret_line);
    reader->begin += *ret_length + 1;
    reader->place.offset += (off_t)*ret_length + 1;
    reader->place.line++;
    return true;
}

bool deliveries_read(struct deliveries *deliveries, const struct deliveries_query *query,
                     struct buffer *document, struct error *error)
{
    if (!deliveries_flush(deliveries, error)) {
        return false;
    }
    /* Quotes within values are escaped, so this is found nowhere else in a line. */
    struct buffer wanted;
    buffer_init(&wanted, WANTED_MAX);
    if (query->message_id) {
        member(&wanted, TEXT(",\"messageId\":"), query->message_id);
    }
    struct reader reader = {.deliveries = deliveries};
    if (query->since >= deliveries->known.line) {
        reader.place = deliveries->known;
    }
    buffer_text(document, "{\"deliveries\":[");
    const char *line;
    size_t length;
    int64_t count = 0;
    while (count < query->limit && next_line(&reader, &line, &length)) {
        if (reader.place.line <= query->since ||
            (query->message_id && !memmem(line, length, wanted.bytes, wanted.length))) {
            continue;
        }
        buffer_text(document, count++ ? "," : "");
        buffer_append(document, line, length);
    }
    buffer_format(document, "],\"count\":%lld,\"next\":%lld}", (long long)count,
                  (long long)reader.place.line);
    buffer_release(&wanted);
    if (reader.failed) {
        return error_set(error, "%s: cannot be read: %s", deliveries->path, strerror(errno));
    }
    deliveries->known = reader.place;
    return true;
}
