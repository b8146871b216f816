/* From rows to sums, compiled once for each instruction set: bins first, then trees.
 *
 * Many rows: a block of them goes through a tree split by split, a compare and a blend for as many rows as a register
 * holds. Few rows, or a tree with far more splits than levels: down from the root, many trees or rows interleaved.
 * Every sum adds the leaves in the order of the trees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"
#include "descent.h"
#include "vectors.h"

/* Rows whose cells stay in the first-level cache while every column reads them. */
#define BINNED_AT_ONCE 64

/* So many rows go down one by one: a block takes as long for a few as for 64 of them, in models small and large. */
#ifndef FEW_ROWS
#define FEW_ROWS 10
#endif

typedef struct {
    const void *cells;
    int is_float, is_rounded;
    size_t width;
} Rows;

/* Where a block is worked on. Columns that share edges share bins too, while no cell is missing. */
typedef struct {
    int8_t *bins;          /* [n_bins, BLOCK_ROWS] for blending */
    const int8_t **place;  /* [n_bins]: where they lie */
    uint16_t *ranks;       /* [n_columns, BLOCK_ROWS] for going down */
    uint8_t *missing;      /* [n_columns]: whether a cell is */
    double *sums;          /* [n_targets, BLOCK_ROWS] */
    uint8_t *slots;        /* [ZERO_SLOT + 1, BLOCK_ROWS] */
} Room;

/* Read one feature of some rows as the column wants it, as doubles; tell whether a cell is missing. */
static int read_cells(const Column *c, const Rows *rows, size_t first, size_t count, double *x)
{
    size_t width = rows->width, start = first * width + c->feature;
    const float *floats = (const float *)rows->cells + start;
    const double *doubles = (const double *)rows->cells + start;
    int missing = 0;
    if (rows->is_float)
        for (size_t i = 0; i < count; i++)
            x[i] = floats[i * width];
    else if (rows->is_rounded)
        for (size_t i = 0; i < count; i++)
            x[i] = (double)(float)doubles[i * width];
    else
        for (size_t i = 0; i < count; i++)
            x[i] = doubles[i * width];
    for (size_t i = 0; c->flags & ZERO_IS_MISSING && i < count; i++)
        x[i] = fabs(x[i]) <= 1e-35f ? NAN : x[i];
    for (size_t i = 0; c->flags & TRUNCATED && i < count; i++)
        x[i] = trunc(x[i]);
    for (size_t i = 0; i < count; i++)
        missing |= x[i] != x[i];
    return missing;
}

/* Turn counts of edges into ranks: missing cells go where they belong, members of a set are 0 and others 1. */
static void settle(const Column *c, const double *x, uint16_t *ranks, size_t count)
{
    uint16_t missing = (uint16_t)(c->missing_right ? c->kind == KIND_SET ? 1 : c->n_edges : 0);
    for (size_t i = 0; c->kind == KIND_SET && i < count; i++)
        ranks[i] = !(ranks[i] < c->n_edges && c->edges[ranks[i]] == x[i]);
    for (size_t i = 0; i < count; i++)
        ranks[i] = x[i] != x[i] ? missing : ranks[i];
}

static void put_bins(const Column *c, const uint16_t *ranks, int8_t *bins, size_t count)
{
    for (uint32_t bin = 0; bin < c->n_bins; bin++, bins += BLOCK_ROWS) {
        uint16_t least = (uint16_t)(bin * EDGES_A_BYTE);
        for (size_t i = 0; i < count; i++) {
            uint16_t seen = ranks[i] > least ? ranks[i] - least : 0;
            bins[i] = (int8_t)((seen < EDGES_A_BYTE ? seen : EDGES_A_BYTE) - 128);
        }
    }
}

static int bin_column(const Ensemble *e, const Column *c, const Rows *rows, const Room *room, size_t first, size_t count)
{
    double x[BINNED_AT_ONCE];
    uint16_t *ranks = room->ranks + (size_t)(c - e->columns) * BLOCK_ROWS + first;
    int missing = read_cells(c, rows, first, count, x);
    find_ranks(c, x, ranks, count);
    settle(c, x, ranks, count);
    if (e->blends)
        put_bins(c, ranks, room->bins + (size_t)c->first_bin * BLOCK_ROWS + first, count);
    return missing;
}

/* Bin every column of a block, of those that share edges only the first unless a cell is missing. */
static void bin_block(const Ensemble *e, const Rows *rows, const Room *room, size_t count)
{
    for (int is_sharing = 0; is_sharing < 2; is_sharing++)
        for (size_t first = 0; first < count; first += BINNED_AT_ONCE)
            for (uint32_t i = 0; i < e->n_columns; i++) {
                const Column *c = &e->columns[i];
                size_t some = count - first < BINNED_AT_ONCE ? count - first : BINNED_AT_ONCE;
                if (!first && !is_sharing)
                    room->missing[i] = 0;
                if (is_sharing && c->flags & SHARES_EDGES)
                    room->missing[i] = room->missing[i - 1];
                if (is_sharing ? c->flags & SHARES_EDGES && room->missing[i] : !(c->flags & SHARES_EDGES))
                    room->missing[i] |= (uint8_t)bin_column(e, c, rows, room, first, some);
            }
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const Column *c = &e->columns[i];
        int is_alike = c->flags & SHARES_EDGES && !room->missing[i];
        for (uint32_t bin = c->first_bin; bin < c->first_bin + c->n_bins; bin++)
            room->place[bin] = is_alike ? room->place[bin - c->n_bins] : room->bins + (size_t)bin * BLOCK_ROWS;
        if (is_alike && e->descends)
            memcpy(room->ranks + (size_t)i * BLOCK_ROWS, room->ranks + (size_t)(i - 1) * BLOCK_ROWS, BLOCK_ROWS * 2);
    }
}

/* Blend splits: slot 0 then holds the way that each row takes out of them. */
static inline __attribute__((always_inline)) void blend_rows(const Step *step, size_t n, const Room *room, size_t rows)
{
    /* Copies of what is read: for all that the compiler knows, what is stored below might lie there. */
    const int8_t *const *place = room->place;
    uint8_t *const slots = room->slots;
    for (const Step *end = step + n; step < end; step++) {
        const Step s = *step;
        const int8_t *x = place[s.column];
        uint8_t *target = slots + (size_t)s.target * BLOCK_ROWS;
        const uint8_t *left = slots + (size_t)s.left * BLOCK_ROWS, *right = slots + (size_t)s.right * BLOCK_ROWS;
        for (size_t row = 0; row < rows; row += LANES)
            blend_lanes(target + row, x + row, s.rank, left + row, right + row, s.left_leaves);
    }
}

/* Counts of rows that the compiler knows become straight code. `rows` is a multiple of 64. */
static void blend(const Step *step, size_t n, const Room *room, size_t rows)
{
    switch (rows) {
    case 64: blend_rows(step, n, room, 64); break;
    case 128: blend_rows(step, n, room, 128); break;
    case 192: blend_rows(step, n, room, 192); break;
    default: blend_rows(step, n, room, BLOCK_ROWS);
    }
}

static void add_tree(const Ensemble *e, const Tree *tree, const Room *room, size_t rows)
{
    double *sums = room->sums + (size_t)tree->target * BLOCK_ROWS;
    const uint8_t *ways = room->slots + (tree->n_steps ? 0 : ZERO_SLOT * BLOCK_ROWS);
    const double *values = e->values + (size_t)tree->first_leaf * e->leaf_width;
    uint32_t leaves[BLOCK_ROWS];
    blend(e->steps + tree->first_step, tree->n_steps, room, rows);
    if (tree->levels_left)
        descend_rows(e, tree, ways, room->ranks, rows, leaves);
    for (uint32_t i = 0; i < e->leaf_width; i++, sums += BLOCK_ROWS)
        if (tree->levels_left)
            add_far(sums, e->values + i, e->leaf_width, leaves, rows);
        else
            add_near(sums, values + i, e->leaf_width, ways, rows);
}

static void sum_block(const Ensemble *e, const Rows *rows, const Room *room, size_t count, double *raw)
{
    size_t padded = (count + 63) / 64 * 64;
    bin_block(e, rows, room, count);
    for (uint32_t t = 0; t < e->n_targets; t++)
        for (size_t row = 0; row < padded; row++)
            room->sums[(size_t)t * BLOCK_ROWS + row] = e->starts[t];
    for (const Tree *tree = e->trees, *end = tree + e->n_trees; tree < end; tree++)
        add_tree(e, tree, room, padded);
    for (size_t row = 0; row < count; row++)
        for (uint32_t t = 0; t < e->n_targets; t++)
            raw[row * e->n_targets + t] = room->sums[(size_t)t * BLOCK_ROWS + row];
}

static int sum_blocks(const Ensemble *e, Rows rows, size_t n_rows, double *raw)
{
    size_t bins = (size_t)e->n_bins * BLOCK_ROWS, slots = (ZERO_SLOT + 1) * BLOCK_ROWS;
    size_t sums = (size_t)e->n_targets * BLOCK_ROWS * sizeof(double), places = e->n_bins * sizeof(void *);
    size_t ranks = (size_t)e->n_columns * BLOCK_ROWS * sizeof(uint16_t) + 64;
    char *memory = aligned_alloc(64, (slots + bins + sums + places + ranks + e->n_columns + 63) / 64 * 64);
    if (!memory)
        return -1;
    memset(memory, 0, slots); /* rows beyond the last may hold anything: nothing reads where they lead */
    Room room = {.slots = (uint8_t *)memory, .bins = (int8_t *)(memory + slots)};
    room.sums = (double *)(memory + slots + bins);
    room.place = (const int8_t **)(memory + slots + bins + sums);
    room.ranks = (uint16_t *)(memory + slots + bins + sums + places);
    room.missing = (uint8_t *)(memory + slots + bins + sums + places + ranks);
    size_t row_size = rows.width * (rows.is_float ? sizeof(float) : sizeof(double));
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t count = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS;
        sum_block(e, &rows, &room, count, raw + first * e->n_targets);
        rows.cells = (const char *)rows.cells + count * row_size;
    }
    free(memory);
    return 0;
}

static void bin_row(const Ensemble *e, const Rows *rows, size_t row, uint16_t *ranks)
{
    double x = 0;
    uint16_t rank = 0;
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const Column *c = &e->columns[i];
        if (!(c->flags & SHARES_EDGES)) {
            read_cells(c, rows, row, 1, &x);
            rank = rank_among(c, x);
        }
        ranks[i] = rank;
        settle(c, &x, &ranks[i], 1);
    }
}

static int sum_few(const Ensemble *e, Rows rows, size_t n_rows, double *raw)
{
    size_t leaves = (size_t)e->n_trees * sizeof(uint32_t);
    char *memory = malloc(leaves + ((size_t)e->n_columns + 64) * sizeof(uint16_t)); /* registers read beyond the ranks */
    if (!memory)
        return -1;
    uint32_t *reached = (uint32_t *)memory;
    uint16_t *ranks = (uint16_t *)(memory + leaves);
    for (size_t row = 0; row < n_rows; row++, raw += e->n_targets) {
        bin_row(e, &rows, row, ranks);
        descend_trees(e, ranks, reached);
        memcpy(raw, e->starts, e->n_targets * sizeof(double));
        double only = *raw; /* a sum that stays in its register */
        for (uint32_t t = 0; e->n_targets == 1 && t < e->n_trees; t++)
            only += e->values[reached[t]];
        *raw = only;
        for (uint32_t t = 0; e->n_targets > 1 && t < e->n_trees; t++)
            for (uint32_t i = 0; i < e->leaf_width; i++)
                raw[e->trees[t].target + i] += e->values[(size_t)reached[t] * e->leaf_width + i];
    }
    free(memory);
    return 0;
}

static int sums(const Ensemble *e, const void *features, int is_float, size_t n_rows, double *raw)
{
    Rows rows = {features, is_float, (e->flags & ROUNDED_TO_FLOAT) != 0, e->n_features};
    return n_rows <= FEW_ROWS ? sum_few(e, rows, n_rows, raw) : sum_blocks(e, rows, n_rows, raw);
}

const Kernel KERNEL = {NAME, sums, BLEND_COST, WANTS_PACKED};
