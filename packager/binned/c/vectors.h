/* The few vector words of the kernels, for the instruction set that is compiled for.
 *
 * blend8, blend16: target = x > rank ? right + left_leaves : left, for LANES rows.
 * add8, add16: sums[row] += values[leaf[row] * stride]. */
#if defined(__AVX512BW__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512BW__)

#define LANES8 64
#define LANES16 32
#define BLEND_COST 1.6 /* a step of 64 rows of bytes, in a step down of one row */
#define DESCENT_COST 1.0

static inline void blend8(int8_t *target, const int8_t *x, int16_t rank, const int8_t *left, const int8_t *right, uint16_t more)
{
    __mmask64 goes_right = _mm512_cmpgt_epi8_mask(_mm512_load_si512(x), _mm512_set1_epi8((char)rank));
    __m512i kept = _mm512_load_si512(left), moved = _mm512_load_si512(right);
    _mm512_store_si512(target, _mm512_mask_add_epi8(kept, goes_right, moved, _mm512_set1_epi8((char)more)));
}

static inline void blend16(int16_t *target, const int16_t *x, int16_t rank, const int16_t *left, const int16_t *right, uint16_t more)
{
    __mmask32 goes_right = _mm512_cmpgt_epi16_mask(_mm512_load_si512(x), _mm512_set1_epi16(rank));
    __m512i kept = _mm512_load_si512(left), moved = _mm512_load_si512(right);
    _mm512_store_si512(target, _mm512_mask_add_epi16(kept, goes_right, moved, _mm512_set1_epi16((short)more)));
}

#elif defined(__AVX2__)

#define LANES8 32
#define LANES16 16
#define BLEND_COST 3.0
#define DESCENT_COST 1.0

static inline void blend8(int8_t *target, const int8_t *x, int16_t rank, const int8_t *left, const int8_t *right, uint16_t more)
{
    __m256i goes_right = _mm256_cmpgt_epi8(_mm256_load_si256((const __m256i *)x), _mm256_set1_epi8((char)rank));
    __m256i kept = _mm256_load_si256((const __m256i *)left), moved = _mm256_load_si256((const __m256i *)right);
    moved = _mm256_add_epi8(moved, _mm256_set1_epi8((char)more));
    _mm256_store_si256((__m256i *)target, _mm256_blendv_epi8(kept, moved, goes_right));
}

static inline void blend16(int16_t *target, const int16_t *x, int16_t rank, const int16_t *left, const int16_t *right, uint16_t more)
{
    __m256i goes_right = _mm256_cmpgt_epi16(_mm256_load_si256((const __m256i *)x), _mm256_set1_epi16(rank));
    __m256i kept = _mm256_load_si256((const __m256i *)left), moved = _mm256_load_si256((const __m256i *)right);
    moved = _mm256_add_epi16(moved, _mm256_set1_epi16((short)more));
    _mm256_store_si256((__m256i *)target, _mm256_blendv_epi8(kept, moved, goes_right));
}

#else

#define LANES8 16
#define LANES16 8
#define BLEND_COST 6.0
#define DESCENT_COST 1.0

/* GCC's and clang's own vectors: SSE2 on x86-64, NEON on 64-bit ARM. */
typedef int8_t Bytes __attribute__((vector_size(16)));
typedef int16_t Shorts __attribute__((vector_size(16)));

static inline void blend8(int8_t *target, const int8_t *x, int16_t rank, const int8_t *left, const int8_t *right, uint16_t more)
{
    Bytes limit = (Bytes){0} + (int8_t)rank, step = (Bytes){0} + (int8_t)more;
    Bytes goes_right = *(const Bytes *)x > limit, moved = *(const Bytes *)right + step;
    *(Bytes *)target = (goes_right & moved) | (~goes_right & *(const Bytes *)left);
}

static inline void blend16(int16_t *target, const int16_t *x, int16_t rank, const int16_t *left, const int16_t *right, uint16_t more)
{
    Shorts limit = (Shorts){0} + rank, step = (Shorts){0} + (int16_t)more;
    Shorts goes_right = *(const Shorts *)x > limit, moved = *(const Shorts *)right + step;
    *(Shorts *)target = (goes_right & moved) | (~goes_right & *(const Shorts *)left);
}

#endif

static inline void add8(double *sums, const double *values, size_t stride, const uint8_t *leaves, size_t count)
{
    for (size_t row = 0; row < count; row++)
        sums[row] += values[leaves[row] * stride];
}

static inline void add16(double *sums, const double *values, size_t stride, const uint16_t *leaves, size_t count)
{
    for (size_t row = 0; row < count; row++)
        sums[row] += values[leaves[row] * stride];
}
