/* One table of notes: of a script as such, and of it with one group. */
#include "shards/script_memory.h"

#include "core/memory.h"

enum {
    NOTES_LEAST = 64,
    NOTES_MOST = 1 << 16,    /* then all is forgotten */
    GROUPS_MOST = 64,        /* with so many the script is wide as such */
    PATIENCE_LEAST = 64,     /* so many runs within its keys' shards, and it is tried there again */
    PATIENCE_MOST = 1 << 20, /* it doubles each time, up to this */
};

struct script_note {
    uint64_t key; /* 0: free */
    uint32_t patience;
    uint32_t quiet : 31; /* runs since it last touched others */
    uint32_t wide : 1;
    uint32_t groups; /* of a script: how many notes with a group have been made */
};

void script_memory_init(struct script_memory *memory, struct memory *account)
{
    *memory = (struct script_memory){.memory = account};
}

void script_memory_deinit(struct script_memory *memory)
{
    memory_free(memory->memory, memory->notes);
}

static uint64_t key_of_script(struct script_case which)
{
    return which.script | 1;
}

static uint64_t key_of_group(struct script_case which)
{
    return (which.script ^ (which.group * UINT64_C(0x9e3779b97f4a7c15) + 1)) | 1;
}

static struct script_note *place_of(const struct script_memory *memory, uint64_t key)
{
    size_t mask = memory->capacity - 1, at = (key >> 1) & mask;

    while (memory->notes[at].key != 0 && memory->notes[at].key != key)
        at = (at + 1) & mask;
    return &memory->notes[at];
}

/* NULL: there is none. */
static struct script_note *find(const struct script_memory *memory, uint64_t key)
{
    struct script_note *note;

    if (memory->count == 0)
        return NULL;
    note = place_of(memory, key);
    return note->key ? note : NULL;
}

static void grow(struct script_memory *memory)
{
    struct script_memory old = *memory;
    bool full = old.capacity == NOTES_MOST;

    memory->capacity = full ? old.capacity : old.capacity ? 2 * old.capacity : NOTES_LEAST;
    memory->notes = memory_alloc_zeroed(memory->memory, memory->capacity * sizeof *memory->notes);
    memory->count = full ? 0 : old.count;
    for (size_t i = 0; i < old.capacity && !full; i++)
        if (old.notes[i].key)
            *place_of(memory, old.notes[i].key) = old.notes[i];
    memory_free(memory->memory, old.notes);
}

/* The note, made where there is none. It stays where it is until the next is made. */
static struct script_note *get(struct script_memory *memory, uint64_t key)
{
    struct script_note *note = find(memory, key);

    if (note)
        return note;
    if (2 * memory->count >= memory->capacity)
        grow(memory);
    note = place_of(memory, key);
    *note = (struct script_note){.key = key, .patience = PATIENCE_LEAST};
    memory->count++;
    return note;
}

bool script_memory_is_wide(const struct script_memory *memory, struct script_case which)
{
    const struct script_note *script = find(memory, key_of_script(which));

    if (!script || script->wide || script->groups == 0)
        return !script || script->wide;
    const struct script_note *group = find(memory, key_of_group(which));
    return group && group->wide;
}

static void learn_wide(struct script_note *note)
{
    note->quiet = 0;
    note->wide = true;
}

static void learn_quiet(struct script_note *note)
{
    if (!note->wide || ++note->quiet < note->patience)
        return;
    note->wide = false;
    note->quiet = 0;
    if (note->patience < PATIENCE_MOST)
        note->patience *= 2;
}

void script_memory_learn(struct script_memory *memory, struct script_case which, bool stayed)
{
    struct script_note *group = stayed ? find(memory, key_of_group(which)) : get(memory, key_of_group(which));
    bool is_new = group && !group->wide && group->patience == PATIENCE_LEAST;

    if (group && stayed)
        learn_quiet(group);
    else if (group)
        learn_wide(group);
    struct script_note *script = get(memory, key_of_script(which)); /* the other may have moved */
    if (stayed) {
        learn_quiet(script);
        return;
    }
    script->groups += is_new;
    if (script->wide || script->groups > GROUPS_MOST)
        learn_wide(script);
}
