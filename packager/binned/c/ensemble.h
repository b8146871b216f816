/* An ensemble of trees over binned columns: what the model file says, checked, and laid out for scoring. */
#ifndef ENSEMBLE_H
#define ENSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#if __FLT_EVAL_METHOD__ != 0 || defined(__FAST_MATH__)
#error "sums have to be rounded to double, one after another"
#endif

enum { KIND_RANK = 0, KIND_SET = 1 };
enum { ZERO_IS_MISSING = 1, TRUNCATED = 2, SHARES_EDGES = 4 };
enum { ROUNDED_TO_FLOAT = 1 };
enum { LINK_NONE = 0, LINK_LOGISTIC = 1, LINK_SOFTMAX = 2, LINK_EXP = 3 };
enum { RULE_NONE = 0, RULE_LARGEST = 1, RULE_ABOVE = 2, RULE_NOT_BELOW = 3, RULE_LARGEST_RAW = 4 };

/* Rows that are scored side by side; bins of one column of a block lie together. */
#define BLOCK_ROWS 256
/* Edges that one byte tells apart: a column with more is several bytes, each of which sees some edges. */
#define EDGES_A_BYTE 255
/* Levels of a column's search that run within registers: the edges at 1/16, 2/16 … of the way. */
#define TOP_EDGES 16
/* Leaves, or ways down, that one byte tells apart. */
#define BLENDED_LEAVES 256
/* Levels whose splits have no more ways down than that. */
#define BLENDED_LEVELS 8
/* Trees that one row goes down at once at the most. */
#define ORDERED 64
/* The slot that is always zero: what a leaf is, counted from itself. */
#define ZERO_SLOT 31

/* A column of the file: one feature as ranks among its edges, or as membership of a set. */
typedef struct {
    uint32_t feature;
    uint8_t kind, missing_right, flags;
    uint32_t n_edges;
    uint32_t first_bin, n_bins;  /* its bytes among those of a row */
    uint32_t levels;             /* of the binary search */
    const double *edges;         /* padded with infinity to 2^levels - 1 */
    double top[TOP_EDGES];       /* edges of the first four levels, the root first, level by level */
} Column;

/* One split in postorder: slot[target] = bin > rank ? slot[right] + left_leaves : slot[left]. */
typedef struct {
    uint16_t column;
    int8_t rank;  /* bins and ranks are signed: the least is -128 */
    uint8_t left_leaves;
    uint8_t left, right, target, unused;
} Step;

/* A node for going down: its children are `left` and `left + 1`; a leaf leads to itself. */
typedef struct {
    uint16_t column, rank;
    uint32_t left;
} Node;

/* How many low bits of a node in 32 bits are its rank, how many above them its column; the rest is `left - root`. */
typedef struct {
    uint32_t rank, column;
} NodeBits;

/* Blocks of rows pass the splits of a whole tree, or of its first levels, by blending, and go down what is left. */
typedef struct {
    uint32_t target;               /* the first sum that its leaves add to */
    uint32_t n_leaves, first_leaf;
    uint32_t root, depth;          /* its first node, and splits on the longest way */
    uint32_t first_step, n_steps;
    uint32_t first_way;            /* its entries in `ways` */
    uint32_t levels_left;          /* to go down; 0 where blending tells the leaf */
} Tree;

typedef struct Ensemble Ensemble;

/* How rows become sums with one instruction set. `raw`: [rows, n_targets]. Returns 0, or -1 without memory. */
typedef struct {
    const char *name;
    int (*sums)(const Ensemble *, const void *features, int is_float, size_t rows, double *raw);
    double blend_cost;  /* of one split for a block of rows, in levels that one row goes down */
    int wants_packed;
} Kernel;

struct Ensemble {
    uint32_t n_features, n_columns, n_trees, n_targets, leaf_width, n_splits, n_leaves;
    uint32_t flags, link, rule, n_values;
    double divisor, scale, limit;
    uint32_t n_bins;      /* bytes of a binned row */
    Column *columns;
    double *edges;        /* of all columns */
    double *starts;       /* [n_targets] */
    double *values;       /* [n_leaves, leaf_width] */
    Tree *trees;
    Step *steps;          /* [n_splits] */
    uint32_t *ways;       /* nodes from which rows go down, in the order of what blending tells */
    Node *nodes;          /* [n_splits + n_leaves] */
    uint32_t *leaf_of;    /* [n_splits + n_leaves]: a leaf's number, of all leaves */
    uint32_t *packed;     /* [n_splits + n_leaves]: nodes in 32 bits, where they fit; else NULL */
    NodeBits bits;
    uint32_t *order;      /* [n_trees, up to a multiple of ORDERED]: the deepest first, the last one over again */
    const Kernel *kernel;
    int blends, descends; /* whether blocks do in any tree */
};

/* Return the checked ensemble, or NULL and what is wrong with the bytes (or "memory"). */
Ensemble *ensemble_load(const uint8_t *bytes, size_t size, const Kernel *kernel, const char **problem);
void ensemble_free(Ensemble *);

/* Turn sums into values [rows, n_values], and labels [rows] unless they are NULL. */
void ensemble_finish(const Ensemble *, const double *raw, size_t rows, double *values, int64_t *labels);

extern const Kernel kernel_plain;
#ifdef HAS_X86
extern const Kernel kernel_avx2, kernel_avx512;
#endif

#endif
