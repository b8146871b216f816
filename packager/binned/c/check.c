/* Everything that a model file says is checked before anything is laid out.
 *
 * A tree is told in preorder with two bits a split, so that whatever the bytes say is a tree or is refused: there are
 * no offsets that could point elsewhere. */
#include <math.h>
#include <string.h>

#include "format.h"

#define MAX_COLUMNS 16384
#define MAX_WIDTH (1u << 24)

static const char MAGIC[8] = {'B', 'I', 'N', 'N', 'E', 'D', 0, 1};

/* Take `count` items of `size` bytes, and the padding behind them, off the front; NULL where the bytes end before. */
static const void *take(const uint8_t **at, size_t *left, uint64_t count, uint64_t size)
{
    const uint8_t *start = *at;
    uint64_t bytes = count * size, padded = (bytes + 7) & ~(uint64_t)7; /* counts are 32 bits, widths 24: no overflow */
    if (padded > *left)
        return NULL;
    for (uint64_t i = bytes; i < padded; i++)
        if (start[i])
            return NULL;
    *at += padded;
    *left -= padded;
    return start;
}

static const char *check_header(const Header *h)
{
    if (memcmp(h->magic, MAGIC, sizeof MAGIC))
        return "no binned ensemble of format 1";
    if (h->n_features < 1 || h->n_features > MAX_WIDTH || h->n_columns > MAX_COLUMNS)
        return "its counts of features or columns are out of range";
    if (h->n_trees < 1 || h->n_targets < 1 || h->n_targets > MAX_WIDTH)
        return "its counts of trees or targets are out of range";
    if (h->leaf_width < 1 || h->leaf_width > h->n_targets)
        return "its leaves are wider than the sums";
    if ((uint64_t)h->n_splits + h->n_trees != h->n_leaves || h->n_leaves > 1u << 30)
        return "its counts of splits, trees and leaves do not agree";
    if (h->flags & ~(uint32_t)ROUNDED_TO_FLOAT || h->link > LINK_EXP || h->rule > RULE_LARGEST_RAW)
        return "its flags, link or rule are unknown";
    if (h->bits != 8 && h->bits != 16)
        return "its bins are neither bytes nor 16 bits";
    if (!isfinite(h->divisor) || h->divisor == 0 || !isfinite(h->scale) || isnan(h->limit))
        return "its divisor, scale or limit is no number to use";
    if ((h->rule == RULE_ABOVE || h->rule == RULE_NOT_BELOW) && h->n_targets != 1)
        return "its rule wants one sum a row";
    if (h->rule == RULE_LARGEST_RAW && h->divisor != 1)
        return "its rule wants sums that nothing divides";
    if (h->zero[0] || h->zero[1] || h->zero[2] || h->zero[3])
        return "its header holds more than is known";
    return NULL;
}

static const char *find_sections(const Header *h, const uint8_t *at, size_t left, Sections *s)
{
    s->columns = take(&at, &left, h->n_columns, sizeof(ColumnRecord));
    size_t edge = h->flags & ROUNDED_TO_FLOAT ? sizeof(float) : sizeof(double);
    s->edges = s->columns ? take(&at, &left, h->n_edges, edge) : NULL;
    s->starts = s->edges ? take(&at, &left, h->n_targets, sizeof(double)) : NULL;
    s->targets = s->starts ? take(&at, &left, h->n_trees, sizeof(uint32_t)) : NULL;
    s->sizes = s->targets ? take(&at, &left, h->n_trees, sizeof(uint32_t)) : NULL;
    s->splits = s->sizes ? take(&at, &left, h->n_splits, sizeof(uint32_t)) : NULL;
    s->values = s->splits ? take(&at, &left, h->n_leaves, sizeof(double) * h->leaf_width) : NULL;
    return !s->values || left ? "its size is not what its header says, or its padding is not zero" : NULL;
}

static const char *check_column(const Header *h, const Sections *s, const ColumnRecord *c, uint64_t first)
{
    const ColumnRecord *before = c > s->columns ? c - 1 : NULL;
    int shares = c->flags & SHARES_EDGES, is_set = c->kind == KIND_SET;
    if (c->feature >= h->n_features || c->kind > KIND_SET || c->missing > 1 || c->flags > 7 || c->zero || c->more_zero)
        return "a column is of no known kind";
    if (c->n_edges > (h->bits == 8 && !is_set ? 255u : 65535u))
        return "a column has more edges than its bins can count";
    if (shares && (!before || is_set || before->kind != KIND_RANK || before->feature != c->feature ||
                   before->n_edges != c->n_edges || (before->flags | SHARES_EDGES) != c->flags))
        return "a column shares edges with one of another kind";
    for (uint32_t i = 0; !shares && i < c->n_edges; i++) {
        double edge = edge_at(h, s, first + i);
        if (is_set ? !isfinite(edge) : isnan(edge))
            return "an edge is no number";
        if (i && !(edge_at(h, s, first + i - 1) < edge))
            return "the edges of a column do not rise";
    }
    return NULL;
}

static const char *check_columns(const Header *h, const Sections *s)
{
    uint64_t n_edges = 0;
    for (uint32_t i = 0; i < h->n_columns; i++) {
        const ColumnRecord *c = &s->columns[i];
        uint64_t own = c->flags & SHARES_EDGES ? 0 : c->n_edges;
        if (n_edges + own > h->n_edges)
            return "its columns have more edges than its header says";
        const char *problem = check_column(h, s, c, n_edges);
        if (problem)
            return problem;
        n_edges += own;
    }
    return n_edges == h->n_edges ? NULL : "its columns have fewer edges than its header says";
}

/* Each split wants two children more and is one itself: the walk ends with the tree's last leaf, neither before. */
static const char *check_trees(const Header *h, const Sections *s)
{
    uint64_t at = 0;
    for (uint32_t tree = 0; tree < h->n_trees; tree++) {
        uint64_t size = s->sizes[tree], open = size > 1;
        if (size < 1 || size - 1 > h->n_splits - at)
            return "a tree has more splits than there are";
        if ((uint64_t)s->targets[tree] + h->leaf_width > h->n_targets)
            return "a tree adds to sums that are not there";
        for (uint64_t end = at + size - 1; at < end; at++) {
            uint32_t split = s->splits[at], column = COLUMN(split);
            if (!open)
                return "a tree ends before its last split";
            if (column >= h->n_columns)
                return "a split reads a column that is not there";
            const ColumnRecord *c = &s->columns[column];
            if (RANK(split) >= (c->kind == KIND_SET ? 1 : c->n_edges))
                return "a split has a rank that its column has not";
            open += !(split & LEFT_IS_LEAF) + !(split & RIGHT_IS_LEAF);
            open -= 1;
        }
        if (open)
            return "a tree does not end with its last split";
    }
    return at == h->n_splits ? NULL : "its trees have fewer splits than its header says";
}

const char *check_bytes(const uint8_t *bytes, size_t size, Header *h, Sections *s)
{
    const char *problem;
    if (size < sizeof *h || (uintptr_t)bytes % 8)
        return size < sizeof *h ? "shorter than its header" : "not aligned to 8 bytes";
    memcpy(h, bytes, sizeof *h);
    if ((problem = check_header(h)) || (problem = find_sections(h, bytes + sizeof *h, size - sizeof *h, s)) ||
        (problem = check_columns(h, s)))
        return problem;
    return check_trees(h, s);
}
