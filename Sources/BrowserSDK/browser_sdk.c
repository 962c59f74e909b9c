#include "okla_browser_sdk.h"

static const unsigned char script_1_0_0[] = {
#embed "published/okla-1.0.0.min.js"
};
static const unsigned char map_1_0_0[] = {
#embed "published/okla-1.0.0.min.js.map"
};
static const unsigned char snippet[] = {
#embed "snippet.html"
};

struct version {
    struct okla_sdk_text script, map;
};

// A version that was published stays: pages may have it by its hash. A test compares this list with the folder.
static const struct version versions[] = {
    {{script_1_0_0, sizeof script_1_0_0}, {map_1_0_0, sizeof map_1_0_0}},
};

size_t okla_sdk_count(void) { return sizeof versions / sizeof *versions; }

struct okla_sdk_text okla_sdk_script(size_t index) { return versions[index].script; }

struct okla_sdk_text okla_sdk_map(size_t index) { return versions[index].map; }

struct okla_sdk_text okla_sdk_snippet(void) { return (struct okla_sdk_text){snippet, sizeof snippet}; }
