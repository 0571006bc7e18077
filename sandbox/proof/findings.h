/*
 * findings.h - what `outbound check` can find out about a message, and the judgement.
 */
#ifndef SANDBOX_PROOF_FINDINGS_H
#define SANDBOX_PROOF_FINDINGS_H

#include <stdbool.h>

#include "sandbox/proof/ledger.h"

enum finding {
    FOUND_UNFINISHED,
    FOUND_LOST,
    FOUND_PHANTOM,
    FOUND_DUPLICATE_EXPLAINED,
    FOUND_DUPLICATE_UNEXPLAINED,
    FOUND_DISAGREEING,
    FOUND_CHANGED,
    FOUND_LETTERLESS,
    FINDINGS
};

struct finding_row {
    const char *name; /* as in the JSON */
    bool wrong;       /* or unfinished: the exit code is 1 */
    const char *help;
};

extern const struct finding_row finding_table[FINDINGS];

/* How often each of them is true of a message. Sorts what was taken by its attempts. Pure otherwise. */
void findings_judge(struct ledger_message *message, int ret_found[FINDINGS]);

#endif
