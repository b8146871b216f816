/* The few vector words of the kernels, in the instruction set that is compiled for.
 *
 * blend_lanes: target = x > rank ? right + more : left, for LANES rows.
 * find_ranks: how many edges lie below each x; NaN gives any number.
 * add_near, add_far: sums[row] += values[leaf[row] * stride]; a multiple of eight rows. */
#include "ensemble.h"

static inline uint16_t rank_among(const Column *c, double x)
{
    uint32_t rank = 0;
    for (uint32_t step = (1u << c->levels) >> 1; step; step >>= 1)
        rank += c->edges[rank + step - 1] < x ? step : 0;
    return (uint16_t)rank;
}

#if defined(__AVX512BW__)

#include <immintrin.h>

#define NAME "avx512"
#define KERNEL kernel_avx512
#define LANES 64
#define BLEND_COST 6.0

static inline void blend_lanes(uint8_t *target, const int8_t *x, int8_t rank, const uint8_t *left, const uint8_t *right, uint8_t more)
{
    __mmask64 goes_right = _mm512_cmplt_epi8_mask(_mm512_set1_epi8(rank), _mm512_load_si512(x));
    __m512i kept = _mm512_load_si512(left), moved = _mm512_load_si512(right);
    _mm512_store_si512(target, _mm512_mask_add_epi8(kept, goes_right, moved, _mm512_set1_epi8((char)more)));
}

/* Eight rows at a time, four of these side by side: the first four levels within registers, the others by gather. */
static inline void find_ranks(const Column *c, const double *x, uint16_t *ranks, size_t count)
{
    const __m512d low = _mm512_loadu_pd(c->top), high = _mm512_loadu_pd(c->top + 8);
    const __m512i one = _mm512_set1_epi64(1);
    const uint32_t top_levels = c->levels < 4 ? c->levels : 4;
    for (size_t row = 0; row < count; row += 32) {
        __m512d cells[4];
        __m512i found[4];
        for (int i = 0; i < 4; i++) {
            cells[i] = _mm512_loadu_pd(x + row + 8 * i);
            found[i] = _mm512_setzero_si512();
        }
        for (uint32_t level = 0; level < top_levels; level++) {
            const __m512i first = _mm512_set1_epi64((1 << level) - 1);
            for (int i = 0; i < 4; i++) {
                __m512d edges = _mm512_permutex2var_pd(low, _mm512_add_epi64(found[i], first), high);
                __mmask8 above = _mm512_cmp_pd_mask(edges, cells[i], _CMP_LT_OQ);
                found[i] = _mm512_add_epi64(found[i], found[i]);
                found[i] = _mm512_mask_add_epi64(found[i], above, found[i], one);
            }
        }
        for (int i = 0; i < 4; i++)
            found[i] = _mm512_sll_epi64(found[i], _mm_cvtsi32_si128((int)(c->levels - top_levels)));
        for (uint32_t step = (1u << (c->levels - top_levels)) >> 1; step; step >>= 1) {
            const __m512i width = _mm512_set1_epi64(step);
            for (int i = 0; i < 4; i++) {
                __m512d edges = _mm512_i64gather_pd(found[i], c->edges + step - 1, 8);
                __mmask8 above = _mm512_cmp_pd_mask(edges, cells[i], _CMP_LT_OQ);
                found[i] = _mm512_mask_add_epi64(found[i], above, found[i], width);
            }
        }
        for (int i = 0; i < 4; i++)
            _mm_storeu_si128((__m128i *)(ranks + row + 8 * i), _mm512_cvtepi64_epi16(found[i]));
    }
}

static inline void add_gathered(double *sums, const double *values, size_t stride, __m512i leaf)
{
    if (stride != 1)
        leaf = _mm512_mullo_epi64(leaf, _mm512_set1_epi64((long long)stride));
    _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), _mm512_i64gather_pd(leaf, values, 8)));
}

static inline void add_near(double *sums, const double *values, size_t stride, const uint8_t *leaves, size_t rows)
{
    for (size_t row = 0; row < rows; row += 8)
        add_gathered(sums + row, values, stride, _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(leaves + row))));
}

static inline void add_far(double *sums, const double *values, size_t stride, const uint32_t *leaves, size_t rows)
{
    for (size_t row = 0; row < rows; row += 8)
        add_gathered(sums + row, values, stride, _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(leaves + row))));
}

#else

static inline void find_ranks(const Column *c, const double *x, uint16_t *ranks, size_t count)
{
    for (size_t row = 0; row < count; row++)
        ranks[row] = rank_among(c, x[row]);
}

static inline void add_near(double *sums, const double *values, size_t stride, const uint8_t *leaves, size_t rows)
{
    for (size_t row = 0; row < rows; row++)
        sums[row] += values[leaves[row] * stride];
}

static inline void add_far(double *sums, const double *values, size_t stride, const uint32_t *leaves, size_t rows)
{
    for (size_t row = 0; row < rows; row++)
        sums[row] += values[leaves[row] * stride];
}

#if defined(__AVX2__)
#define NAME "avx2"
#define KERNEL kernel_avx2
#define LANES 32
#define BLEND_COST 8.0
#else
#define NAME "plain"
#define KERNEL kernel_plain
#define LANES 16
#define BLEND_COST 12.0
#endif

/* The vectors of GCC and clang: AVX2 or SSE2 on x86-64, NEON on 64-bit ARM. */
typedef int8_t Signed __attribute__((vector_size(LANES)));
typedef uint8_t Unsigned __attribute__((vector_size(LANES)));

static inline void blend_lanes(uint8_t *target, const int8_t *x, int8_t rank, const uint8_t *left, const uint8_t *right, uint8_t more)
{
    Unsigned goes_right = (Unsigned)(*(const Signed *)x > (Signed){0} + rank);
    Unsigned moved = *(const Unsigned *)right + more;
    *(Unsigned *)target = (goes_right & moved) | (~goes_right & *(const Unsigned *)left);
}

#endif
