/* Going down from the root: one tree with many rows, or many trees with one row.
 *
 * Several go side by side, so that one waits for memory while others move, and none branches: who has come to a leaf
 * stays there until all have. */
#include "ensemble.h"

#if defined(__AVX512BW__)

#include <immintrin.h>

#define WANTS_PACKED 1
/* Registers of sixteen that go down at once. */
#define ABREAST 4

/* One step of sixteen: from packed nodes and the ranks that they ask for to where these lead, counted from the root. */
static inline __m512i step_down(const Ensemble *e, __m512i node, __m512i rank_here)
{
    const __m512i ranks = _mm512_set1_epi32((1 << e->bits.rank) - 1);
    __mmask16 goes_right = _mm512_cmpgt_epu32_mask(rank_here, _mm512_and_si512(node, ranks));
    __m512i left = _mm512_srl_epi32(node, _mm_cvtsi32_si128((int)(e->bits.rank + e->bits.column)));
    return _mm512_mask_add_epi32(left, goes_right, left, _mm512_set1_epi32(1));
}

static inline __m512i column_in(const Ensemble *e, __m512i node)
{
    const __m512i columns = _mm512_set1_epi32((1 << e->bits.column) - 1);
    return _mm512_and_si512(_mm512_srl_epi32(node, _mm_cvtsi32_si128((int)e->bits.rank)), columns);
}

static inline __m512i ranks_at(const uint16_t *ranks, __m512i place)
{
    return _mm512_and_si512(_mm512_i32gather_epi32(place, ranks, 2), _mm512_set1_epi32(0xFFFF));
}

static inline void descend_packed_rows(const Ensemble *e, const Tree *tree, const uint8_t *ways, const uint16_t *ranks, uint32_t *leaves)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i root = _mm512_set1_epi32((int)tree->root);
    __m512i at[ABREAST];
    for (int i = 0; i < ABREAST; i++) {
        __m512i way = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(ways + 16 * i)));
        at[i] = _mm512_i32gather_epi32(way, e->ways + tree->first_way, 4);
    }
    for (uint32_t level = 0; level < tree->levels_left; level++)
        for (int i = 0; i < ABREAST; i++) {
            __m512i node = _mm512_i32gather_epi32(at[i], e->packed, 4);
            __m512i row = _mm512_add_epi32(lane, _mm512_set1_epi32(16 * i));
            __m512i place = _mm512_add_epi32(_mm512_slli_epi32(column_in(e, node), 8), row); /* BLOCK_ROWS is 1 << 8 */
            at[i] = _mm512_add_epi32(root, step_down(e, node, ranks_at(ranks, place)));
        }
    for (int i = 0; i < ABREAST; i++)
        _mm512_storeu_si512(leaves + 16 * i, _mm512_i32gather_epi32(at[i], e->leaf_of, 4));
}

/* Ranks of up to 64 columns lie in two registers, others are gathered. */
static inline __attribute__((always_inline)) void descend_packed_trees(const Ensemble *e, const uint16_t *ranks, uint32_t first, uint32_t *leaves, int is_narrow)
{
    const __m512i low = _mm512_loadu_si512(ranks), high = _mm512_loadu_si512(ranks + (is_narrow ? 32 : 0));
    const uint32_t *order = e->order + first, depth = e->trees[order[0]].depth;
    uint32_t roots[16 * ABREAST];
    __m512i at[ABREAST], root[ABREAST];
    for (uint32_t i = 0; i < 16 * ABREAST; i++)
        roots[i] = e->trees[order[i]].root;
    for (int i = 0; i < ABREAST; i++)
        at[i] = root[i] = _mm512_loadu_si512(roots + 16 * i);
    for (uint32_t level = 0; level < depth; level++)
        for (int i = 0; i < ABREAST; i++) {
            __m512i node = _mm512_i32gather_epi32(at[i], e->packed, 4), column = column_in(e, node);
            __m512i here = is_narrow ? _mm512_maskz_permutex2var_epi16(0x55555555, low, column, high) : ranks_at(ranks, column);
            at[i] = _mm512_add_epi32(root[i], step_down(e, node, here));
        }
    for (int i = 0; i < ABREAST; i++)
        _mm512_i32scatter_epi32(leaves, _mm512_loadu_si512(order + 16 * i), _mm512_i32gather_epi32(at[i], e->leaf_of, 4), 4);
}

#else

#define WANTS_PACKED 0

#endif

#define SIDE_BY_SIDE 8

/* Find the leaf of every row of a block in one tree, each from its own way on; `rows` is a multiple of 64. */
static void descend_rows(const Ensemble *e, const Tree *tree, const uint8_t *ways, const uint16_t *ranks, size_t rows, uint32_t *leaves)
{
#if WANTS_PACKED
    for (size_t first = 0; e->packed && first < rows; first += 16 * ABREAST)
        descend_packed_rows(e, tree, ways + first, ranks + first, leaves + first);
    if (e->packed)
        return;
#endif
    for (size_t first = 0; first < rows; first += SIDE_BY_SIDE) {
        uint32_t at[SIDE_BY_SIDE];
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            at[i] = e->ways[tree->first_way + ways[first + i]];
        for (uint32_t level = 0; level < tree->levels_left; level++)
            for (int i = 0; i < SIDE_BY_SIDE; i++) {
                Node node = e->nodes[at[i]];
                at[i] = node.left + (ranks[(size_t)node.column * BLOCK_ROWS + first + i] > node.rank);
            }
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            leaves[first + i] = e->leaf_of[at[i]];
    }
}

/* Find the leaf of one row in every tree. */
static void descend_trees(const Ensemble *e, const uint16_t *ranks, uint32_t *leaves)
{
#if WANTS_PACKED
    for (uint32_t first = 0; e->packed && first < e->n_trees; first += 16 * ABREAST)
        if (e->n_columns <= 64)
            descend_packed_trees(e, ranks, first, leaves, 1);
        else
            descend_packed_trees(e, ranks, first, leaves, 0);
    if (e->packed)
        return;
#endif
    for (uint32_t first = 0; first < e->n_trees; first += SIDE_BY_SIDE) {
        const uint32_t *order = e->order + first, depth = e->trees[order[0]].depth;
        uint32_t at[SIDE_BY_SIDE];
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            at[i] = e->trees[order[i]].root;
        for (uint32_t level = 0; level < depth; level++)
            for (int i = 0; i < SIDE_BY_SIDE; i++) {
                Node node = e->nodes[at[i]];
                at[i] = node.left + (ranks[node.column] > node.rank);
            }
        for (int i = 0; i < SIDE_BY_SIDE; i++)
            leaves[order[i]] = e->leaf_of[at[i]];
    }
}
