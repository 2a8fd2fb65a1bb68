/* Strings as bits, in Redis's order: bit 0 is the top bit of byte 0.
 *
 * Everything here works on the bytes where they lie, at any alignment, in words
 * and vectors. Bounds are included. Pure functions, any thread. */
#ifndef CORE_BITS_H
#define CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t bits_count(const char *bytes, size_t length);
uint64_t bits_count_range(const char *bytes, uint64_t first, uint64_t last);
/* The first bit from `first` to `last` that is `bit`. False: there is none. */
bool bits_find(const char *bytes, bool bit, uint64_t first, uint64_t last, uint64_t *at);

/* Up to 64 bits from `offset` on as an unsigned number, highest first; all within the bytes. */
uint64_t bits_read(const char *bytes, uint64_t offset, unsigned width);
void bits_write(char *bytes, uint64_t offset, unsigned width, uint64_t value);

/* Reverses the order of the bits in each byte: between this order and that of bit n in word n / 64. */
void bits_mirror(uint64_t *words, size_t count);

/* Each sets or clears bits of `to` by those of `by`. */
void bits_and(char *restrict to, const char *restrict by, size_t length);
void bits_or(char *restrict to, const char *restrict by, size_t length);
void bits_xor(char *restrict to, const char *restrict by, size_t length);
void bits_andnot(char *restrict to, const char *restrict by, size_t length);
void bits_not(char *to, size_t length);
/* One more string of which those bits are wanted that are set in exactly one: `twice` collects the others. */
void bits_tally(char *restrict once, char *restrict twice, const char *restrict by, size_t length);

#endif
