/* An ensemble of trees over binned columns: what the model file says, checked, and laid out for scoring. */
#ifndef ENSEMBLE_H
#define ENSEMBLE_H

#include <stddef.h>
#include <stdint.h>

enum { KIND_RANK = 0, KIND_SET = 1 };
enum { ZERO_IS_MISSING = 1, TRUNCATED = 2, SHARES_EDGES = 4 };
enum { ROUNDED_TO_FLOAT = 1 };
enum { LINK_NONE = 0, LINK_LOGISTIC = 1, LINK_SOFTMAX = 2, LINK_EXP = 3 };
enum { RULE_NONE = 0, RULE_LARGEST = 1, RULE_ABOVE = 2, RULE_NOT_BELOW = 3, RULE_LARGEST_RAW = 4 };

/* Rows that are scored side by side; bins of one column of a block lie together. */
#define BLOCK_ROWS 256
/* Levels of a column's search that run within registers: the edges at 1/16, 2/16 … of the way. */
#define TOP_EDGES 16
/* The slot that is always zero: what a leaf is, counted from itself. */
#define ZERO_SLOT 31

/* A virtual column: one feature as ranks among its edges, or as membership of a set. */
typedef struct {
    uint32_t feature;
    uint8_t kind, missing_right, flags;
    uint32_t n_edges;
    uint32_t levels;        /* of the binary search: 2^levels - 1 edges, the last of them infinite */
    const double *edges;    /* padded to 2^levels - 1 */
    double top[TOP_EDGES];  /* edges of the first four levels, the root first, level by level */
} Column;

/* One split of a tree in postorder: slot[target] = bin > rank ? slot[right] + left_leaves : slot[left]. */
typedef struct {
    uint16_t column;
    int16_t rank;  /* bins and ranks are signed: rank 0 is the least number of their type */
    uint16_t left_leaves;
    uint16_t slots;  /* left, right, target: five bits each */
} Step;

/* A node for going down: its children are `left` and `left + 1`; a leaf leads to itself. */
typedef struct {
    int16_t rank;
    uint16_t column;
    uint32_t left;
} Node;

typedef struct {
    uint32_t target;      /* the first sum that its leaves add to */
    uint32_t n_leaves;
    uint32_t first_leaf;  /* its leaves' numbers begin here */
    uint32_t depth;       /* splits on the longest way */
    uint32_t root;        /* its first node */
    uint32_t first_step;
    int is_blended;       /* its splits are steps, for blocks of rows; else a block goes down node by node */
} Tree;

typedef struct Ensemble Ensemble;

/* How rows become sums with one instruction set. `raw`: [rows, n_targets]. Returns 0, or -1 without memory. */
typedef struct {
    const char *name;
    int (*sums)(const Ensemble *, const void *features, int is_float, size_t rows, double *raw);
    /* Rows of a block from which on blending is quicker than going down, as a share of splits. */
    double blend_cost, descent_cost;
} Kernel;

struct Ensemble {
    uint32_t n_features, n_columns, n_trees, n_targets, leaf_width, n_splits, n_leaves;
    uint32_t flags, link, rule, bits, n_values;
    double divisor, scale, limit;
    Column *columns;
    double *edges;        /* of all columns */
    double *starts;       /* [n_targets] */
    double *values;       /* [n_leaves, leaf_width] */
    Tree *trees;
    Step *steps;          /* [n_splits] */
    Node *nodes;          /* [n_splits + n_leaves] */
    uint32_t *leaf_of;    /* [n_splits + n_leaves]: a leaf's number */
    uint32_t *packed;     /* the nodes in 32 bits, where they fit; else NULL */
    uint32_t *by_depth;   /* [n_trees]: the trees, the deepest first */
    const Kernel *kernel;
    uint32_t few_rows;    /* up to so many rows go down one by one */
    int is_wide;          /* bins and slots are 16 bits */
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
