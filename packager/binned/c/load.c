/* From the bytes of a model file to an ensemble: everything is checked before anything is laid out.
 *
 * A tree is told in preorder with two bits a split, so that whatever the bytes say is a tree or is refused: there are
 * no offsets that could point elsewhere. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian"
#endif

#define MAX_COLUMNS 16384
#define MAX_WIDTH (1u << 24)
#define MAX_BLENDED_LEAVES 65536
#define RANK(split) ((split) & 0xFFFF)
#define COLUMN(split) ((split) >> 16 & 0x3FFF)
#define LEFT_IS_LEAF (1u << 30)
#define RIGHT_IS_LEAF (1u << 31)

static const char MAGIC[8] = {'B', 'I', 'N', 'N', 'E', 'D', 0, 1};

typedef struct {
    char magic[8];
    uint32_t n_features, n_columns, n_trees, n_targets, leaf_width, n_splits, n_leaves, n_edges;
    uint32_t flags, link, rule, bits;
    double divisor, scale, limit;
    uint32_t zero[4];
} Header;

typedef struct {
    uint32_t feature;
    uint8_t kind, missing, flags, zero;
    uint32_t n_edges, more_zero;
} ColumnRecord;

typedef struct {
    const ColumnRecord *columns;
    const double *edges, *starts;
    const uint32_t *targets, *sizes, *splits;
    const double *values;
} Sections;

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
    s->edges = s->columns ? take(&at, &left, h->n_edges, sizeof(double)) : NULL;
    s->starts = s->edges ? take(&at, &left, h->n_targets, sizeof(double)) : NULL;
    s->targets = s->starts ? take(&at, &left, h->n_trees, sizeof(uint32_t)) : NULL;
    s->sizes = s->targets ? take(&at, &left, h->n_trees, sizeof(uint32_t)) : NULL;
    s->splits = s->sizes ? take(&at, &left, h->n_splits, sizeof(uint32_t)) : NULL;
    s->values = s->splits ? take(&at, &left, h->n_leaves, sizeof(double) * h->leaf_width) : NULL;
    return !s->values || left ? "its size is not what its header says, or its padding is not zero" : NULL;
}

static const char *check_column(const Header *h, const ColumnRecord *c, const ColumnRecord *before, const double *edges)
{
    int shares = c->flags & SHARES_EDGES, is_set = c->kind == KIND_SET;
    if (c->feature >= h->n_features || c->kind > KIND_SET || c->missing > 1 || c->flags > 7 || c->zero || c->more_zero)
        return "a column is of no known kind";
    if (c->n_edges > (h->bits == 8 && !is_set ? 255u : 65535u))
        return "a column has more edges than its bins can count";
    if (shares && (!before || is_set || before->kind != KIND_RANK || before->feature != c->feature ||
                   before->n_edges != c->n_edges || (before->flags | SHARES_EDGES) != c->flags))
        return "a column shares edges with one of another kind";
    for (uint32_t i = 0; !shares && i < c->n_edges; i++)
        if (is_set ? !isfinite(edges[i]) : isnan(edges[i]))
            return "an edge is no number";
        else if (i && !(edges[i - 1] < edges[i]))
            return "the edges of a column do not rise";
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
        const char *problem = check_column(h, c, i ? c - 1 : NULL, s->edges + n_edges);
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

static uint32_t levels_for(uint32_t n_edges)
{
    uint32_t levels = 0;
    while ((1u << levels) - 1 < n_edges)
        levels++;
    return levels;
}

static int lay_out_columns(Ensemble *e, const Sections *s)
{
    size_t room = 1;
    for (uint32_t i = 0; i < e->n_columns; i++)
        if (!(s->columns[i].flags & SHARES_EDGES))
            room += ((size_t)1 << levels_for(s->columns[i].n_edges)) - 1;
    e->columns = calloc(e->n_columns + 1, sizeof(Column));
    e->edges = malloc(room * sizeof(double));
    if (!e->columns || !e->edges)
        return -1;
    double *next = e->edges;
    const double *from = s->edges;
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const ColumnRecord *r = &s->columns[i];
        Column *c = &e->columns[i];
        if (r->flags & SHARES_EDGES) {
            *c = c[-1];
            c->flags = r->flags;
            c->missing_right = r->missing;
            continue;
        }
        uint32_t levels = levels_for(r->n_edges), padded = (1u << levels) - 1;
        *c = (Column){r->feature, r->kind, r->missing, r->flags, r->n_edges, levels, next, {0}};
        memcpy(next, from, r->n_edges * sizeof(double));
        for (uint32_t edge = r->n_edges; edge < padded; edge++)
            next[edge] = INFINITY;
        for (uint32_t level = 0, node = 0; level < 4 && level < levels; level++)
            for (uint32_t i = 0; i < 1u << level; i++, node++)
                c->top[node] = next[((2 * i + 1) << (levels - level - 1)) - 1];
        next += padded;
        from += r->n_edges;
    }
    return 0;
}

/* What is known of one tree while it is laid out; its splits in preorder. */
typedef struct {
    uint32_t *right;   /* the right child's split, where it is one */
    uint32_t *leaves;  /* leaves below */
    uint32_t *slots;   /* slots that are alive at once while the subtree is evaluated */
    uint32_t *stack;
} Scratch;

static int16_t biased(const Ensemble *e, uint32_t rank)
{
    return (int16_t)((int32_t)rank - (e->is_wide ? 32768 : 128));
}

/* Fill `right`, `leaves` and `slots` from the end of the preorder on: children come behind their parents. */
static void measure(const uint32_t *splits, uint32_t n, const Scratch *s)
{
    uint32_t height = 0; /* of the stack of finished subtrees, the nearest to the right on top */
    for (uint32_t i = n; i-- > 0;) {
        uint32_t left_leaves = 1, right_leaves = 1, left_slots = 0, right_slots = 0;
        if (!(splits[i] & LEFT_IS_LEAF)) {
            uint32_t child = s->stack[--height];
            left_leaves = s->leaves[child], left_slots = s->slots[child];
        }
        s->right[i] = 0;
        if (!(splits[i] & RIGHT_IS_LEAF)) {
            uint32_t child = s->stack[--height];
            right_leaves = s->leaves[child], right_slots = s->slots[child];
            s->right[i] = child;
        }
        s->leaves[i] = left_leaves + right_leaves;
        uint32_t more = left_slots > right_slots ? left_slots : right_slots;
        s->slots[i] = left_slots == right_slots ? more + 1 : more;
        s->stack[height++] = i;
    }
}

/* Emit the steps of a tree: of two subtrees the one that needs more slots comes first, and waits in its slot. */
static void lay_out_steps(Ensemble *e, const uint32_t *splits, const Scratch *s, Step *out)
{
    /* A frame is a split, the slot that it fills (5 bits) and whether its children are done (1 bit). */
    uint32_t *frames = s->stack, top = 0;
    frames[top++] = 0;
    while (top) {
        uint32_t frame = frames[--top], i = frame >> 6, slot = frame >> 1 & 31, split = splits[i];
        int has_left = !(split & LEFT_IS_LEAF), has_right = !(split & RIGHT_IS_LEAF);
        int left_first = has_left && (!has_right || s->slots[i + 1] >= s->slots[s->right[i]]);
        uint32_t left = !has_left ? ZERO_SLOT : left_first ? slot : slot + 1;
        uint32_t right = !has_right ? ZERO_SLOT : left_first ? slot + 1 : slot;
        if (frame & 1) {
            uint32_t left_leaves = has_left ? s->leaves[i + 1] : 1;
            *out++ = (Step){(uint16_t)COLUMN(split), biased(e, RANK(split)), (uint16_t)left_leaves,
                            (uint16_t)(left | right << 5 | slot << 10)};
            continue;
        }
        frames[top++] = frame | 1;
        uint32_t left_frame = (i + 1) << 6 | left << 1, right_frame = s->right[i] << 6 | right << 1;
        if (has_right && left_first) /* what is pushed last comes first */
            frames[top++] = right_frame;
        if (has_left)
            frames[top++] = left_frame;
        if (has_right && !left_first)
            frames[top++] = right_frame;
    }
}

/* Number the nodes of a tree so that siblings are neighbours and those near the root lie together. */
static uint32_t lay_out_nodes(Ensemble *e, const uint32_t *splits, const Tree *tree, const Scratch *s, uint32_t *first_leaf)
{
    /* The queue holds splits in the order of their nodes; a node's place is told when its parent is taken. */
    uint32_t *queue = s->stack, *place = s->slots, head = 0, tail = 0, next = tree->root + 1, depth = 0;
    uint32_t n = tree->n_leaves - 1;
    if (!n) {
        e->nodes[tree->root] = (Node){INT16_MAX, 0, tree->root};
        e->leaf_of[tree->root] = tree->first_leaf;
        return 0;
    }
    queue[tail++] = 0, place[0] = tree->root, first_leaf[0] = tree->first_leaf;
    for (uint32_t level_end = 1; head < n; head++) {
        if (head == level_end)
            level_end = tail, depth++;
        uint32_t i = queue[head], split = splits[i], left_leaves = split & LEFT_IS_LEAF ? 1 : s->leaves[i + 1];
        e->nodes[place[i]] = (Node){biased(e, RANK(split)), (uint16_t)COLUMN(split), next};
        for (int side = 0; side < 2; side++, next++) {
            uint32_t child = side ? s->right[i] : i + 1, leaf = first_leaf[i] + (side ? left_leaves : 0);
            if (split & (side ? RIGHT_IS_LEAF : LEFT_IS_LEAF)) {
                e->nodes[next] = (Node){INT16_MAX, 0, next};
                e->leaf_of[next] = leaf;
            } else {
                queue[tail++] = child, place[child] = next, first_leaf[child] = leaf;
            }
        }
    }
    return depth + 1;
}

static int lay_out_trees(Ensemble *e, const Sections *s)
{
    uint32_t most = 1, leaves = 0, root = 0, n_splits = 0;
    for (uint32_t t = 0; t < e->n_trees; t++)
        most = s->sizes[t] > most ? s->sizes[t] : most;
    size_t n_nodes = (size_t)e->n_splits + e->n_leaves;
    uint32_t *room = malloc((size_t)most * 5 * sizeof *room);
    e->trees = calloc(e->n_trees, sizeof(Tree));
    e->steps = malloc(((size_t)e->n_splits + 1) * sizeof(Step));
    e->nodes = malloc(n_nodes * sizeof(Node));
    e->leaf_of = calloc(n_nodes, sizeof(uint32_t));
    if (!room || !e->trees || !e->steps || !e->nodes || !e->leaf_of) {
        free(room);
        return -1;
    }
    Scratch scratch = {room, room + most, room + 2 * (size_t)most, room + 3 * (size_t)most};
    for (uint32_t t = 0; t < e->n_trees; t++) {
        const uint32_t *splits = s->splits + n_splits, n = s->sizes[t] - 1;
        Tree *tree = &e->trees[t];
        *tree = (Tree){s->targets[t], n + 1, leaves, 0, root, n_splits, n + 1 <= MAX_BLENDED_LEAVES};
        measure(splits, n, &scratch);
        if (n && tree->is_blended)
            lay_out_steps(e, splits, &scratch, e->steps + n_splits);
        tree->depth = lay_out_nodes(e, splits, tree, &scratch, room + 4 * (size_t)most);
        double blend = e->kernel->blend_cost * (e->is_wide ? 2 : 1) * n;
        tree->is_blended &= blend <= e->kernel->descent_cost * BLOCK_ROWS * tree->depth;
        leaves += n + 1, root += 2 * n + 1, n_splits += n;
    }
    free(room);
    return 0;
}

static int lay_out(Ensemble *e, const Header *h, const Sections *s)
{
    int is_narrow = h->bits == 8;
    for (uint32_t t = 0; t < h->n_trees; t++)
        is_narrow &= s->sizes[t] <= 256;
    e->is_wide = !is_narrow;
    if (lay_out_columns(e, s) || lay_out_trees(e, s))
        return -1;
    size_t starts = h->n_targets * sizeof(double), values = (size_t)h->n_leaves * h->leaf_width * sizeof(double);
    e->starts = malloc(starts);
    e->values = malloc(values);
    if (!e->starts || !e->values)
        return -1;
    memcpy(e->starts, s->starts, starts);
    memcpy(e->values, s->values, values);
    return 0;
}

Ensemble *ensemble_load(const uint8_t *bytes, size_t size, const Kernel *kernel, const char **problem)
{
    Header h;
    Sections s;
    if (size < sizeof h || (uintptr_t)bytes % 8) {
        *problem = size < sizeof h ? "shorter than its header" : "not aligned to 8 bytes";
        return NULL;
    }
    memcpy(&h, bytes, sizeof h);
    if ((*problem = check_header(&h)) || (*problem = find_sections(&h, bytes + sizeof h, size - sizeof h, &s)) ||
        (*problem = check_columns(&h, &s)) || (*problem = check_trees(&h, &s)))
        return NULL;
    Ensemble *e = calloc(1, sizeof *e);
    if (e) {
        *e = (Ensemble){.n_features = h.n_features, .n_columns = h.n_columns, .n_trees = h.n_trees,
                        .n_targets = h.n_targets, .leaf_width = h.leaf_width, .n_splits = h.n_splits,
                        .n_leaves = h.n_leaves, .flags = h.flags, .link = h.link, .rule = h.rule, .bits = h.bits,
                        .divisor = h.divisor, .scale = h.scale, .limit = h.limit, .kernel = kernel};
        e->n_values = h.link == LINK_LOGISTIC && h.n_targets == 1 ? 2 : h.n_targets;
    }
    if (e)
        e->few_rows = 16;
    if (!e || lay_out(e, &h, &s)) {
        *problem = "memory";
        ensemble_free(e);
        return NULL;
    }
    return e;
}

void ensemble_free(Ensemble *e)
{
    if (!e)
        return;
    void *parts[] = {e->columns, e->edges, e->starts, e->values, e->trees, e->steps, e->nodes, e->leaf_of, e->packed,
                     e->by_depth};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
    free(e);
}
