#ifndef OKLA_CRC32C_H
#define OKLA_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4) of `length` bytes.
/// Picks SSE4.2 at run time where the processor has it.
uint32_t okla_crc32c(const void *bytes, size_t length);

/// The table-driven fallback; open to tests, which compare it with `okla_crc32c`.
uint32_t okla_crc32c_portable(const void *bytes, size_t length);

/// 1 where `okla_crc32c` uses the processor's instruction.
int okla_crc32c_is_accelerated(void);

#endif
