# What `./dev lint` looks at, beside the schemas. Each analyser has its exceptions in one file of its own, with reasons:
# .clang-tidy, .cppcheck, and for gcc's -fanalyzer none.
# Sourced by dev.
# shellcheck shell=bash disable=SC2154

# C files of the product and of the tests, one a line, as the compiler gets them.
lint_files() {
  jq -r --arg repo "$repo/" '.[].file | select(startswith($repo) and (startswith($repo + "build/") | not))' \
    "$repo/build/debug/compile_commands.json" | sort -u
}

# clang-tidy on one file, unless it was clean before: what counts is all that the preprocessor makes of it, comments
# included, and the checks.
lint_tidy_file() { # FILE
  local file=$1 command kept
  command=$(jq -r --arg file "$file" 'first(.[] | select(.file == $file)).command' "$repo/build/debug/compile_commands.json")
  command=${command//\\/} # no shell reads it, which would take the quotes within -D for its own
  # shellcheck disable=SC2086 # several words
  kept=$dot/tidy/$({ cat "$repo/.clang-tidy" && ${command% -o *} -E -C "$file"; } | sha256sum | cut -c 1-40)
  [[ -e $kept ]] && return
  clang-tidy-14 --quiet -p "$repo/build/debug" --warnings-as-errors='*' --extra-arg=-Wno-unknown-warning-option "$file" \
    2> >(grep -vE '^[0-9]+ warnings? generated' >&2) && touch "$kept"
}

lint_tidy() {
  mkdir -p "$dot/tidy"
  find "$dot/tidy" -type f -mtime +30 -delete
  export repo dot
  export -f lint_tidy_file
  lint_files | xargs -P "$(nproc)" -I FILE bash -c 'lint_tidy_file FILE'
}

# The product alone: Criterion's macros are not C to it.
lint_cppcheck() {
  local commands=$dot/cppcheck/compile_commands.json
  mkdir -p "$dot/cppcheck/kept"
  jq --arg repo "$repo/" 'map(select(.file | startswith($repo) and (ltrimstr($repo) | test("^(build|tests)/") | not)))' \
    "$repo/build/debug/compile_commands.json" >"$commands"
  cppcheck --quiet -j "$(nproc)" --project="$commands" --cppcheck-build-dir="$dot/cppcheck/kept" \
    --enable=warning,style,performance,portability --suppressions-list="$repo/.cppcheck" --error-exitcode=1
}
