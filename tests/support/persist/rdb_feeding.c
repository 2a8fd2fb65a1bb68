#include "tests/support/persist/rdb_feeding.h"

void rdb_feeding_init(struct rdb_feeding *feeding, struct memory *memory, struct str file, size_t piece_most,
                      bool knows_size)
{
    rdb_file_reader_init(&feeding->reader, memory, "dump.rdb", knows_size ? file.length : FILE_BYTES_UNKNOWN, true);
    feeding->left = file;
    feeding->piece_most = piece_most;
}

void rdb_feeding_deinit(struct rdb_feeding *feeding)
{
    rdb_file_reader_deinit(&feeding->reader);
}

static void feed(struct rdb_feeding *feeding)
{
    size_t room;
    char *to = file_window_room(&feeding->reader.window, &room);
    size_t piece = feeding->left.length;

    piece = piece < room ? piece : room;
    piece = piece < feeding->piece_most ? piece : feeding->piece_most;
    str_copy(to, (struct str){feeding->left.bytes, piece});
    file_window_filled(&feeding->reader.window, piece);
    feeding->left.bytes += piece;
    feeding->left.length -= piece;
    if (piece == 0)
        file_window_filled_all(&feeding->reader.window);
}

enum rdb_file_status rdb_feeding_next(struct rdb_feeding *feeding, struct rdb_record *record)
{
    enum rdb_file_status status;

    while ((status = rdb_file_reader_next(&feeding->reader, record)) == RDB_FILE_HUNGRY)
        feed(feeding);
    return status;
}
