/* The options of XADD before its fields, and of XTRIM: how to trim. */
#ifndef CORE_STREAM_TRIM_ARGS_H
#define CORE_STREAM_TRIM_ARGS_H

#include "core/stream_value.h"

struct call;

struct stream_trim_args {
    bool trims;
    bool no_create; /* XADD: NOMKSTREAM */
    struct stream_trim trim;
    enum stream_id_choice choice; /* XADD */
    struct stream_id id;
    int end; /* XADD: the first argument behind the ID */
};

/* False: answered. */
MUST_USE bool stream_trim_args_of_xadd(struct call *call, struct stream_trim_args *args);
MUST_USE bool stream_trim_args_of_xtrim(struct call *call, struct stream_trim_args *args);

#endif
