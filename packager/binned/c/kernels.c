/* From rows to sums, compiled once for each instruction set: bins first, then trees.
 *
 * Many rows: a block of them goes through a tree split by split, a compare and a blend for as many rows as a register
 * holds. Few rows, or a tree with far more splits than levels: down from the root, many trees or rows interleaved.
 * Every sum adds the leaves in the order of the trees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"

#if defined(__AVX512BW__)
#define NAME "avx512"
#define KERNEL kernel_avx512
#elif defined(__AVX2__)
#define NAME "avx2"
#define KERNEL kernel_avx2
#else
#define NAME "plain"
#define KERNEL kernel_plain
#endif

#include "vectors.h"

/* Rows whose cells stay in the first-level cache while every column reads them. */
#define BINNED_AT_ONCE 64

typedef struct {
    const void *cells;
    int is_float, is_rounded;
    size_t width;
} Rows;

typedef struct {
    int8_t *bins;    /* [columns, BLOCK_ROWS] of int8 or int16 */
    double *sums;    /* [n_targets, BLOCK_ROWS] */
    int8_t *slots;   /* [ZERO_SLOT + 1, BLOCK_ROWS] of int8 or int16 */
} Room;

static inline double cell(const Rows *rows, size_t row, uint32_t feature)
{
    size_t at = row * rows->width + feature;
    if (rows->is_float)
        return ((const float *)rows->cells)[at];
    double x = ((const double *)rows->cells)[at];
    return rows->is_rounded ? (double)(float)x : x;
}

static inline double prepared(const Column *c, double x)
{
    if (c->flags & ZERO_IS_MISSING && fabs(x) <= 1e-35f)
        return NAN;
    return c->flags & TRUNCATED ? trunc(x) : x;
}

/* The number of edges below x; 0 for NaN. */
static inline uint32_t rank_of(const Column *c, double x)
{
    uint32_t rank = 0;
    for (uint32_t step = (1u << c->levels) >> 1; step; step >>= 1)
        rank += c->edges[rank + step - 1] < x ? step : 0;
    return rank;
}

static inline uint32_t bin_of(const Column *c, double x)
{
    if (isnan(x))
        return c->missing_right ? (c->kind == KIND_SET ? 1 : c->n_edges) : 0;
    uint32_t rank = rank_of(c, x);
    if (c->kind == KIND_SET)
        return !(rank < c->n_edges && c->edges[rank] == x);
    return rank;
}

static inline void put(const Ensemble *e, Room *room, size_t place, uint32_t bin)
{
    if (e->is_wide)
        ((int16_t *)room->bins)[place] = (int16_t)((int32_t)bin - 32768);
    else
        room->bins[place] = (int8_t)((int32_t)bin - 128);
}

static void bin_column(const Ensemble *e, const Column *c, const Rows *rows, Room *room, size_t first, size_t count)
{
    size_t column = (size_t)(c - e->columns) * BLOCK_ROWS;
    for (size_t row = first; row < first + count; row++)
        put(e, room, column + row, bin_of(c, prepared(c, cell(rows, row, c->feature))));
}

static void bin_block(const Ensemble *e, const Rows *rows, Room *room, size_t count)
{
    for (size_t first = 0; first < count; first += BINNED_AT_ONCE) {
        size_t some = count - first < BINNED_AT_ONCE ? count - first : BINNED_AT_ONCE;
        for (uint32_t i = 0; i < e->n_columns; i++)
            bin_column(e, &e->columns[i], rows, room, first, some);
    }
}

/* Blend one tree's splits: slot 0 then holds each row's leaf, counted within the tree. */
#define BLEND(TYPE, LANES, GREATER_ADD)                                                                     \
    {                                                                                                       \
        const TYPE *bins = (const TYPE *)room->bins;                                                        \
        TYPE *slots = (TYPE *)room->slots;                                                                  \
        for (const Step *s = steps, *end = s + n; s < end; s++) {                                           \
            const TYPE *x = bins + (size_t)s->column * BLOCK_ROWS;                                          \
            const TYPE *left = slots + (s->slots & 31) * BLOCK_ROWS;                                        \
            const TYPE *right = slots + (s->slots >> 5 & 31) * BLOCK_ROWS;                                  \
            TYPE *target = slots + (s->slots >> 10) * BLOCK_ROWS;                                           \
            for (size_t row = 0; row < rows; row += LANES)                                                  \
                GREATER_ADD(target + row, x + row, s->rank, left + row, right + row, s->left_leaves);       \
        }                                                                                                   \
    }

static void blend(const Ensemble *e, const Step *steps, uint32_t n, Room *room, size_t rows)
{
    if (e->is_wide)
        BLEND(int16_t, LANES16, blend16)
    else
        BLEND(int8_t, LANES8, blend8)
}

/* Go down one tree with a block of rows, eight at a time: a row that has come to a leaf stays there. */
#define DESCEND(TYPE)                                                                                       \
    for (size_t first = 0; first < count; first += 8) {                                                     \
        uint32_t at[8];                                                                                     \
        for (int i = 0; i < 8; i++)                                                                         \
            at[i] = tree->root;                                                                             \
        for (uint32_t level = 0; level < tree->depth; level++)                                              \
            for (int i = 0; i < 8; i++) {                                                                   \
                Node node = e->nodes[at[i]];                                                                \
                at[i] = node.left + (bins[(size_t)node.column * BLOCK_ROWS + first + i] > node.rank);       \
            }                                                                                               \
        for (int i = 0; i < 8; i++)                                                                         \
            leaves[first + i] = e->leaf_of[at[i]];                                                          \
    }

static void descend(const Ensemble *e, const Tree *tree, const Room *room, size_t count, uint32_t *leaves)
{
    if (e->is_wide) {
        const int16_t *bins = (const int16_t *)room->bins;
        DESCEND(int16_t)
    } else {
        const int8_t *bins = room->bins;
        DESCEND(int8_t)
    }
}

static void add_leaves(const Ensemble *e, const Tree *tree, const Room *room, size_t count)
{
    const double *values = e->values + (size_t)tree->first_leaf * e->leaf_width;
    for (uint32_t i = 0; i < e->leaf_width; i++) {
        double *sums = room->sums + (size_t)(tree->target + i) * BLOCK_ROWS;
        if (e->is_wide)
            add16(sums, values + i, e->leaf_width, (const uint16_t *)room->slots, count);
        else
            add8(sums, values + i, e->leaf_width, (const uint8_t *)room->slots, count);
    }
}

static void add_descended(const Ensemble *e, const Tree *tree, const Room *room, size_t count)
{
    uint32_t leaves[BLOCK_ROWS];
    descend(e, tree, room, count, leaves);
    for (uint32_t i = 0; i < e->leaf_width; i++) {
        double *sums = room->sums + (size_t)(tree->target + i) * BLOCK_ROWS;
        for (size_t row = 0; row < count; row++)
            sums[row] += e->values[(size_t)leaves[row] * e->leaf_width + i];
    }
}

static void sum_block(const Ensemble *e, const Rows *rows, Room *room, size_t count, double *raw)
{
    size_t lanes = e->is_wide ? LANES16 : LANES8, padded = (count + lanes - 1) / lanes * lanes;
    bin_block(e, rows, room, count);
    for (uint32_t t = 0; t < e->n_targets; t++)
        for (size_t row = 0; row < BLOCK_ROWS; row++)
            room->sums[(size_t)t * BLOCK_ROWS + row] = e->starts[t];
    for (const Tree *tree = e->trees, *end = tree + e->n_trees; tree < end; tree++) {
        if (tree->n_leaves == 1) {
            memset(room->slots, 0, BLOCK_ROWS * (e->is_wide ? 2 : 1));
            add_leaves(e, tree, room, padded);
        } else if (tree->is_blended) {
            blend(e, e->steps + tree->first_step, tree->n_leaves - 1, room, padded);
            add_leaves(e, tree, room, padded);
        } else {
            add_descended(e, tree, room, padded);
        }
    }
    for (size_t row = 0; row < count; row++)
        for (uint32_t t = 0; t < e->n_targets; t++)
            raw[row * e->n_targets + t] = room->sums[(size_t)t * BLOCK_ROWS + row];
}

/* One row: its bins, then trees side by side, eight at a time; their leaves are added in order afterwards. */
static void sum_row(const Ensemble *e, const Rows *rows, size_t row, int16_t *bins, uint32_t *leaves, double *raw)
{
    int32_t bias = e->is_wide ? 32768 : 128;
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const Column *c = &e->columns[i];
        bins[i] = (int16_t)((int32_t)bin_of(c, prepared(c, cell(rows, row, c->feature))) - bias);
    }
    for (uint32_t first = 0; first < e->n_trees; first += 8) {
        uint32_t at[8], some = e->n_trees - first < 8 ? e->n_trees - first : 8, depth = 0;
        for (uint32_t i = 0; i < 8; i++) {
            const Tree *tree = &e->trees[first + (i < some ? i : 0)];
            at[i] = tree->root;
            depth = tree->depth > depth ? tree->depth : depth;
        }
        for (uint32_t level = 0; level < depth; level++)
            for (int i = 0; i < 8; i++) {
                Node node = e->nodes[at[i]];
                at[i] = node.left + (bins[node.column] > node.rank);
            }
        for (uint32_t i = 0; i < some; i++)
            leaves[first + i] = e->leaf_of[at[i]];
    }
    memcpy(raw, e->starts, e->n_targets * sizeof(double));
    for (uint32_t t = 0; t < e->n_trees; t++)
        for (uint32_t i = 0; i < e->leaf_width; i++)
            raw[e->trees[t].target + i] += e->values[(size_t)leaves[t] * e->leaf_width + i];
}

static int sums(const Ensemble *e, const void *features, int is_float, size_t n_rows, double *raw)
{
    Rows rows = {features, is_float, (e->flags & ROUNDED_TO_FLOAT) != 0, e->n_features};
    if (n_rows <= e->few_rows) {
        int16_t *bins = malloc(((size_t)e->n_columns + 1) * sizeof(int16_t) + (size_t)e->n_trees * sizeof(uint32_t));
        uint32_t *leaves = malloc((size_t)e->n_trees * sizeof(uint32_t));
        if (bins && leaves)
            for (size_t row = 0; row < n_rows; row++)
                sum_row(e, &rows, row, bins, leaves, raw + row * e->n_targets);
        int failed = !bins || !leaves;
        free(bins), free(leaves);
        return -failed;
    }
    size_t lane = e->is_wide ? 2 : 1, bins = ((size_t)e->n_columns + 1) * BLOCK_ROWS * lane;
    size_t slots = (ZERO_SLOT + 1) * (size_t)BLOCK_ROWS * lane, sums = (size_t)e->n_targets * BLOCK_ROWS * sizeof(double);
    int8_t *memory = aligned_alloc(64, bins + slots + sums);
    if (!memory)
        return -1;
    memset(memory, 0, bins + slots); /* the zero slot, and rows beyond the last one */
    Room room = {memory + slots, (double *)(memory + slots + bins), memory};
    size_t cell_size = is_float ? sizeof(float) : sizeof(double);
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t count = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS;
        rows.cells = (const char *)features + first * rows.width * cell_size;
        sum_block(e, &rows, &room, count, raw + first * e->n_targets);
    }
    free(memory);
    return 0;
}

const Kernel KERNEL = {NAME, sums, BLEND_COST, DESCENT_COST};
