/* From rows to sums, compiled once for each instruction set: bins first, then trees.
 *
 * Many rows: a block of them goes through a tree split by split, a compare and a blend for as many rows as a register
 * holds. Few rows, or a tree with far more splits than levels: down from the root, many trees or rows interleaved.
 * Every sum adds the leaves in the order of the trees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"
#include "vectors.h"

/* Rows whose cells stay in the first-level cache while every column reads them. */
#define BINNED_AT_ONCE 64
/* Rows or trees that go down side by side, so that one waits for memory while others move. */
#define SIDE_BY_SIDE 8

typedef struct {
    const void *cells;
    int is_float, is_rounded;
    size_t width;
} Rows;

/* Where a block is worked on. */
typedef struct {
    int8_t *bins;          /* [n_bins, BLOCK_ROWS] */
    const int8_t **place;  /* [n_bins]: where they lie; columns that share edges share bins while no cell is missing */
    uint8_t *missing;      /* [n_columns]: whether a cell is */
    double *sums;          /* [n_targets, BLOCK_ROWS] */
    uint8_t *slots;        /* [ZERO_SLOT + 1, BLOCK_ROWS] */
    uint8_t *reached;      /* [PART_LEAVES, BLOCK_ROWS]: the leaf in every part of a tree */
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

/* Turn ranks, or membership of a set, into the column's bytes, `stride` apart; missing cells go where they belong. */
static void put_bins(const Column *c, const double *x, const uint16_t *ranks, int8_t *out, size_t stride, size_t count)
{
    uint16_t settled[BINNED_AT_ONCE], missing = (uint16_t)(c->missing_right ? c->kind == KIND_SET ? 1 : c->n_edges : 0);
    for (size_t i = 0; i < count; i++)
        settled[i] = x[i] != x[i] ? missing : ranks[i];
    for (size_t i = 0; c->kind == KIND_SET && i < count; i++)
        if (x[i] == x[i])
            settled[i] = !(ranks[i] < c->n_edges && c->edges[ranks[i]] == x[i]);
    for (uint32_t bin = 0; bin < c->n_bins; bin++, out += stride) {
        uint16_t least = (uint16_t)(bin * EDGES_A_BYTE);
        for (size_t i = 0; i < count; i++) {
            uint16_t seen = settled[i] > least ? settled[i] - least : 0;
            out[i] = (int8_t)((seen < EDGES_A_BYTE ? seen : EDGES_A_BYTE) - 128);
        }
    }
}

static int bin_column(const Column *c, const Rows *rows, const Room *room, size_t first, size_t count)
{
    double x[BINNED_AT_ONCE];
    uint16_t ranks[BINNED_AT_ONCE];
    int missing = read_cells(c, rows, first, count, x);
    find_ranks(c, x, ranks, count);
    put_bins(c, x, ranks, room->bins + (size_t)c->first_bin * BLOCK_ROWS + first, BLOCK_ROWS, count);
    return missing;
}

static void bin_block(const Ensemble *e, const Rows *rows, const Room *room, size_t count)
{
    memset(room->missing, 0, e->n_columns);
    for (int is_sharing = 0; is_sharing < 2; is_sharing++)
        for (size_t first = 0; first < count; first += BINNED_AT_ONCE)
            for (uint32_t i = 0; i < e->n_columns; i++) {
                const Column *c = &e->columns[i];
                size_t some = count - first < BINNED_AT_ONCE ? count - first : BINNED_AT_ONCE;
                if (is_sharing && c->flags & SHARES_EDGES)
                    room->missing[i] = room->missing[i - 1];
                if (is_sharing ? c->flags & SHARES_EDGES && room->missing[i] : !(c->flags & SHARES_EDGES))
                    room->missing[i] |= (uint8_t)bin_column(c, rows, room, first, some);
            }
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const Column *c = &e->columns[i];
        int is_alike = c->flags & SHARES_EDGES && !room->missing[i];
        for (uint32_t bin = c->first_bin; bin < c->first_bin + c->n_bins; bin++)
            room->place[bin] = is_alike ? room->place[bin - c->n_bins] : room->bins + (size_t)bin * BLOCK_ROWS;
    }
}

/* Blend the splits of a part: slot 0 then holds each row's leaf, counted within the part. */
static inline __attribute__((always_inline)) void blend_rows(const Step *step, size_t n, const Room *room, size_t rows)
{
    for (const Step *end = step + n; step < end; step++) {
        const Step s = *step; /* a copy: what is stored below might be the step, for all that the compiler knows */
        const int8_t *x = room->place[s.column];
        uint8_t *target = room->slots + s.target * BLOCK_ROWS;
        const uint8_t *left = room->slots + s.left * BLOCK_ROWS, *right = room->slots + s.right * BLOCK_ROWS;
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

static const uint8_t *blend_part(const Ensemble *e, const Part *part, const Room *room, size_t rows)
{
    if (!part->n_steps)
        return room->slots + ZERO_SLOT * BLOCK_ROWS;
    blend(e->steps + part->first_step, part->n_steps, room, rows);
    return room->slots;
}

/* Find every row's leaf where the tree is in parts: the top tells the part, and the part the leaf. */
static void reach_in_parts(const Ensemble *e, const Tree *tree, const Room *room, size_t rows, uint32_t *leaves)
{
    const Part *parts = e->parts + tree->first_part;
    for (uint32_t part = 0; part < tree->n_parts; part++)
        memcpy(room->reached + part * BLOCK_ROWS, blend_part(e, &parts[part], room, rows), rows);
    const uint8_t *chosen = blend_part(e, &parts[tree->n_parts], room, rows);
    for (size_t row = 0; row < rows; row++)
        leaves[row] = parts[chosen[row]].first_leaf + room->reached[chosen[row] * BLOCK_ROWS + row];
}

/* Find every row's leaf from the root down: a row that has come to a leaf stays there. */
static void descend(const Ensemble *e, const Tree *tree, const Room *room, size_t rows, uint32_t *leaves)
{
    for (size_t first = 0; first < rows; first += SIDE_BY_SIDE) {
        uint32_t at[SIDE_BY_SIDE];
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            at[i] = tree->root;
        for (uint32_t level = 0; level < tree->depth; level++)
            for (int i = 0; i < SIDE_BY_SIDE; i++) {
                Node node = e->nodes[at[i]];
                at[i] = node.left + (room->place[node.column][first + i] > node.rank);
            }
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            leaves[first + i] = e->leaf_of[at[i]];
    }
}

static void add_tree(const Ensemble *e, const Tree *tree, const Room *room, size_t rows)
{
    double *sums = room->sums + (size_t)tree->target * BLOCK_ROWS;
    if (tree->n_parts == 1) {
        const Part *part = e->parts + tree->first_part;
        const uint8_t *reached = blend_part(e, part, room, rows);
        const double *values = e->values + (size_t)part->first_leaf * e->leaf_width;
        for (uint32_t i = 0; i < e->leaf_width; i++)
            add_near(sums + (size_t)i * BLOCK_ROWS, values + i, e->leaf_width, reached, rows);
        return;
    }
    uint32_t leaves[BLOCK_ROWS];
    (tree->n_parts ? reach_in_parts : descend)(e, tree, room, rows, leaves);
    for (uint32_t i = 0; i < e->leaf_width; i++)
        add_far(sums + (size_t)i * BLOCK_ROWS, e->values + i, e->leaf_width, leaves, rows);
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
    size_t bins = (size_t)e->n_bins * BLOCK_ROWS, slots = (ZERO_SLOT + 1) * BLOCK_ROWS, reached = PART_LEAVES * BLOCK_ROWS;
    size_t sums = (size_t)e->n_targets * BLOCK_ROWS * sizeof(double), places = e->n_bins * sizeof(void *);
    char *memory = aligned_alloc(64, (slots + reached + bins + sums + places + e->n_columns + 63) / 64 * 64);
    if (!memory)
        return -1;
    memset(memory, 0, slots + reached + bins); /* the zero slot, and rows beyond the last one */
    Room room = {.slots = (uint8_t *)memory, .reached = (uint8_t *)memory + slots};
    room.bins = (int8_t *)(memory + slots + reached);
    room.sums = (double *)(memory + slots + reached + bins);
    room.place = (const int8_t **)(memory + slots + reached + bins + sums);
    room.missing = (uint8_t *)(memory + slots + reached + bins + sums + places);
    size_t row_size = rows.width * (rows.is_float ? sizeof(float) : sizeof(double));
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t count = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS;
        sum_block(e, &rows, &room, count, raw + first * e->n_targets);
        rows.cells = (const char *)rows.cells + count * row_size;
    }
    free(memory);
    return 0;
}

static void bin_row(const Ensemble *e, const Rows *rows, size_t row, int8_t *bins)
{
    double x = 0;
    uint16_t rank = 0;
    for (uint32_t i = 0; i < e->n_columns; i++) {
        const Column *c = &e->columns[i];
        if (!(c->flags & SHARES_EDGES)) {
            read_cells(c, rows, row, 1, &x);
            rank = rank_among(c, x);
        }
        put_bins(c, &x, &rank, bins + c->first_bin, 1, 1);
    }
}

/* Take many trees of one row down side by side; `leaves` tells where each comes out. */
static void descend_trees(const Ensemble *e, const int8_t *bins, uint32_t *leaves)
{
    for (uint32_t first = 0; first < e->n_trees; first += SIDE_BY_SIDE) {
        uint32_t at[SIDE_BY_SIDE], depth = 0;
        for (uint32_t i = 0; i < SIDE_BY_SIDE; i++) {
            const Tree *tree = &e->trees[first + i < e->n_trees ? first + i : first];
            at[i] = tree->root;
            depth = tree->depth > depth ? tree->depth : depth;
        }
        for (uint32_t level = 0; level < depth; level++)
            for (int i = 0; i < SIDE_BY_SIDE; i++) {
                Node node = e->nodes[at[i]];
                at[i] = node.left + (bins[node.column] > node.rank);
            }
        for (uint32_t i = 0; i < SIDE_BY_SIDE; i++)
            leaves[first + i] = e->leaf_of[at[i]];
    }
}

static int sum_few(const Ensemble *e, Rows rows, size_t n_rows, double *raw)
{
    /* Trees go down in groups: the last group may be short of some. */
    size_t leaves = ((size_t)e->n_trees + 64) * sizeof(uint32_t);
    char *memory = malloc(leaves + e->n_bins + sizeof(uint32_t));
    if (!memory)
        return -1;
    uint32_t *reached = (uint32_t *)memory;
    int8_t *bins = (int8_t *)(memory + leaves);
    for (size_t row = 0; row < n_rows; row++, raw += e->n_targets) {
        bin_row(e, &rows, row, bins);
        descend_trees(e, bins, reached);
        memcpy(raw, e->starts, e->n_targets * sizeof(double));
        for (uint32_t t = 0; t < e->n_trees; t++)
            for (uint32_t i = 0; i < e->leaf_width; i++)
                raw[e->trees[t].target + i] += e->values[(size_t)reached[t] * e->leaf_width + i];
    }
    free(memory);
    return 0;
}

static int sums(const Ensemble *e, const void *features, int is_float, size_t n_rows, double *raw)
{
    Rows rows = {features, is_float, (e->flags & ROUNDED_TO_FLOAT) != 0, e->n_features};
    return n_rows <= e->few_rows ? sum_few(e, rows, n_rows, raw) : sum_blocks(e, rows, n_rows, raw);
}

const Kernel KERNEL = {NAME, sums, BLEND_COST};
