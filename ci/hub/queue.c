// SPDX-License-Identifier: GPL-2.0-only
/* Frames that wait for their time; see queue.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "queue.h"

static bool before(const struct hub_packet *a, const struct hub_packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void swap(struct hub_packet **a, struct hub_packet **b)
{
	struct hub_packet *t = *a;

	*a = *b;
	*b = t;
}

static int grow(struct hub_queue *q)
{
	size_t space = q->space ? 2 * q->space : 64;
	struct hub_packet **heap = reallocarray(q->heap, space, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	q->heap = heap;
	q->space = space;
	return 0;
}

int hub_queue_add(struct hub_queue *q, uint64_t due_ns, unsigned int from, unsigned int to,
		  const void *data, size_t len)
{
	struct hub_packet *p;
	size_t i;

	if (q->bytes + len > q->bytes_max)
		return -ENOBUFS;
	if (q->count == q->space && grow(q))
		return -ENOMEM;
	p = malloc(sizeof(*p) + len);
	if (!p)
		return -ENOMEM;
	*p = (struct hub_packet){ due_ns, q->order++, from, to, len };
	memcpy(p->data, data, len);
	q->bytes += len;
	i = q->count++;
	q->heap[i] = p;
	for (; i && before(q->heap[i], q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->heap[i], &q->heap[(i - 1) / 2]);
	return 0;
}

static void sift_down(struct hub_queue *q)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->count) {
		if (child + 1 < q->count && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], q->heap[i]))
			break;
		swap(&q->heap[child], &q->heap[i]);
		i = child;
	}
}

struct hub_packet *hub_queue_take(struct hub_queue *q, uint64_t now_ns)
{
	struct hub_packet *p;

	if (!q->count || q->heap[0]->due_ns > now_ns)
		return NULL;
	p = q->heap[0];
	q->heap[0] = q->heap[--q->count];
	q->bytes -= p->len;
	sift_down(q);
	return p;
}

uint64_t hub_queue_next_ns(const struct hub_queue *q)
{
	return q->count ? q->heap[0]->due_ns : UINT64_MAX;
}

void hub_queue_free(struct hub_queue *q)
{
	while (q->count)
		free(q->heap[--q->count]);
	free(q->heap);
	q->heap = NULL;
	q->space = q->bytes = 0;
}
