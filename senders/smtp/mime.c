#include "senders/smtp/mime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "senders/header_words.h"

#define CRLF "\r\n"
/* RFC 2047, 2: a line with encoded words has 76 characters at most. "Subject: " and these bytes stay below.
 */
#define WORD_BYTES_MAX ((size_t)39)
#define PLAIN_MAX ((size_t)66) /* RFC 5322, 2.1.1: lines should have 78 characters at most */
#define LINE_MAX_QP 76         /* RFC 2045, 6.7: with the "=" of a soft line break */

/* White space between encoded words is not a part of the text (RFC 2047, 6.2), so a line may end there. */
static void encoded_words(struct buffer *mail, const char *text)
{
    header_words_encode(mail, text, WORD_BYTES_MAX, CRLF " ");
}

/* Text that can stand as it is: short, printable ASCII, and nothing that a reader would decode or trim. */
static bool is_plain(const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return length > 0 && length <= PLAIN_MAX && text[0] != ' ' && text[length - 1] != ' ' &&
           !strstr(text, "=?");
}

static void subject(struct buffer *mail, const char *text)
{
    buffer_text(mail, "Subject: ");
    if (is_plain(text)) {
        buffer_text(mail, text);
    } else {
        encoded_words(mail, text);
    }
    buffer_text(mail, CRLF);
}

/* RFC 5322, 3.4: a display name is a quoted string, or encoded words. */
static void from(struct buffer *mail, const char *name, const char *address)
{
    buffer_text(mail, "From: ");
    if (!*name) {
        buffer_format(mail, "%s" CRLF, address);
        return;
    }
    if (is_plain(name)) {
        header_words_quote(mail, name);
    } else {
        encoded_words(mail, name);
    }
    buffer_format(mail, CRLF " <%s>" CRLF, address);
}

/* The names are in English, whatever the locale (RFC 5322, 3.3). */
static void date(struct buffer *mail, time_t when)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    gmtime_r(&when, &tm);
    buffer_format(mail, "Date: %s, %d %s %d %02d:%02d:%02d +0000" CRLF, days[tm.tm_wday], tm.tm_mday,
                  months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The length of the line end at `at`; 0 when there is none. CR, LF and CRLF all end a line of text. */
static size_t line_end(const char *at, const char *end)
{
    if (*at == '\r') {
        return at + 1 < end && at[1] == '\n' ? 2 : 1;
    }
    return *at == '\n';
}

/* RFC 2045, 6.7: what is not printable, "=", and white space at the end of a line become =XX. */
static void quoted_printable(struct buffer *mail, struct text text)
{
    const char *const end = text.bytes + text.length;
    int column = 0;
    for (const char *at = text.bytes; at < end;) {
        const size_t ends = line_end(at, end);
        if (ends > 0) {
            buffer_text(mail, CRLF);
            column = 0;
            at += ends;
            continue;
        }
        const bool last = at + 1 == end || line_end(at + 1, end) > 0;
        const bool blank = *at == ' ' || *at == '\t';
        const bool literal = blank ? !last : *at > 0x20 && *at < 0x7f && *at != '=';
        const int width = literal ? 1 : 3;
        if (column + width > LINE_MAX_QP - (last ? 0 : 1)) {
            buffer_text(mail, "=" CRLF);
            column = 0;
        }
        if (literal) {
            buffer_append(mail, at, 1);
        } else {
            buffer_format(mail, "=%02X", (unsigned char)*at);
        }
        column += width;
        at++;
    }
}

static void part(struct buffer *mail, const char *type, struct text content)
{
    buffer_format(mail, "Content-Type: text/%s; charset=utf-8" CRLF, type);
    buffer_text(mail, "Content-Transfer-Encoding: quoted-printable" CRLF CRLF);
    quoted_printable(mail, content);
}

/* RFC 2046, 5.1.4: the plainest first. "=_" cannot occur in quoted-printable, so no part has the boundary. */
static void alternatives(struct buffer *mail, const struct mime_mail *of)
{
    char boundary[70];
    (void)snprintf(boundary, sizeof boundary, "=_%s", of->message_id);
    buffer_format(mail, "Content-Type: multipart/alternative;" CRLF " boundary=\"%s\"" CRLF CRLF, boundary);
    buffer_format(mail, "--%s" CRLF, boundary);
    part(mail, "plain", of->text);
    buffer_format(mail, CRLF "--%s" CRLF, boundary);
    part(mail, "html", of->html);
    buffer_format(mail, CRLF "--%s--" CRLF, boundary);
}

void mime_write(const struct mime_mail *mail, struct buffer *ret_mail)
{
    date(ret_mail, mail->date);
    from(ret_mail, mail->from_name, mail->from);
    buffer_format(ret_mail, "To: %s" CRLF, mail->to);
    if (*mail->subject) {
        subject(ret_mail, mail->subject);
    }
    buffer_format(ret_mail, "Message-ID: <%s@%s>" CRLF, mail->message_id, strrchr(mail->from, '@') + 1);
    buffer_text(ret_mail, "MIME-Version: 1.0" CRLF);
    if (mail->text.bytes && mail->html.bytes) {
        alternatives(ret_mail, mail);
    } else if (mail->text.bytes) {
        part(ret_mail, "plain", mail->text);
    } else {
        part(ret_mail, "html", mail->html);
    }
}
