#ifndef OKLA_CATALOGUE_H
#define OKLA_CATALOGUE_H

#include <stddef.h>

/// The catalogue's files, as they were when the binary was built. They live as long as the process; any thread may read them.

/// Number of files.
size_t okla_catalogue_count(void);

/// The path of file `index` within `schemas`, such as "vehicle_view.json" or "shared/event.json"; files stand in the order of
/// the bytes of these paths. NULL from `okla_catalogue_count` on.
const char *okla_catalogue_name(size_t index);

/// The first byte of file `index`; a zero byte follows the last one. NULL from `okla_catalogue_count` on.
const unsigned char *okla_catalogue_bytes(size_t index);

/// The length of file `index` in bytes, without the zero byte. 0 from `okla_catalogue_count` on.
size_t okla_catalogue_length(size_t index);

#endif
