/* What a command is about to change of a large value: for a row's `save`.
 *
 * Called before the command runs on a key that is there, writes to it, and is not kept
 * as a whole yet, with the key's place in argv. Arguments that do not fit the command
 * are its own to refuse: then what is kept here is what is still there. */
#ifndef CORE_UNDO_SAVE_H
#define CORE_UNDO_SAVE_H

struct call;
struct entry;
struct undo;

typedef void command_save(struct undo *undo, const struct call *call, struct entry *entry, int key);

/* Where a row says nothing: the command gets a copy of the value. */
command_save undo_save_value;
/* The keyspace sees all that is done: the key is removed, moved, or only its deadline changes. */
command_save undo_save_nothing;
/* The key gets another value as a whole, in place only where it is a string. */
command_save undo_save_string, undo_save_sort;
/* Parts of a string. */
command_save undo_save_append, undo_save_setrange, undo_save_setbit;
/* Ends and elements of a list. */
command_save undo_save_push, undo_save_pop, undo_save_move, undo_save_trim, undo_save_lrem;
/* The fields at 2, 4, 6 …; all from 2 on; the one at 2. */
command_save undo_save_field_pairs, undo_save_fields, undo_save_field;
/* The members from 2 on; the one at 3 of both sets; one drawn by lot. */
command_save undo_save_members, undo_save_smove, undo_save_spop;
/* The members that end the arguments, each behind a score, or behind two coordinates; all from 2 on; the one at 3;
 * those of ranks, scores, from a member to another; the first and the last ones. */
command_save undo_save_zadd, undo_save_geoadd, undo_save_zrem, undo_save_zincrby, undo_save_ranks, undo_save_scores,
    undo_save_lex, undo_save_zpopmin, undo_save_zpopmax;
/* Entries of a stream, and what it knows of them. */
command_save undo_save_entries;

#endif
