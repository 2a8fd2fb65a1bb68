/* Every command's handler and every merge of its own, for command_table.c.
 *
 * A handler is cmd_NAME, a subcommand's cmd_CONTAINER_SUBCOMMAND; the files are
 * cmd_GROUP.c. Merges that any command may use are in merge.h. */
#ifndef CORE_HANDLERS_H
#define CORE_HANDLERS_H

#include "core/command.h"

/* string */
command_handler cmd_append, cmd_decr, cmd_decrby, cmd_delex, cmd_digest, cmd_get, cmd_getdel, cmd_getex, cmd_getrange,
    cmd_getset, cmd_incr, cmd_incrby, cmd_incrbyfloat, cmd_lcs, cmd_mget, cmd_mset, cmd_msetex, cmd_msetnx, cmd_psetex,
    cmd_set, cmd_setex, cmd_setnx, cmd_setrange, cmd_strlen, cmd_substr;

/* generic */
command_handler cmd_copy, cmd_del, cmd_dump, cmd_exists, cmd_expire, cmd_expireat, cmd_expiretime, cmd_keys, cmd_move,
    cmd_persist, cmd_pexpire, cmd_pexpireat, cmd_pexpiretime, cmd_pttl, cmd_randomkey, cmd_rename, cmd_renamenx,
    cmd_restore, cmd_scan, cmd_sort, cmd_sort_ro, cmd_touch, cmd_ttl, cmd_type, cmd_unlink, cmd_wait, cmd_waitaof;
command_handler cmd_object_encoding, cmd_object_freq, cmd_object_help, cmd_object_idletime, cmd_object_refcount;

/* connection */
command_handler cmd_acl_cat, cmd_acl_deluser, cmd_acl_dryrun, cmd_acl_file, cmd_acl_genpass, cmd_acl_getuser,
    cmd_acl_help, cmd_acl_list, cmd_acl_log, cmd_acl_setuser, cmd_acl_users, cmd_acl_whoami;
command_handler cmd_auth, cmd_echo, cmd_hello, cmd_ping, cmd_quit, cmd_reset, cmd_select;
command_handler cmd_client_caching, cmd_client_getname, cmd_client_getredir, cmd_client_help, cmd_client_id,
    cmd_client_info, cmd_client_kill, cmd_client_list, cmd_client_no_evict, cmd_client_no_touch, cmd_client_pause,
    cmd_client_reply, cmd_client_setinfo, cmd_client_setname, cmd_client_tracking, cmd_client_trackinginfo,
    cmd_client_unblock, cmd_client_unpause;
command_merge merge_client_list, merge_client_kill;

/* transactions; what ends in _run is for the shards of the keys, and has no row in the table */
command_handler cmd_discard, cmd_exec, cmd_exec_run, cmd_multi, cmd_unwatch, cmd_unwatch_run, cmd_watch, cmd_watch_run;

/* server */
command_handler cmd_bgrewriteaof, cmd_bgsave, cmd_lastsave, cmd_save;
command_handler cmd_dbsize, cmd_flushall, cmd_flushdb, cmd_info, cmd_lolwut, cmd_shutdown, cmd_swapdb, cmd_time;
command_merge merge_info;
command_handler cmd_command, cmd_command_count, cmd_command_docs, cmd_command_getkeys, cmd_command_getkeysandflags,
    cmd_command_help, cmd_command_info, cmd_command_list;
command_handler cmd_config_get, cmd_config_help, cmd_config_resetstat, cmd_config_rewrite, cmd_config_set;
command_handler cmd_memory_doctor, cmd_memory_help, cmd_memory_malloc_stats, cmd_memory_purge, cmd_memory_stats,
    cmd_memory_usage;
command_merge merge_memory_doctor, merge_memory_malloc_stats, merge_memory_stats;

command_handler cmd_latency_help, cmd_latency_histogram, cmd_latency_part, cmd_latency_reset;
command_merge merge_latency_doctor, merge_latency_graph, merge_latency_histogram, merge_latency_history,
    merge_latency_latest, merge_latency_reset;
command_handler cmd_monitor;
command_handler cmd_slowlog_get, cmd_slowlog_help, cmd_slowlog_len, cmd_slowlog_reset;
command_merge merge_slowlog_get, merge_slowlog_len;
command_hides hides_acl_setuser, hides_auth, hides_hello, hides_config_set;

command_handler cmd_cluster_disabled, cmd_failover, cmd_module_help, cmd_module_list, cmd_replicaof, cmd_role;

/* cmd_debug answers for subcommands that there are none of. */
command_handler cmd_debug, cmd_debug_change_repl_id, cmd_debug_digest, cmd_debug_digest_value, cmd_debug_error,
    cmd_debug_help, cmd_debug_htstats, cmd_debug_htstats_key, cmd_debug_jmap, cmd_debug_listpack, cmd_debug_loadaof,
    cmd_debug_log, cmd_debug_object, cmd_debug_populate, cmd_debug_protocol, cmd_debug_quicklist,
    cmd_debug_quicklist_packed_threshold, cmd_debug_reload, cmd_debug_set_active_expire, cmd_debug_sleep,
    cmd_debug_stringmatch_len;

/* scripting */
command_handler cmd_eval, cmd_eval_ro, cmd_evalsha, cmd_evalsha_ro;
command_reaches_all eval_reaches_all;
command_declares eval_declares, evalsha_declares;
command_handler cmd_fcall, cmd_fcall_ro;
command_reaches_all fcall_reaches_all;
command_declares fcall_declares;
command_handler cmd_function_delete, cmd_function_dump, cmd_function_flush, cmd_function_help, cmd_function_kill,
    cmd_function_list, cmd_function_load, cmd_function_restore, cmd_function_stats;
command_handler cmd_script_debug, cmd_script_exists, cmd_script_flush, cmd_script_help, cmd_script_kill,
    cmd_script_load;

/* list */
command_handler cmd_blmove, cmd_blmpop, cmd_blpop, cmd_brpop, cmd_brpoplpush, cmd_lindex, cmd_linsert, cmd_llen,
    cmd_lmove, cmd_lmpop, cmd_lpop, cmd_lpos, cmd_lpush, cmd_lpushx, cmd_lrange, cmd_lrem, cmd_lset, cmd_ltrim,
    cmd_rpop, cmd_rpoplpush, cmd_rpush, cmd_rpushx;

/* hash */
command_handler cmd_hdel, cmd_hexists, cmd_hget, cmd_hgetall, cmd_hincrby, cmd_hincrbyfloat, cmd_hkeys, cmd_hlen,
    cmd_hmget, cmd_hmset, cmd_hrandfield, cmd_hscan, cmd_hset, cmd_hsetnx, cmd_hstrlen, cmd_hvals;
command_handler cmd_hexpire, cmd_hexpireat, cmd_hexpiretime, cmd_hpersist, cmd_hpexpire, cmd_hpexpireat,
    cmd_hpexpiretime, cmd_hpttl, cmd_httl;
command_handler cmd_hgetdel, cmd_hgetex, cmd_hsetex;

/* set */
command_handler cmd_sadd, cmd_scard, cmd_sdiff, cmd_sdiffstore, cmd_sinter, cmd_sintercard, cmd_sinterstore,
    cmd_sismember, cmd_smembers, cmd_smismember, cmd_smove, cmd_spop, cmd_srandmember, cmd_srem, cmd_sscan, cmd_sunion,
    cmd_sunionstore;

/* sorted set */
command_handler cmd_bzmpop, cmd_bzpopmax, cmd_bzpopmin, cmd_zadd, cmd_zcard, cmd_zcount, cmd_zdiff, cmd_zdiffstore,
    cmd_zincrby, cmd_zinter, cmd_zintercard, cmd_zinterstore, cmd_zlexcount, cmd_zmpop, cmd_zmscore, cmd_zpopmax,
    cmd_zpopmin, cmd_zrandmember, cmd_zrange, cmd_zrangebylex, cmd_zrangebyscore, cmd_zrangestore, cmd_zrank, cmd_zrem,
    cmd_zremrangebylex, cmd_zremrangebyrank, cmd_zremrangebyscore, cmd_zrevrange, cmd_zrevrangebylex,
    cmd_zrevrangebyscore, cmd_zrevrank, cmd_zscan, cmd_zscore, cmd_zunion, cmd_zunionstore;

/* bitmap */
command_handler cmd_bitcount, cmd_bitfield, cmd_bitfield_ro, cmd_bitop, cmd_bitpos, cmd_getbit, cmd_setbit;

/* hyperloglog */
command_handler cmd_pfadd, cmd_pfcount, cmd_pfdebug, cmd_pfmerge, cmd_pfselftest;

/* geo */
command_handler cmd_geoadd, cmd_geodist, cmd_geohash, cmd_geopos, cmd_georadius, cmd_georadius_ro,
    cmd_georadiusbymember, cmd_georadiusbymember_ro, cmd_geosearch, cmd_geosearchstore;

/* stream */
command_handler cmd_xack, cmd_xackdel, cmd_xadd, cmd_xautoclaim, cmd_xclaim, cmd_xdel, cmd_xdelex, cmd_xlen,
    cmd_xpending, cmd_xrange, cmd_xread, cmd_xreadgroup, cmd_xrevrange, cmd_xsetid, cmd_xtrim;
command_handler cmd_xgroup_create, cmd_xgroup_createconsumer, cmd_xgroup_delconsumer, cmd_xgroup_destroy,
    cmd_xgroup_help, cmd_xgroup_setid;
command_handler cmd_xinfo_consumers, cmd_xinfo_groups, cmd_xinfo_help, cmd_xinfo_stream;

/* pubsub: cmd_publish and cmd_subscribe serve all of their kin */
command_handler cmd_publish, cmd_subscribe;
command_handler cmd_pubsub_channels, cmd_pubsub_help, cmd_pubsub_numpat, cmd_pubsub_numsub, cmd_pubsub_shardchannels,
    cmd_pubsub_shardnumsub;

#endif
