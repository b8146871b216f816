/* From checked bytes to an ensemble: columns for the search, trees as steps for blending and as nodes for going down. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

#define MAX_BINS 65536

static uint32_t levels_for(uint32_t n_edges)
{
    uint32_t levels = 0;
    while ((1u << levels) - 1 < n_edges)
        levels++;
    return levels;
}

static void lay_out_column(Column *c, const ColumnRecord *r, double *padded)
{
    uint32_t levels = levels_for(r->n_edges), n_bins = (r->n_edges + EDGES_A_BYTE - 1) / EDGES_A_BYTE;
    *c = (Column){.feature = r->feature, .kind = r->kind, .n_edges = r->n_edges, .levels = levels, .edges = padded,
                  .n_bins = r->kind == KIND_SET || !n_bins ? 1 : n_bins};
    for (uint32_t edge = r->n_edges; edge < (1u << levels) - 1; edge++)
        padded[edge] = INFINITY;
    for (uint32_t level = 0, node = 0; level < 4 && level < levels; level++)
        for (uint32_t i = 0; i < 1u << level; i++, node++)
            c->top[node] = padded[((2 * i + 1) << (levels - level - 1)) - 1];
}

static const char *lay_out_columns(Ensemble *e, const Header *h, const Sections *s)
{
    size_t room = 1;
    for (uint32_t i = 0; i < e->n_columns; i++)
        if (!(s->columns[i].flags & SHARES_EDGES))
            room += ((size_t)1 << levels_for(s->columns[i].n_edges)) - 1;
    e->columns = calloc(e->n_columns + 1, sizeof(Column));
    e->edges = malloc(room * sizeof(double));
    if (!e->columns || !e->edges)
        return "memory";
    double *padded = e->edges;
    uint64_t from = 0;
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const ColumnRecord *r = &s->columns[i];
        Column *c = &e->columns[i];
        if (r->flags & SHARES_EDGES) {
            *c = c[-1];
        } else {
            for (uint32_t edge = 0; edge < r->n_edges; edge++)
                padded[edge] = edge_at(h, s, from++);
            lay_out_column(c, r, padded);
            padded += (1u << c->levels) - 1;
        }
        c->flags = r->flags;
        c->missing_right = r->missing;
        c->first_bin = e->n_bins;
        if ((e->n_bins += c->n_bins) > MAX_BINS)
            return "its columns have too many edges";
    }
    return NULL;
}

/* What is known of one tree while it is laid out, split by split in preorder. */
typedef struct {
    const Ensemble *e;
    const uint32_t *splits;
    uint32_t *right;      /* the right child's split, where it is one */
    uint32_t *leaves;     /* below the split */
    uint32_t *level;      /* splits above */
    uint32_t *ways;       /* out of the blended splits below */
    uint32_t *slots;      /* alive at once while the blended splits below are evaluated */
    uint32_t *stack;
    uint32_t *place;      /* its node */
    uint32_t n_levels;    /* that are blended */
} Growth;

static int has_child(const Growth *g, uint32_t i, int side)
{
    return !(g->splits[i] & (side ? RIGHT_IS_LEAF : LEFT_IS_LEAF));
}

static uint32_t child_of(const Growth *g, uint32_t i, int side) { return side ? g->right[i] : i + 1; }

static uint32_t leaves_of(const Growth *g, uint32_t i, int side)
{
    return has_child(g, i, side) ? g->leaves[child_of(g, i, side)] : 1;
}

static int is_blended(const Growth *g, uint32_t i, int side)
{
    return has_child(g, i, side) && g->level[i] + 1 < g->n_levels;
}

/* Find right children and leaves from the end of the preorder on, where children come before their parents; then levels. */
static uint32_t measure(const Growth *g, uint32_t n)
{
    uint32_t height = 0, depth = 0; /* height of the stack of finished subtrees, the leftmost on top */
    for (uint32_t i = n; i-- > 0;) {
        height -= has_child(g, i, 0);
        g->right[i] = has_child(g, i, 1) ? g->stack[--height] : 0;
        g->leaves[i] = leaves_of(g, i, 0) + leaves_of(g, i, 1);
        g->stack[height++] = i;
    }
    g->level[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        depth = g->level[i] + 1 > depth ? g->level[i] + 1 : depth;
        for (int side = 0; side < 2; side++)
            if (has_child(g, i, side))
                g->level[child_of(g, i, side)] = g->level[i] + 1;
    }
    return depth;
}

/* Return how many levels to blend: all where bytes tell the leaves and that is quickest, else some of the first. */
static uint32_t levels_to_blend(const Growth *g, uint32_t n, uint32_t depth)
{
    uint32_t at_level[BLENDED_LEVELS] = {0}, best = 0;
    for (uint32_t i = 0; i < n; i++)
        if (g->level[i] < BLENDED_LEVELS)
            at_level[g->level[i]]++;
    double blend = g->e->kernel->blend_cost / BLOCK_ROWS, least = depth, cost = 0;
    for (uint32_t level = 0; level < BLENDED_LEVELS && level < depth; level++) {
        cost += blend * at_level[level];
        if (cost + depth - level - 1 < least)
            best = level + 1, least = cost + depth - level - 1;
    }
    return n < BLENDED_LEAVES && blend * n <= least ? depth : best;
}

static void measure_blended(const Growth *g, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) {
        uint32_t slots[2] = {0, 0};
        g->ways[i] = 0;
        for (int side = 0; side < 2; side++) {
            int goes_on = is_blended(g, i, side);
            g->ways[i] += goes_on ? g->ways[child_of(g, i, side)] : 1;
            slots[side] = goes_on ? g->slots[child_of(g, i, side)] : 0;
        }
        g->slots[i] = slots[0] == slots[1] ? slots[0] + 1 : slots[0] > slots[1] ? slots[0] : slots[1];
    }
}

/* Emit the blended steps: of two subtrees the one that needs more slots comes first, and waits in its slot. */
static Step *lay_out_steps(const Growth *g, Step *out)
{
    /* A frame is a split, the slot that it fills (5 bits) and whether its children are done (1 bit). */
    uint64_t *frames = (uint64_t *)g->stack, top = 0;
    frames[top++] = 0;
    while (top) {
        uint64_t frame = frames[--top];
        uint32_t i = (uint32_t)(frame >> 6), slot = frame >> 1 & 31, split = g->splits[i];
        int goes_on[2] = {is_blended(g, i, 0), is_blended(g, i, 1)};
        int first = goes_on[0] && (!goes_on[1] || g->slots[i + 1] >= g->slots[g->right[i]]) ? 0 : 1;
        uint32_t slots[2] = {ZERO_SLOT, ZERO_SLOT};
        for (int side = 0; side < 2; side++)
            if (goes_on[side])
                slots[side] = side == first ? slot : slot + 1;
        if (frame & 1) {
            uint32_t bin = g->e->columns[COLUMN(split)].first_bin + RANK(split) / EDGES_A_BYTE;
            int32_t rank = (int32_t)(RANK(split) % EDGES_A_BYTE) - 128;
            *out++ = (Step){(uint16_t)bin, (int8_t)rank, (uint8_t)(goes_on[0] ? g->ways[i + 1] : 1),
                            (uint8_t)slots[0], (uint8_t)slots[1], (uint8_t)slot, 0};
            continue;
        }
        frames[top++] = frame | 1;
        for (int turn = 1; turn >= 0; turn--) { /* what is pushed last comes first */
            int side = turn ? !first : first;
            if (goes_on[side])
                frames[top++] = (uint64_t)child_of(g, i, side) << 6 | slots[side] << 1;
        }
    }
    return out;
}

/* Note the nodes that the ways out of the blended splits lead to, from the left to the right. */
static uint32_t *lay_out_ways(const Growth *g, const Tree *tree, uint32_t *out)
{
    uint32_t *waiting = g->stack, height = 0; /* blended splits, each with the side that is looked at */
    if (!g->n_levels) {
        *out++ = tree->root;
        return out;
    }
    waiting[height++] = 0;
    while (height) {
        uint32_t i = waiting[--height] >> 1, side = waiting[height] & 1;
        if (!side)
            waiting[height++] = i << 1 | 1;
        if (is_blended(g, i, (int)side))
            waiting[height++] = child_of(g, i, (int)side) << 1;
        else
            *out++ = g->e->nodes[g->place[i]].left + side;
    }
    return out;
}

/* Number the nodes of a tree so that siblings are neighbours and those near the root lie together. */
static void lay_out_nodes(const Growth *g, const Tree *tree)
{
    Ensemble *e = (Ensemble *)g->e;
    /* The queue holds splits in the order of their nodes. */
    uint32_t *queue = g->stack, *first_leaf = g->ways, head = 0, tail = 0, next = tree->root + 1;
    uint32_t n = tree->n_leaves - 1;
    if (!n) {
        e->nodes[tree->root] = (Node){0, UINT16_MAX, tree->root};
        e->leaf_of[tree->root] = tree->first_leaf;
        return;
    }
    queue[tail++] = 0, g->place[0] = tree->root, first_leaf[0] = tree->first_leaf;
    for (; head < n; head++) {
        uint32_t i = queue[head], leaf = first_leaf[i];
        e->nodes[g->place[i]] = (Node){COLUMN(g->splits[i]), RANK(g->splits[i]), next};
        for (int side = 0; side < 2; leaf += leaves_of(g, i, side), side++, next++) {
            if (has_child(g, i, side)) {
                uint32_t child = child_of(g, i, side);
                queue[tail++] = child, g->place[child] = next, first_leaf[child] = leaf;
            } else {
                e->nodes[next] = (Node){0, UINT16_MAX, next};
                e->leaf_of[next] = leaf;
            }
        }
    }
}

static uint32_t bits_for(uint32_t number)
{
    uint32_t bits = 0;
    while (number >> bits)
        bits++;
    return bits;
}

/* Put nodes into 32 bits each, where they fit: rank, column, and how far behind the tree's root the children are. */
static int pack_nodes(Ensemble *e)
{
    uint32_t most_edges = 1, most_leaves = 1;
    for (uint32_t i = 0; i < e->n_columns; i++)
        most_edges = e->columns[i].n_edges > most_edges ? e->columns[i].n_edges : most_edges;
    for (uint32_t t = 0; t < e->n_trees; t++)
        most_leaves = e->trees[t].n_leaves > most_leaves ? e->trees[t].n_leaves : most_leaves;
    e->bits = (NodeBits){bits_for(most_edges), bits_for(e->n_columns)};
    if (e->bits.rank + e->bits.column + bits_for(2 * most_leaves) > 32)
        return 0;
    if (!(e->packed = malloc(((size_t)e->n_splits + e->n_leaves) * sizeof(uint32_t))))
        return -1;
    uint32_t above_all = (1u << e->bits.rank) - 1; /* no bin is greater */
    for (uint32_t t = 0, node = 0; t < e->n_trees; t++)
        for (uint32_t root = node, end = node + 2 * e->trees[t].n_leaves - 1; node < end; node++) {
            Node from = e->nodes[node];
            uint32_t rank = from.left == node ? above_all : from.rank;
            e->packed[node] = rank | ((uint32_t)from.column | (from.left - root) << e->bits.column) << e->bits.rank;
        }
    return 0;
}

static void lay_out_tree(Ensemble *e, const Growth *tools, Tree *tree, Step **step, uint32_t **way)
{
    Growth g = *tools;
    uint32_t n = tree->n_leaves - 1;
    tree->depth = n ? measure(&g, n) : 0;
    g.n_levels = n ? levels_to_blend(&g, n, tree->depth) : 0;
    tree->levels_left = tree->depth - g.n_levels;
    tree->first_step = (uint32_t)(*step - e->steps);
    tree->first_way = (uint32_t)(*way - e->ways);
    if (g.n_levels) {
        measure_blended(&g, n);
        *step = lay_out_steps(&g, *step);
    }
    tree->n_steps = (uint32_t)(*step - e->steps) - tree->first_step;
    lay_out_nodes(&g, tree);
    if (tree->levels_left)
        *way = lay_out_ways(&g, tree, *way);
    e->blends |= tree->n_steps > 0;
    e->descends |= tree->levels_left > 0;
}

static int deeper_first(const void *one, const void *other)
{
    const uint64_t *a = one, *b = other;
    return *a < *b ? 1 : *a > *b ? -1 : 0;
}

static int order_trees(Ensemble *e)
{
    size_t n = e->n_trees, padded = (n + ORDERED - 1) / ORDERED * ORDERED;
    uint64_t *keys = malloc(n * sizeof *keys);
    e->order = malloc(padded * sizeof *e->order);
    for (size_t t = 0; keys && t < n; t++)
        keys[t] = (uint64_t)e->trees[t].depth << 32 | (uint32_t)~t;
    if (keys)
        qsort(keys, n, sizeof *keys, deeper_first);
    for (size_t i = 0; keys && e->order && i < padded; i++)
        e->order[i] = ~(uint32_t)keys[i < n ? i : n - 1];
    int failed = !keys || !e->order;
    free(keys);
    return failed;
}

static const char *lay_out_trees(Ensemble *e, const Sections *s)
{
    uint32_t most = 1, leaves = 0;
    for (uint32_t t = 0; t < e->n_trees; t++)
        most = s->sizes[t] > most ? s->sizes[t] : most;
    size_t n_nodes = (size_t)e->n_splits + e->n_leaves, room = most;
    uint32_t *at = malloc(room * 8 * sizeof(uint32_t));
    e->trees = calloc(e->n_trees, sizeof(Tree));
    e->ways = malloc((size_t)e->n_leaves * sizeof(uint32_t));
    e->steps = malloc(((size_t)e->n_splits + 1) * sizeof(Step));
    e->nodes = malloc(n_nodes * sizeof(Node));
    e->leaf_of = calloc(n_nodes, sizeof(uint32_t));
    if (!at || !e->trees || !e->ways || !e->steps || !e->nodes || !e->leaf_of) {
        free(at);
        return "memory";
    }
    Growth g = {.e = e, .splits = s->splits, .stack = at /* frames take eight bytes */, .right = at + 2 * room,
                .leaves = at + 3 * room, .level = at + 4 * room, .ways = at + 5 * room, .slots = at + 6 * room,
                .place = at + 7 * room};
    Step *step = e->steps;
    uint32_t *way = e->ways;
    for (uint32_t t = 0, root = 0; t < e->n_trees; t++) {
        uint32_t n = s->sizes[t] - 1;
        e->trees[t] = (Tree){.target = s->targets[t], .n_leaves = n + 1, .first_leaf = leaves, .root = root};
        lay_out_tree(e, &g, &e->trees[t], &step, &way);
        leaves += n + 1, root += 2 * n + 1, g.splits += n;
    }
    free(at);
    return order_trees(e) || (e->kernel->wants_packed && pack_nodes(e)) ? "memory" : NULL;
}

static const char *lay_out(Ensemble *e, const Header *h, const Sections *s)
{
    const char *problem = lay_out_columns(e, h, s);
    if (problem || (problem = lay_out_trees(e, s)))
        return problem;
    size_t starts = h->n_targets * sizeof(double), values = (size_t)h->n_leaves * h->leaf_width * sizeof(double);
    e->starts = malloc(starts);
    e->values = malloc(values);
    if (!e->starts || !e->values)
        return "memory";
    memcpy(e->starts, s->starts, starts);
    memcpy(e->values, s->values, values);
    return NULL;
}

Ensemble *ensemble_load(const uint8_t *bytes, size_t size, const Kernel *kernel, const char **problem)
{
    Header h;
    Sections s;
    if ((*problem = check_bytes(bytes, size, &h, &s)))
        return NULL;
    Ensemble *e = calloc(1, sizeof *e);
    if (!e) {
        *problem = "memory";
        return NULL;
    }
    *e = (Ensemble){.n_features = h.n_features, .n_columns = h.n_columns, .n_trees = h.n_trees,
                    .n_targets = h.n_targets, .leaf_width = h.leaf_width, .n_splits = h.n_splits,
                    .n_leaves = h.n_leaves, .flags = h.flags, .link = h.link, .rule = h.rule,
                    .divisor = h.divisor, .scale = h.scale, .limit = h.limit, .kernel = kernel};
    e->n_values = h.link == LINK_LOGISTIC && h.n_targets == 1 ? 2 : h.n_targets;
    if ((*problem = lay_out(e, &h, &s))) {
        ensemble_free(e);
        return NULL;
    }
    return e;
}

void ensemble_free(Ensemble *e)
{
    if (!e)
        return;
    void *parts[] = {e->columns, e->edges, e->starts, e->values, e->trees, e->ways, e->steps, e->nodes, e->leaf_of,
                     e->packed, e->order};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
    free(e);
}
