#ifndef OKLA_BROWSER_SDK_H
#define OKLA_BROWSER_SDK_H

#include <stddef.h>

/// The browser SDK's published files, as they were when the binary was built. They live as long as the process; any thread may read
/// them.

struct okla_sdk_text {
    const unsigned char *bytes;
    size_t length;
};

/// Number of versions.
size_t okla_sdk_count(void);

/// The script of version `index`, from the oldest to the newest.
struct okla_sdk_text okla_sdk_script(size_t index);

/// Its source map.
struct okla_sdk_text okla_sdk_map(size_t index);

/// What pages paste: snippet.html, with the address and the key of the specification.
struct okla_sdk_text okla_sdk_snippet(void);

#endif
