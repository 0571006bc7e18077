/* What `outbound check` reads: the first byte says whether a journal (0) or a file of deliveries (1). */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/proof/evidence.h"
#include "tests/fuzz/targets.h"

static void on_stranger(void *arg, const char *id)
{
    (void)arg;
    must(id != NULL);
}

int fuzz_proof(const uint8_t *bytes, size_t length)
{
    char path[64];
    struct error error = {0};
    int64_t cut = 0;
    const int fd = memfd_create("evidence", MFD_CLOEXEC);
    if (length == 0 || fd < 0) {
        return 0;
    }
    must(write(fd, bytes + 1, length - 1) == (ssize_t)length - 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct ledger *ledger = ledger_new();
    const bool fine = bytes[0] == 0 ? evidence_read_journal(ledger, path, &error)
                                    : evidence_read_deliveries(ledger, path, on_stranger, NULL, &cut, &error);
    must(fine || *error.text);
    must(cut == 0 || bytes[length - 1] != '\n');
    for (const struct ledger_message *one = ledger_first(ledger); one; one = ledger_next(one)) {
        must(ledger_find(ledger, text_of(one->key)) == one);
        must(!one->has_id || ledger_find_id(ledger, &one->id) == one);
    }
    ledger_free(ledger);
    (void)close(fd);
    return 0;
}
