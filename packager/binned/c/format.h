/* The bytes of an ensemble in a model file. */
#ifndef FORMAT_H
#define FORMAT_H

#include "ensemble.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian"
#endif

#define RANK(split) ((split) & 0xFFFF)
#define COLUMN(split) ((split) >> 16 & 0x3FFF)
#define LEFT_IS_LEAF (1u << 30)
#define RIGHT_IS_LEAF (1u << 31)

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
    const void *edges;  /* float where cells are rounded to it, else double */
    const double *starts;
    const uint32_t *targets, *sizes, *splits;
    const double *values;
} Sections;

/* The edge of a number, counted over all columns. */
static inline double edge_at(const Header *h, const Sections *s, uint64_t i)
{
    return h->flags & ROUNDED_TO_FLOAT ? ((const float *)s->edges)[i] : ((const double *)s->edges)[i];
}

/* Find header and sections in the bytes; return NULL where they hold together, else what is wrong with them. */
const char *check_bytes(const uint8_t *bytes, size_t size, Header *h, Sections *s);

#endif
