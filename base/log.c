#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/mask.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define SELDOM_MS 60000
#define MESSAGE_MAX 2048
#define LINE_LIMIT ((size_t)32 * 1024)
#define LEVELS ((size_t)LOG_ERROR + 1)
#define NOBODY ((int)LOG_ERROR + 1)

static struct log_options current = {
    .service = "outbound", .environment = "development", .role = "outbound", .thread = "outbound"};
static _Atomic int level_written = LOG_INFO;
static _Atomic int level_heard = NOBODY;
static _Atomic uint64_t written[LEVELS];
static char process_id[UUID_TEXT_SIZE]; /* of the correlation ids that we make */
static char worker_id[sizeof "worker-" + UUID_TEXT_SIZE];

/* librdkafka's threads log, too; what is below belongs to who holds it. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static struct buffer line_buffer = {.limit = LINE_LIMIT};
static struct buffer who = {.limit = LINE_LIMIT};   /* thread and logger, as a line has them */
static struct buffer where = {.limit = LINE_LIMIT}; /* service and environment, in JSON */
static struct buffer kept = {.limit = PIPE_BUF};
static bool keeps;
static _Atomic bool keeps_some;
static pthread_t kept_for;
static log_listener_fn *heard_by;
static void *heard_arg;

static const char *const level_names[LEVELS] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

/* In text the ids that stand in nearly every line are short. */
static const struct {
    const char *key;
    const char *name; /* NULL: not shown, the thread's name says it */
} text_names[] = {{"correlationId", "corr"}, {"orgId", "org"}, {"userId", "user"}, {"workerType", NULL}};

bool log_wants(enum log_level level)
{
    return (int)level >= level_written || (int)level >= level_heard;
}

bool log_level_named(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

uint64_t log_lines(enum log_level level)
{
    return written[level];
}

void log_listen(enum log_level level, log_listener_fn *listener, void *arg)
{
    pthread_mutex_lock(&one_at_a_time);
    heard_by = listener;
    heard_arg = arg;
    level_heard = listener ? (int)level : NOBODY;
    pthread_mutex_unlock(&one_at_a_time);
}

/* The second's date and time are written once, and found again by the lines of that second. */
static const char *time_text(int64_t wall_ms)
{
    static char text[CLOCK_RFC3339_SIZE];
    static int64_t second = -1;
    const size_t fraction = sizeof "2026-01-31T23:59:59." - 1;
    if (wall_ms / 1000 != second) {
        second = wall_ms / 1000;
        clock_format_rfc3339(wall_ms, text);
    }
    const int ms = (int)(wall_ms % 1000);
    const char digits[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};
    memcpy(text + fraction, digits, sizeof digits);
    return text;
}

/* Keys are ours, and need no escaping. */
static void member(struct buffer *line, const char *key, const char *value)
{
    buffer_text(line, ",\"");
    buffer_text(line, key);
    buffer_text(line, "\":");
    buffer_json_string(line, value, strlen(value));
}

static void write_json(struct buffer *line, const struct log_line *said, const char *time)
{
    buffer_text(line, "{\"@timestamp\":\"");
    buffer_text(line, time);
    buffer_append(line, "\"", 1);
    member(line, "level", level_names[said->level]);
    buffer_append(line, who.bytes, who.length);
    member(line, "message", said->message);
    buffer_append(line, where.bytes, where.length);
    for (const struct log_field *field = said->fields; field->key; field++) {
        member(line, field->key, field->value);
    }
    buffer_append(line, "}\n", 2);
}

/* What is the same in each line of this process. */
static void set_constant_parts(void)
{
    char thread[64];
    (void)snprintf(thread, sizeof thread, "%s-%d", current.thread, (int)getpid());
    buffer_clear(&who);
    buffer_clear(&where);
    if (current.json) {
        member(&who, "thread", thread);
        member(&who, "logger", current.role);
        member(&where, "service", current.service);
        member(&where, "env", current.environment);
    } else {
        buffer_format(&who, " [%s] %s ›", thread, current.role);
    }
}

void log_configure(const struct log_options *options)
{
    current = *options;
    level_written = (int)options->level;
    const struct uuid uuid = uuid_v4();
    uuid_format(&uuid, process_id);
    (void)snprintf(worker_id, sizeof worker_id, "worker-%s", process_id);
    set_constant_parts();
}

static const char *text_name(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(text_names); i++) {
        if (strcmp(key, text_names[i].key) == 0) {
            return text_names[i].name;
        }
    }
    return key;
}

static size_t run_of(const char *text, bool controls)
{
    size_t length = 0;
    while (text[length] && (text[length] == 0x7f || (unsigned char)text[length] < 0x20) == controls) {
        length++;
    }
    return length;
}

/* In others' words line ends would make two lines of one, and other controls would drive the terminal. */
static void one_line(struct buffer *line, const char *text)
{
    while (*text) {
        const size_t plain = run_of(text, false);
        buffer_append(line, text, plain);
        text += plain;
        buffer_append(line, " ", *text ? 1 : 0);
        text += run_of(text, true);
    }
}

static void write_text(struct buffer *line, const struct log_line *said, const char *time)
{
    static const char spaces[] = "     ";
    const size_t level_width = strlen(level_names[said->level]);
    buffer_append(line, time, strlen("2026-01-31"));
    buffer_append(line, " ", 1);
    buffer_append(line, time + strlen("2026-01-31T"), strlen("23:59:59.123"));
    buffer_append(line, " ", 1);
    buffer_text(line, level_names[said->level]);
    buffer_append(line, spaces, strlen(spaces) - level_width);
    buffer_append(line, who.bytes, who.length);
    for (const struct log_field *field = said->fields; field->key; field++) {
        const char *name = text_name(field->key);
        if (name) {
            buffer_text(line, " [");
            buffer_text(line, name);
            buffer_append(line, "=", 1);
            one_line(line, field->value);
            buffer_append(line, "]", 1);
        }
    }
    buffer_append(line, " ", 1);
    one_line(line, said->message);
    buffer_append(line, "\n", 1);
}

static const char *value_of(const struct log_field *fields, const char *key)
{
    for (; fields && fields->key; fields++) {
        if (strcmp(fields->key, key) == 0) {
            return fields->value && *fields->value ? fields->value : NULL;
        }
    }
    return NULL;
}

/* What the line carries, in the order in which it is shown. */
struct line_fields {
    struct log_field list[LOG_FIELDS_MAX + 3];
    char correlation_id[128];
};

static void collect_fields(struct line_fields *all, const struct log_field *given)
{
    size_t count = 0;
    const char *correlation_id = value_of(given, "correlationId");
    const char *message_id = value_of(given, "messageId");
    if (!correlation_id && message_id && *process_id) {
        (void)snprintf(all->correlation_id, sizeof all->correlation_id, "msg-%s-%s", message_id, process_id);
        correlation_id = all->correlation_id;
    } else if (!correlation_id && *worker_id) {
        correlation_id = worker_id;
    }
    if (correlation_id) {
        all->list[count++] = (struct log_field){"correlationId", correlation_id};
    }
    for (; given && given->key && count <= LOG_FIELDS_MAX; given++) {
        if (given->value && *given->value && strcmp(given->key, "correlationId") != 0) {
            all->list[count++] = *given;
        }
    }
    if (current.worker_type) {
        all->list[count++] = (struct log_field){"workerType", current.worker_type};
    }
    all->list[count] = (struct log_field){NULL, NULL};
}

/* A signal may come between, or when a part is written already; where nothing can be written, nobody is told.
 */
static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t part = write(STDERR_FILENO, bytes, length);
        if (part < 0 && errno != EINTR) {
            return;
        }
        bytes += part > 0 ? part : 0;
        length -= part > 0 ? (size_t)part : 0;
    }
}

static void write_kept(void)
{
    write_all(kept.bytes, kept.length);
    buffer_clear(&kept);
    keeps_some = false;
}

static void write_line(const struct log_line *said)
{
    if (who.length == 0) {
        set_constant_parts();
    }
    buffer_clear(&line_buffer);
    (current.json ? write_json : write_text)(&line_buffer, said, time_text(said->wall_ms));
    written[said->level]++;
    const bool keep = keeps && said->level < LOG_WARN && pthread_equal(kept_for, pthread_self());
    if (!keep || kept.length + line_buffer.length > kept.limit) {
        write_kept();
    }
    if (keep && line_buffer.length <= kept.limit) {
        buffer_append(&kept, line_buffer.bytes, line_buffer.length);
        keeps_some = true;
    } else {
        write_all(line_buffer.bytes, line_buffer.length);
    }
}

void log_keep(bool on)
{
    pthread_mutex_lock(&one_at_a_time);
    write_kept();
    keeps = on;
    kept_for = pthread_self();
    pthread_mutex_unlock(&one_at_a_time);
}

void log_flush(void)
{
    if (keeps_some) {
        pthread_mutex_lock(&one_at_a_time);
        write_kept();
        pthread_mutex_unlock(&one_at_a_time);
    }
}

static void say(enum log_level level, bool to_be_written, const struct log_field *fields, const char *format,
                va_list args)
{
    char raw[MESSAGE_MAX];
    char message[MESSAGE_MAX];
    (void)vsnprintf(raw, sizeof raw, format, args);
    mask_text(raw, false, message, sizeof message);
    if (!utf8_is_valid(message, strlen(message))) {
        utf8_repair(message);
    }
    struct line_fields all;
    collect_fields(&all, fields);
    /* "%s" would make one kind of whatever can be said. */
    const struct log_line line = {.level = level,
                                  .wall_ms = clock_wall_ms(),
                                  .fields = all.list,
                                  .format = strcmp(format, "%s") == 0 ? message : format,
                                  .message = message};
    pthread_mutex_lock(&one_at_a_time);
    if (to_be_written) {
        write_line(&line);
    }
    if (heard_by && (int)level >= level_heard) {
        heard_by(heard_arg, &line);
    }
    pthread_mutex_unlock(&one_at_a_time);
}

void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
{
    if (log_wants(level)) {
        va_list args;
        va_start(args, format);
        say(level, (int)level >= level_written, fields, format, args);
        va_end(args);
    }
}

void log_seldom(struct log_seldom *last, const char *format, ...)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool quiet = last->said_ms && now_ms - last->said_ms < SELDOM_MS;
    if (!quiet) {
        last->said_ms = now_ms;
    }
    const enum log_level level = quiet ? LOG_DEBUG : LOG_WARN;
    if (log_wants(level)) {
        va_list args;
        va_start(args, format);
        say(level, (int)level >= level_written, NULL, format, args);
        va_end(args);
    }
}

/* Said at any level: who asked for it wants to know. */
PRINTF_LIKE(1, 2) static void say_always(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(LOG_INFO, true, NULL, format, args);
    va_end(args);
}

void log_change_level(int steps)
{
    const int wanted = level_written + steps;
    const bool there_is = wanted >= (int)LOG_TRACE && wanted <= (int)LOG_ERROR;
    if (there_is) {
        level_written = wanted;
    }
    say_always("the log level is %s%s", there_is ? "now " : "still ", level_names[level_written]);
}
