/* The strings are taken chunk by chunk, so that what is read again is still in
 * the cache, and each source's chunk is one of three: bytes where they lie, bytes
 * made from a sparse bitmap, or nothing but zeros, which mostly saves the work. */
#include "core/bitmap_combine.h"

#include "core/assert.h"
#include "core/bits.h"
#include "core/idset.h"
#include "core/sparse_bitmap.h"

enum { CHUNK = SPARSE_BITMAP_CHUNK };

/* The chunk that is combined now. */
struct work {
    const struct bitmap_combination *combination;
    size_t chunk;
    size_t length;       /* of it that lies within the longest source */
    char *result;        /* CHUNK bytes, but for the last one of plain bytes */
    char scratch[CHUNK]; /* a source's, where it is not plain or ends here */
    char others[CHUNK];  /* what several sources come to */
};

/* A source's bytes; NULL: zeros. Those beyond its end are zeros. */
static const char *source_bytes(struct work *work, size_t index)
{
    const struct bitmap *source = &work->combination->sources[index];
    size_t at = work->chunk * CHUNK;

    if (at >= source->length)
        return NULL;
    if (source->sparse)
        return sparse_bitmap_read_chunk(source->sparse, work->chunk, work->scratch) ? work->scratch : NULL;
    size_t there = source->length - at;
    if (there >= work->length)
        return source->bytes + at;
    memcpy(work->scratch, source->bytes + at, there);
    memset(work->scratch + there, 0, work->length - there);
    return work->scratch;
}

static void copy_source(struct work *work, size_t index, char *to)
{
    const char *bytes = source_bytes(work, index);

    if (bytes)
        memcpy(to, bytes, work->length);
    else
        memset(to, 0, work->length);
}

typedef void combine_bytes(char *restrict to, const char *restrict by, size_t length);

/* `to` with each source from `first` on. */
static void apply_sources(struct work *work, size_t first, combine_bytes *combine, char *to)
{
    for (size_t index = first; index < work->combination->count; index++) {
        const char *bytes = source_bytes(work, index);

        if (bytes)
            combine(to, bytes, work->length);
    }
}

static void and_sources(struct work *work)
{
    copy_source(work, 0, work->result);
    for (size_t index = 1; index < work->combination->count; index++) {
        const char *bytes = source_bytes(work, index);

        if (bytes == NULL) {
            memset(work->result, 0, work->length);
            return;
        }
        bits_and(work->result, bytes, work->length);
    }
}

/* The union of all sources but the first. */
static void collect_others(struct work *work)
{
    memset(work->others, 0, work->length);
    apply_sources(work, 1, bits_or, work->others);
}

static void tally_sources(struct work *work)
{
    memset(work->result, 0, work->length);
    memset(work->others, 0, work->length);
    for (size_t index = 0; index < work->combination->count; index++) {
        const char *bytes = source_bytes(work, index);

        if (bytes)
            bits_tally(work->result, work->others, bytes, work->length);
    }
    bits_andnot(work->result, work->others, work->length);
}

static void combine_first_and_others(struct work *work)
{
    collect_others(work);
    copy_source(work, 0, work->result);
    switch (work->combination->operation) {
    case BITMAP_DIFF:
        bits_andnot(work->result, work->others, work->length);
        break;
    case BITMAP_DIFF1:
        bits_andnot(work->others, work->result, work->length);
        memcpy(work->result, work->others, work->length);
        break;
    default:
        ASSERT(work->combination->operation == BITMAP_ANDOR);
        bits_and(work->result, work->others, work->length);
    }
}

static void combine_chunk(struct work *work)
{
    switch (work->combination->operation) {
    case BITMAP_AND:
        and_sources(work);
        break;
    case BITMAP_OR:
        copy_source(work, 0, work->result);
        apply_sources(work, 1, bits_or, work->result);
        break;
    case BITMAP_XOR:
        copy_source(work, 0, work->result);
        apply_sources(work, 1, bits_xor, work->result);
        break;
    case BITMAP_NOT:
        copy_source(work, 0, work->result);
        bits_not(work->result, work->length);
        break;
    case BITMAP_ONE:
        tally_sources(work);
        break;
    default:
        combine_first_and_others(work);
    }
}

static void begin_chunk(struct work *work, size_t chunk)
{
    size_t left = work->combination->length - chunk * CHUNK;

    work->chunk = chunk;
    work->length = left < CHUNK ? left : CHUNK;
}

static size_t chunk_count(const struct bitmap_combination *combination)
{
    return (combination->length + CHUNK - 1) / CHUNK;
}

void bitmap_combine(const struct bitmap_combination *combination, char *bytes)
{
    struct work work = {.combination = combination};

    for (size_t chunk = 0; chunk < chunk_count(combination); chunk++) {
        begin_chunk(&work, chunk);
        work.result = bytes + chunk * CHUNK;
        combine_chunk(&work);
    }
}

/* The first chunk from `chunk` on in which a source may have a bit. */
static size_t next_populated(const struct bitmap *source, size_t chunk)
{
    uint32_t bit;

    if (chunk * CHUNK >= source->length)
        return SIZE_MAX;
    if (!source->sparse)
        return chunk;
    return idset_next_member(source->sparse->set, (uint32_t)(chunk * CHUNK * 8), &bit) ? bit / 8 / CHUNK : SIZE_MAX;
}

/* The same of the result. */
static size_t next_chunk(const struct bitmap_combination *combination, size_t chunk)
{
    size_t next = SIZE_MAX;

    if (combination->operation == BITMAP_NOT)
        return chunk;
    for (size_t index = 0; index < combination->count && next > chunk; index++) {
        size_t populated = next_populated(&combination->sources[index], chunk);

        next = populated < next ? populated : next;
    }
    return next;
}

struct sparse_bitmap *bitmap_combine_sparse(const struct bitmap_combination *combination, struct memory *memory)
{
    struct sparse_bitmap *result = sparse_bitmap_create(memory, combination->length);
    struct work work = {.combination = combination};
    char bytes[CHUNK];

    for (size_t chunk = 0; (chunk = next_chunk(combination, chunk)) < chunk_count(combination); chunk++) {
        begin_chunk(&work, chunk);
        work.result = bytes;
        combine_chunk(&work);
        memset(bytes + work.length, 0, CHUNK - work.length);
        sparse_bitmap_write_chunk(result, chunk, bytes);
    }
    return result;
}

bool bitmap_combination_is_sparse(const struct bitmap_combination *combination)
{
    size_t plain_bytes = 0;
    bool any = false;

    for (size_t index = 0; index < combination->count; index++) {
        any |= combination->sources[index].sparse != NULL;
        plain_bytes += combination->sources[index].sparse ? 0 : combination->sources[index].length;
    }
    return any && plain_bytes <= combination->length / 4 && combination->length <= SPARSE_BITMAP_LENGTH_MAX;
}
