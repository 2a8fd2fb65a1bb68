#include "net/acceptor.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/memory.h"
#include "net/net.h"

struct acceptor {
    struct completion accept;
    struct net *net;
    const struct listener *listener;
    int last_error; /* said once, not for every connection */
    bool ended;
};

static void accepted(struct completion *completion)
{
    struct acceptor *acceptor = (struct acceptor *)completion;

    acceptor->ended = !completion->more;
    if (completion->result >= 0) {
        acceptor->last_error = 0;
        net_connected(acceptor->net, completion->result, acceptor->listener);
        return;
    }
    if (completion->result == -ECANCELED || completion->result == acceptor->last_error)
        return;
    acceptor->last_error = completion->result;
    log_write(LOG_WARNING, "Accepting client connection: %s", strerror(-completion->result));
}

struct acceptor *acceptors_create(struct net *net)
{
    struct acceptor *acceptors = memory_alloc_zeroed(net->memory, (size_t)net->listener_count * sizeof *acceptors);

    for (int i = 0; i < net->listener_count; i++)
        acceptors[i] =
            (struct acceptor){.accept.done = accepted, .net = net, .listener = &net->listeners[i]};
    return acceptors;
}

void acceptors_destroy(struct net *net)
{
    memory_free(net->memory, net->acceptors);
}

void acceptors_start(struct net *net)
{
    for (int i = 0; i < net->listener_count; i++)
        loop_accept(net->group->shards[0]->loop, &net->acceptors[i].accept, net->listeners[i].fd);
}

void acceptors_stop(struct net *net)
{
    for (int i = 0; i < net->listener_count; i++)
        if (!net->acceptors[i].ended)
            loop_cancel(net->group->shards[0]->loop, &net->acceptors[i].accept);
}
