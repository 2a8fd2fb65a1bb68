#include "core/stream_keep.h"

#include "core/assert.h"

struct stream_keep *stream_keep_begin(struct stream *stream)
{
    struct stream_keep *keep = memory_alloc(&stream->memory, sizeof *keep);

    ASSERT(stream->keep == NULL);
    *keep = (struct stream_keep){
        .stream = stream,
        .length = stream->length,
        .added = stream->added,
        .first_id = stream->first_id,
        .last_id = stream->last_id,
        .max_deleted_id = stream->max_deleted_id,
    };
    return stream->keep = keep;
}

void stream_keep_end(struct stream_keep *keep)
{
    keep->stream->keep = NULL;
}

/* Whether the block has just come or is kept already: changes to it need no copy. */
static bool is_kept(const struct stream_keep *keep, const struct stream_block *block)
{
    return keep->last && keep->last->block == block && keep->last->how != STREAM_KEPT_TAKEN;
}

void stream_keep_note(struct stream *stream, enum stream_kept_how how, struct stream_block *block)
{
    struct stream_keep *keep = stream->keep;

    if (how == STREAM_KEPT_CHANGED && is_kept(keep, block))
        return;
    struct stream_kept *kept = memory_alloc(&stream->memory, sizeof *kept);
    *kept = (struct stream_kept){keep->last, how, block, NULL};
    if (how == STREAM_KEPT_CHANGED)
        kept->pack = listpack_copy(&stream->memory, block->pack);
    keep->last = kept;
}

static void take_back(struct stream *stream, struct stream_kept *kept)
{
    struct stream_block *block = kept->block;

    switch (kept->how) {
    case STREAM_KEPT_ADDED:
        bptree_remove(&stream->blocks, block->first.ms, &block->first);
        stream_block_destroy(&stream->memory, block);
        return;
    case STREAM_KEPT_TAKEN:
        bptree_insert(&stream->blocks, (struct bptree_item){block->first.ms, (uintptr_t)block}, &block->first);
        return;
    case STREAM_KEPT_CHANGED:
        listpack_free(&stream->memory, block->pack);
        block->pack = kept->pack;
        return;
    }
}

static struct stream_block *last_block(const struct stream *stream)
{
    struct bptree_place place = bptree_last(&stream->blocks);
    const struct bptree_item *item = bptree_get(&place);

    return item ? stream_payload(item) : NULL;
}

/* The shape does not go back: a group may stand in what is gone. */
void stream_keep_back(struct stream_keep *keep)
{
    struct stream *stream = keep->stream;

    for (struct stream_kept *kept = keep->last, *before; kept; kept = before) {
        before = kept->before;
        take_back(stream, kept);
        memory_free(&stream->memory, kept);
    }
    stream->last = last_block(stream);
    stream->length = keep->length;
    stream->added = keep->added;
    stream->first_id = keep->first_id;
    stream->last_id = keep->last_id;
    stream->max_deleted_id = keep->max_deleted_id;
    stream->shape++;
    memory_free(&stream->memory, keep);
}

void stream_keep_release(struct stream_keep *keep)
{
    struct stream *stream = keep->stream;

    for (struct stream_kept *kept = keep->last, *before; kept; kept = before) {
        before = kept->before;
        if (kept->how == STREAM_KEPT_TAKEN)
            stream_block_destroy(&stream->memory, kept->block);
        if (kept->how == STREAM_KEPT_CHANGED)
            listpack_free(&stream->memory, kept->pack);
        memory_free(&stream->memory, kept);
    }
    memory_free(&stream->memory, keep);
}
