#include "okla_crc32c.h"

#include <string.h>

// Sliced by eight: table[k][b] is the CRC of byte b followed by k zero bytes.
static uint32_t table[8][256];

static void fill_table(void) {
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int bit = 0; bit < 8; bit++) c = (c & 1) ? (c >> 1) ^ 0x82F63B78u : c >> 1;
        table[0][b] = c;
    }
    for (uint32_t b = 0; b < 256; b++)
        for (int k = 1; k < 8; k++) table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xFF];
}

uint32_t okla_crc32c_portable(const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint32_t c = ~0u;
    for (; length >= 8; p += 8, length -= 8) {
        uint32_t low = c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        c = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^ table[4][low >> 24]
            ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; length; p++, length--) c = (c >> 8) ^ table[0][(c ^ *p) & 0xFF];
    return ~c;
}

#if defined(__x86_64__)
#include <immintrin.h>

// The crc32 instruction has a latency of three cycles and a throughput of one, so three independent streams keep it
// busy. Advancing a CRC over the n bytes of a later stream is linear in its bits, so four table look-ups, one for each of
// its bytes, do it.
enum { STREAM = 1024 };
static uint32_t shift_one[4][256], shift_two[4][256];

static uint32_t advance_zeros(uint32_t c, size_t n) {
    for (; n; n--) c = (c >> 8) ^ table[0][c & 0xFF];
    return c;
}

static void fill_shifts(void) {
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t b = 0; b < 256; b++) {
            shift_one[byte][b] = advance_zeros(b << (8 * byte), STREAM);
            shift_two[byte][b] = advance_zeros(b << (8 * byte), 2 * STREAM);
        }
}

static uint32_t shifted(uint32_t t[4][256], uint32_t c) {
    return t[0][c & 0xFF] ^ t[1][c >> 8 & 0xFF] ^ t[2][c >> 16 & 0xFF] ^ t[3][c >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint64_t c = ~0u, word;
    for (; length >= 3 * STREAM; p += 3 * STREAM, length -= 3 * STREAM) {
        uint64_t a = c, b = 0, d = 0;
        for (int i = 0; i < STREAM; i += 8) {
            uint64_t x, y, z;
            memcpy(&x, p + i, 8), memcpy(&y, p + STREAM + i, 8), memcpy(&z, p + 2 * STREAM + i, 8);
            a = _mm_crc32_u64(a, x), b = _mm_crc32_u64(b, y), d = _mm_crc32_u64(d, z);
        }
        c = shifted(shift_two, (uint32_t)a) ^ shifted(shift_one, (uint32_t)b) ^ (uint32_t)d;
    }
    for (; length >= 8; p += 8, length -= 8) memcpy(&word, p, 8), c = _mm_crc32_u64(c, word);
    for (; length; p++, length--) c = _mm_crc32_u8((uint32_t)c, *p);
    return ~(uint32_t)c;
}

int okla_crc32c_is_accelerated(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}

uint32_t okla_crc32c(const void *bytes, size_t length) {
    return okla_crc32c_is_accelerated() ? crc32c_sse42(bytes, length) : okla_crc32c_portable(bytes, length);
}
#else
static void fill_shifts(void) {}
int okla_crc32c_is_accelerated(void) { return 0; }
uint32_t okla_crc32c(const void *bytes, size_t length) { return okla_crc32c_portable(bytes, length); }
#endif

__attribute__((constructor)) static void fill_tables(void) {
    fill_table();
    fill_shifts();
}
